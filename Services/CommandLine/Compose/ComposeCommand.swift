import ArgumentParser
import Foundation

/// `e2llm compose`: a docker-compose file for a fleet description.
struct ComposeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compose", abstract: "Writes a docker-compose file for a fleet description.",
        discussion: "Put it beside `config/` and `keys/` of the folder compose; its first lines say how it is started.")

    @Option(help: "A YAML file that describes the devices.") var fleet: String
    @Option(help: "Where the file goes; default: standard output.") var output: String?

    func run() async throws {
        try await Failure.reporting {
            let description = try LaunchFleetFile.read(fleet)
            for device in description.devices {
                guard let first = device.id.unicodeScalars.first,
                    ("a"..."z").contains(first) || ("0"..."9").contains(first),
                    device.id.unicodeScalars.allSatisfy({
                        ("a"..."z").contains($0) || ("0"..."9").contains($0) || "-_".unicodeScalars.contains($0)
                    })
                else {
                    throw Failure(.usage, "\(fleet): the id \(device.id) is no name of a service: a-z, 0-9, - and _")
                }
            }
            guard (description.services ?? [:]).isEmpty else {
                throw Failure(
                    .usage,
                    "\(fleet): other implementations of services need images of their own; see compose/README.md")
            }
            let file = ComposeFile(fleet: description, name: URL(fileURLWithPath: fleet).lastPathComponent)
            guard let output else { return print(file.text, terminator: "") }
            do {
                try Data(file.text.utf8).write(to: URL(fileURLWithPath: output))
            } catch {
                throw Failure(.failed, "\(output): cannot be written: \(error.localizedDescription)")
            }
        }
    }
}
