import ArgumentParser
import Foundation
import Messaging
import ServiceRuntime

/// `e2llm invite`: a token with which a device on another machine joins.
struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Prints a token with which devices of another machine join the fleet.",
        discussion:
            "There: `e2llm device --join TOKEN --model FILE`. Whoever has the token can join until it expires or is revoked."
    )

    @Option(help: "The HTTP port of a cluster of this machine (`e2llm up --listen`); default: the newest one.")
    var port: Int?
    @Option(help: "The folder with the keys, where no cluster of `e2llm up` is meant.") var keys: String?
    @Option(help: "Where others reach a socket, as control=tcp://host:port or registry=...; may be repeated.")
    var endpoint: [String] = []
    @Option(help: "A name for the key; default: one that nobody has.") var name: String?
    @Option(help: "A device that may join with it, * standing for any text; may be repeated. Default: any.")
    var device: [String] = []
    @Option(help: "How long the token is good.") var expires: String = "24h"

    /// The sockets that a device connects to of its own accord.
    private static let needed: [EndpointSetting] = [.registry, .control]

    func run() async throws {
        try await Failure.reporting {
            let (folder, known) = try place()
            let endpoints = try reachable(known)
            var allowed = try folder.read()
            let identity = name ?? "invited-\(Session.randomName(bytes: 4))"
            try KeyFolder.check(identity)
            guard !allowed.keys.contains(where: { $0.identity == identity }) else {
                throw Failure(.usage, "\(identity) is taken; choose another --name")
            }
            let own = try CurveKeyPair.generate()
            let end = Date(timeIntervalSinceNow: try SpanText.seconds(expires))
            allowed.keys.append(
                AllowedKey(
                    identity: identity, publicKey: own.publicKey, plays: [.worker],
                    devices: device.isEmpty ? nil : device, expires: end))
            let services = allowed.keys.filter {
                $0.isUsable(at: Date()) && !Set($0.plays).isDisjoint(with: [.profiler, .scheduler])
            }
            let token = try JoinToken(
                identity: identity, secret: own.secretKey, expires: end, endpoints: endpoints, keys: services
            ).text()
            try folder.write(&allowed)
            print(token)
        }
    }

    /// The folder of keys, and the endpoints of the cluster that it belongs to.
    private func place() throws -> (KeyFolder, [String: String]) {
        if let keys { return (KeyFolder(path: keys), [:]) }
        let clusters = ClusterRecord.live()
        guard let cluster = clusters.first(where: { cluster in port.map { cluster.http.hasSuffix(":\($0)") } ?? true })
        else { throw Failure(.notReady, "no cluster of this machine \(port.map { "serves port \($0)" } ?? "runs")") }
        guard let keys = cluster.keys else {
            throw Failure(
                .usage,
                "the cluster at \(cluster.http) is for this machine only: start it with `e2llm up --listen ADDRESS`")
        }
        return (KeyFolder(path: keys), cluster.endpoints)
    }

    private func reachable(_ known: [String: String]) throws -> [String: String] {
        var result = known.filter { entry in Self.needed.contains { $0.rawValue == entry.key } }
        for text in endpoint {
            guard let split = text.firstIndex(of: "="), let setting = EndpointSetting(rawValue: String(text[..<split]))
            else { throw Failure(.usage, "--endpoint takes control=tcp://host:port and the like, not \(text)") }
            result[setting.rawValue] = String(text[text.index(after: split)...])
        }
        for setting in Self.needed {
            guard let endpoint = result[setting.rawValue] else {
                throw Failure(
                    .usage,
                    "say where others reach the \(setting.owner): --endpoint \(setting.rawValue)=tcp://host:port")
            }
            guard Reach.leavesMachine(endpoint) else {
                throw Failure(.usage, "\(endpoint) is only reached from this machine; give another one with --endpoint")
            }
        }
        return result
    }
}
