import Domain
import Foundation
import Testing

@testable import Planning

@Suite("Baseline timing") struct BaselineTiming {
    @Test func timing() throws {
        for devices in [6, 16, 32, 64] {
            for seed in UInt64(0)..<5 {
                guard let q = try BaselineFleets.generated(devices: devices, seed: seed) else {
                    print(devices, seed, "no fit"); continue
                }
                var line = "\(devices)/\(seed) \(Set(q.types.values).count) types:"
                for kind in Baseline.Kind.allCases {
                    let start = Date()
                    let plan = try? q.plan(kind)
                    let s = Date().timeIntervalSince(start)
                    line +=
                        " \(kind.rawValue) g=\(plan?.groups.count ?? 0) P=\(plan?.groups.filter { $0.role == .prefill }.count ?? 0) rate=\(Double(Int((plan?.rate ?? 0) * 1000)) / 1000) \(Int(s * 1000))ms"
                }
                print(line)
            }
        }
    }
}
