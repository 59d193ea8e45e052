import Experiments
import Foundation
import Glibc

/// Reads what this machine is doing.
enum MachineWatch {
    /// Now; `nil` where `/proc` does not tell.
    static func moment() -> MachineMoment? {
        guard let processors = text("/proc/stat").flatMap({ ProcessorTimes(stat: $0) }) else { return nil }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let processes = names.filter { Int($0) != nil }.compactMap { name in
            text("/proc/\(name)/stat").flatMap { ProcessTimes(stat: $0) }
        }
        return MachineMoment(
            processors: processors, own: ProcessTimes.ticks(of: Int(getpid()), processes),
            load: text("/proc/loadavg").flatMap(MachineMoment.load) ?? 0)
    }

    private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    /// The processor and how many of them, for reports.
    static var name: String { "\(RunFolder.machine()), \(ProcessInfo.processInfo.activeProcessorCount) processors" }
}
