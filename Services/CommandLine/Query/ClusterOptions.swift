import ArgumentParser
import Foundation
import Messaging
import Protocol
import ServiceRuntime

/// Which cluster a command asks.
struct ClusterOptions: ParsableArguments {
    @Option(help: "The HTTP port of a cluster that `e2llm up` started on this machine; default: the newest one.")
    var port: Int?
    @Option(help: "One setting as key=value (endpoints.control, endpoints.registry, ...); may be repeated.")
    var set: [String] = []
    @Option(help: "A YAML file of settings.") var config: String?

    /// Where the services are, and the keys to ask them with: as the settings say, else those of a cluster of this machine.
    func addresses() throws -> Addresses {
        let environment = ProcessInfo.processInfo.environment
        let isTold =
            !set.isEmpty || config != nil
            || environment.keys.contains { $0.hasPrefix("E2LLM_ENDPOINTS_") || $0.hasPrefix("E2LLM_SECURITY_") }
        let clusters = isTold && port == nil ? [] : ClusterRecord.live()
        let cluster = clusters.first { cluster in port.map { cluster.http.hasSuffix(":\($0)") } ?? true }
        if let port, cluster == nil { throw Failure(.notReady, "no cluster of this machine serves port \(port)") }
        guard let cluster else {
            return try Addresses(Settings(keys: EndpointSetting.keys(binding: []), arguments: set, file: config))
        }
        var addresses = Addresses()
        for setting in EndpointSetting.allCases {
            addresses[setting] = cluster.endpoints[setting.rawValue] ?? setting.defaultValue
        }
        if let keys = cluster.keys {
            let folder = KeyFolder(path: keys)
            addresses.keyring = try Keyring(allowed: folder.list, secret: folder.secret("command-line"))
        }
        return addresses
    }

    /// The HTTP address.
    func http() throws -> String {
        let clusters = ClusterRecord.live()
        if let port { return "http://127.0.0.1:\(port)" }
        guard let cluster = clusters.first else { return "http://127.0.0.1:8080" }
        return cluster.http
    }

    /// Asks a service one question.
    func ask<Body: Decodable>(
        _ setting: EndpointSetting, _ type: MessageType, _ question: some Encodable & Sendable = EmptyBody(),
        as body: Body.Type, timeout: Duration = .seconds(3)
    ) async throws -> (body: Body, envelope: Envelope) {
        let addresses = try addresses()
        let endpoint = addresses[setting]
        let context = try MessagingContext()
        let client = try await ClientSocket.connect(
            to: endpoint, on: try context.makeThread(name: "ask"), session: Session(), name: "e2llm",
            options: addresses.keyring?.connecting(.control, to: setting) ?? .control)
        let result: Result<WireMessage, any Error>
        do {
            result = .success(try await client.request(Outgoing(type, body: question), timeout: timeout))
        } catch {
            result = .failure(error)
        }
        await client.close()
        await context.terminate()
        switch result {
        case .success(let message): return (try message.body(), message.envelope)
        case .failure(let error as RuntimeError) where error.code == .timedOut:
            let reason = await PeerProblem.reason(endpoint)
            throw Failure(.notReady, "nobody answers at \(endpoint) (\(reason)): is a cluster running?")
        case .failure(let error): throw error
        }
    }
}

/// Prints values as JSON with sorted keys.
enum JSONOutput {
    static func print(_ value: some Encodable) throws { Swift.print(try text(value)) }

    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// The same on one line.
    static func line(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// Text in columns.
enum TextTable {
    static func format(_ rows: [[String]]) -> String {
        let widths = (0..<(rows.map(\.count).max() ?? 0)).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell.padding(toLength: widths[index], withPad: " ", startingAt: 0)
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
