import Domain
import Experiments
import Foundation
import Simulation

/// The folder of a live experiment: what was measured stays there, so that the command goes on where it was stopped.
///
/// | path | content |
/// |---|---|
/// | `settings.json` | what is measured; a folder of other settings is refused |
/// | `fleet.json`, `plans/` | the measured fleet and the plans that were made from it |
/// | `runs/NAME/` | one run, as `bench load --output` writes it, with `machine.json` |
/// | `cluster/` | logs and profiles of the fleet |
struct LiveStore {
    let path: String

    /// Opens a folder, or makes it, for an experiment of these settings.
    init(_ path: String, settings: some Encodable) throws {
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
        do {
            try FileManager.default.createDirectory(
                atPath: self.path + "/runs", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(
                atPath: self.path + "/plans", withIntermediateDirectories: true)
        } catch {
            throw Failure(.failed, "--output \(path): \(error.localizedDescription)")
        }
        let text = try JSONOutput.text(settings) + "\n"
        let file = self.path + "/settings.json"
        if let present = FileManager.default.contents(atPath: file) {
            guard present == Data(text.utf8) else {
                throw Failure(
                    .usage,
                    "--output \(path): the folder has runs of other settings, model or fleet (settings.json); choose another one"
                )
            }
        } else {
            try OutputFile.write(text, to: file)
        }
    }

    /// A value that was kept; `nil` where there is none yet.
    func read<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value? {
        guard let data = FileManager.default.contents(atPath: path + "/" + name) else { return nil }
        do {
            return try JSONDecoder().decode(Value.self, from: data)
        } catch let error as DecodingError {
            throw Failure(.failed, "\(path)/\(name): \(DecodingText.text(error)); remove it to have it made anew")
        }
    }

    /// Keeps a value.
    func write(_ name: String, _ value: some Encodable) throws {
        try OutputFile.write(JSONOutput.text(value) + "\n", to: path + "/" + name)
    }

    /// Keeps a run; it appears at once and whole, or not at all.
    func keep(_ name: String, _ load: LiveLoad) throws {
        let files = FileManager.default
        let partial = path + "/runs/.partial"
        let target = path + "/runs/" + name
        try? files.removeItem(atPath: partial)
        let folder = try RunFolder.create(partial)
        try folder.write(load.about, load.record, fleet: JSONOutput.text(load.fleet))
        try OutputFile.write(JSONOutput.text(load.machine) + "\n", to: folder.file("machine.json"))
        do {
            try? files.removeItem(atPath: target)
            try files.createDirectory(
                atPath: URL(fileURLWithPath: target).deletingLastPathComponent().path,
                withIntermediateDirectories: true)
            try files.moveItem(atPath: partial, toPath: target)
        } catch {
            throw Failure(.failed, "\(target): \(error.localizedDescription)")
        }
    }

    /// A run that was kept; `nil` where it was not measured yet.
    func run(_ name: String) throws -> (record: RunRecord, machine: MachineUse, fleet: Fleet)? {
        let folder = RunFolder(path: path + "/runs/" + name)
        guard FileManager.default.fileExists(atPath: folder.path) else { return nil }
        guard let machine = try read("runs/\(name)/machine.json", as: MachineUse.self),
            let fleet = try read("runs/\(name)/fleet.json", as: Fleet.self)
        else { throw Failure(.failed, "\(folder.path) is not complete; remove it to have it measured anew") }
        return (try RecordFile.read(folder.file("record.json")), machine, fleet)
    }
}
