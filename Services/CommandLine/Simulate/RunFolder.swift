import Domain
import Foundation
import Protocol
import Simulation

/// A folder with everything that one run was and gave: what another run is held against.
///
/// | file | content |
/// |---|---|
/// | `about.json` | versions, seed, rate, machine, when |
/// | `record.json` | times of every request, as `e2llm simulate --record` writes them |
/// | `requests.csv` | the same as a table |
/// | `arrivals.csv` | arrival times and lengths of the requests |
/// | `fleet.json` | devices with profiles and links; the fleet description of a simulated run |
/// | `plan.json` | the plan in force, or the one that was simulated |
struct RunFolder {
    /// What a run was.
    struct About: Codable, Sendable, Hashable {
        var version: String
        var wire: String
        var workload: String
        var rate: Double
        var seed: UInt64
        var requests: Int
        var model: String
        var plan: String
        var algorithm: String
        var machine: String
        var processors: Int
        var started: String
    }

    let path: String

    /// Makes the folder; one with files in it is not written over.
    static func create(_ path: String) throws -> RunFolder {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        guard files.isEmpty else { throw Failure(.usage, "--output \(path): the folder is not empty") }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw Failure(.failed, "--output \(path): \(error.localizedDescription)")
        }
        return RunFolder(path: path)
    }

    /// Writes the files; `fleet` is the text of `fleet.json`.
    func write(_ about: About, _ record: RunRecord, fleet: String?) throws {
        try OutputFile.write(JSONOutput.text(about) + "\n", to: file("about.json"))
        try OutputFile.write(RecordFile.json(record), to: file("record.json"))
        try OutputFile.write(RecordFile.csv(record), to: file("requests.csv"))
        try OutputFile.write(Self.arrivals(record), to: file("arrivals.csv"))
        if let fleet { try OutputFile.write(fleet + "\n", to: file("fleet.json")) }
        if let plan = record.plan { try OutputFile.write(JSONOutput.text(plan) + "\n", to: file("plan.json")) }
    }

    func file(_ name: String) -> String { path + "/" + name }

    /// The record at a path: a file, or that of a folder.
    static func record(at path: String) -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return path
        }
        return RunFolder(path: path).file("record.json")
    }

    /// What a folder says about its run; `nil` for a file.
    static func about(at path: String) throws -> About? {
        let file = RunFolder(path: path).file("about.json")
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        do {
            return try JSONDecoder().decode(About.self, from: data)
        } catch {
            throw Failure(.usage, "\(file): says nothing about a run")
        }
    }

    /// Lines on what two runs do not have in common.
    static func differences(_ one: About, _ other: About) -> [String] {
        var lines: [String] = []
        func compare(_ name: String, _ value: (About) -> String) {
            if value(one) != value(other) { lines.append("\(name): \(value(one)) | \(value(other))") }
        }
        compare("version") { "\($0.version), protocol \($0.wire)" }
        compare("workload") { "\($0.workload), \($0.requests) requests" }
        compare("rate") { "\($0.rate)" }
        compare("seed") { "\($0.seed)" }
        compare("model") { $0.model }
        compare("plan") { "\($0.plan) (\($0.algorithm))" }
        compare("machine") { "\($0.machine), \($0.processors) processors" }
        return lines
    }

    /// As `--workload` reads it: with the same `--rate` and `--seed` the same requests at the same times.
    private static func arrivals(_ record: RunRecord) -> String {
        let first = record.requests.first?.arrival ?? 0
        return "request_id,t_unit,prompt_tokens,output_tokens\n"
            + record.requests.map { request in
                "\(request.id),\((request.arrival - first) * record.rate),\(request.promptTokens),\(request.outputTokens)\n"
            }.joined()
    }

    /// The processor of this machine.
    static func machine() -> String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") || $0.hasPrefix("Model") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }
}
