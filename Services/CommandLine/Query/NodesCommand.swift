import ArgumentParser
import Domain
import Protocol
import ServiceRuntime

/// `e2llm nodes`: the devices with their measured profiles.
struct NodesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nodes", abstract: "Shows the devices of a running cluster with their measured profiles.")

    @OptionGroup var cluster: ClusterOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let fleet = try await cluster.ask(.registry, .fleetGet, as: Fleet.self).body
            if json { return try JSONOutput.print(fleet) }
            var rows = [["DEVICE", "STATE", "THREADS", "SHARE", "MEMORY", "PREFILL", "DECODE", "HEAD", "WORKERS"]]
            for device in fleet.devices {
                rows.append([
                    device.id.rawValue, device.state.rawValue, "\(device.threads)", "\(device.computeShare)",
                    ByteText.format(device.memoryUsableBytes), Self.prefill(device), Self.decode(device),
                    Self.head(device),
                    device.workers.filter(\.alive).map(\.kind.rawValue).sorted().joined(separator: "+"),
                ])
            }
            print(TextTable.format(rows))
            for device in fleet.devices {
                if let problem = device.problem { print("\(device.id): \(problem)") }
            }
        }
    }

    private static func prefill(_ device: DeviceProfile) -> String {
        guard let sample = device.measurements?.prefill.last, sample.secondsPerLayer > 0 else { return "-" }
        return "\(Int(Double(sample.tokens) / sample.secondsPerLayer)) tok/s/layer"
    }

    private static func decode(_ device: DeviceProfile) -> String {
        guard let sample = device.measurements?.decode.first(where: { $0.batch == 1 }) else { return "-" }
        return "\(Int(sample.secondsPerLayer * 1e6)) us/layer"
    }

    private static func head(_ device: DeviceProfile) -> String {
        guard let sample = device.measurements?.head.first else { return "-" }
        return "\(Int(sample.seconds * 1e6)) us"
    }
}
