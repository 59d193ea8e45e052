import Foundation
import Kernels
import Synchronization
import Testing

@Suite("Thread pool and machine")
struct PoolTests {
    private final class Counts: Sendable {
        let items: Mutex<[Int]>
        init(_ count: Int) { items = Mutex([Int](repeating: 0, count: count)) }
    }

    @Test("every item runs exactly once, run after run", arguments: [1, 2, 3, 8] as [Int32])
    func stress(threads: Int32) throws {
        let pool = try #require(e2_pool_create(threads))
        defer { e2_pool_destroy(pool) }
        #expect(e2_pool_threads(pool) == threads)
        var random = RandomNumbers(seed: 30)
        for run in 0..<2000 {
            // Now and then long enough a pause for the threads to fall asleep.
            if run % 100 == 0 { spin(seconds: 0.0005) }
            let count = Int.random(in: 0...20, using: &random)
            let counts = Counts(count)
            e2_pool_for(
                pool, Int32(count),
                { context, item, _ in
                    guard let context else { return }
                    let counts = Unmanaged<Counts>.fromOpaque(context).takeUnretainedValue()
                    counts.items.withLock { $0[Int(item)] += 1 }
                }, Unmanaged.passUnretained(counts).toOpaque())
            #expect(counts.items.withLock { $0.allSatisfy { $0 == 1 } })
        }
    }

    private func spin(seconds: Double) {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {}
    }

    @Test("pools come and go, and impossible ones are refused")
    func lifetimes() {
        for _ in 0..<50 { e2_pool_destroy(e2_pool_create(4)) }
        #expect(e2_pool_create(0) == nil)
        #expect(e2_pool_create(257) == nil)
        e2_pool_destroy(nil)
    }

    @Test("the instruction set has a name that can be asked for")
    func names() {
        #expect(e2_isa(e2_isa_name()) != nil)
        #expect(e2_isa("sse9") == nil)
        #expect(e2_isa(nil) == nil)
        let wanted = ProcessInfo.processInfo.environment["E2LLM_ISA"] ?? ""
        #expect(e2_initialize() == (wanted.isEmpty || e2_isa(wanted) != nil ? E2_OK : E2_UNSUPPORTED_ISA))
        #expect(String(cString: e2_status_text(E2_UNSUPPORTED_ISA)).contains("E2LLM_ISA"))
    }

    @Test("kernels for instructions that this CPU may lack are compared in emulation")
    func emulation() {
        let names = Set(InstructionSet.others.map(\.description))
        var wanted: Set = ["avx512vnni emulated"]
        if names.contains("avx2") { wanted.insert("avxvnni emulated") }
        #expect(
            wanted.subtracting(names).isEmpty,
            "built without SIMDe: run ./scripts/setup, then build Tests/KernelsEmulated again")
    }

    @Test("the probes measure something")
    func probes() {
        #expect(e2_peak_gmacs(1) > 0.01)
        #expect(e2_read_gb_per_s(2, 8 << 20) > 0.1)
    }
}
