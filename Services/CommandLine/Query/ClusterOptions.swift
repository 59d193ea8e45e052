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

    /// The endpoint of a service.
    func endpoint(_ setting: EndpointSetting) throws -> String {
        if set.isEmpty, config == nil {
            let clusters = ClusterRecord.live()
            if let port {
                guard let cluster = clusters.first(where: { $0.http.hasSuffix(":\(port)") }) else {
                    throw Failure(.notReady, "no cluster of this machine serves port \(port)")
                }
                return cluster.endpoints[setting.rawValue] ?? setting.defaultValue
            }
            if let cluster = clusters.first { return cluster.endpoints[setting.rawValue] ?? setting.defaultValue }
        }
        let settings = try Settings(keys: EndpointSetting.keys(binding: []), arguments: set, file: config)
        return try Addresses(settings)[setting]
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
        _ setting: EndpointSetting, _ type: MessageType, as body: Body.Type
    ) async throws -> (body: Body, envelope: Envelope) {
        let endpoint = try endpoint(setting)
        let context = try MessagingContext()
        let client = try await ClientSocket.connect(
            to: endpoint, on: try context.makeThread(name: "ask"), session: Session(), name: "e2llm")
        let result: Result<WireMessage, any Error>
        do {
            result = .success(try await client.request(Outgoing(type), timeout: .seconds(3)))
        } catch {
            result = .failure(error)
        }
        await client.close()
        await context.terminate()
        switch result {
        case .success(let message): return (try message.body(), message.envelope)
        case .failure(let error as RuntimeError) where error.code == .timedOut:
            throw Failure(.notReady, "nobody answers at \(endpoint): is a cluster running?")
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
