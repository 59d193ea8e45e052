import Domain
import Foundation
import Logging
import Messaging
import Protocol
import ServiceLifecycle
import Synchronization
import Testing

@testable import ServiceRuntime

/// A service with keys, over real sockets: who gets in, and what they may say.
@Suite(.timeLimit(.minutes(2))) struct KeyedServiceTests {
    private struct EchoDesk: ServiceDesk {
        func handle(_ input: WireMessage, at now: Double, _ tasks: inout DiscardingTaskGroup) async {}
    }

    /// A fleet's keys in a folder, and a service that plays the profiler with them.
    private final class World: Sendable {
        let folder: String
        let shell: ServiceShell<WireMessage>
        let list: Mutex<AllowedKeys>
        private let pairs: [String: CurveKeyPair]
        private let running: Mutex<Task<Void, any Error>?>
        let context: MessagingContext

        init() throws {
            folder = NSTemporaryDirectory() + "fleet-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            var list = AllowedKeys()
            var pairs: [String: CurveKeyPair] = [:]
            for (name, role, devices) in [
                ("profiler", .profiler, nil), ("pi", .worker, ["pi-*"]), ("guest", .worker, nil),
                ("shell", .client, nil),
                ("clusterer", .clusterer, nil),
            ] as [(String, KeyRole, [String]?)] {
                let pair = try CurveKeyPair.generate()
                pairs[name] = pair
                try SecretKeyFile(identity: name, secret: pair.secretKey).write("\(folder)/\(name).key")
                list.keys.append(
                    AllowedKey(identity: name, publicKey: pair.publicKey, plays: [role], devices: devices))
            }
            try list.write("\(folder)/allowed.json")
            self.pairs = pairs
            self.list = Mutex(list)
            var addresses = Addresses()
            addresses[.registry] = "tcp://127.0.0.1:*"
            addresses.keyring = try Keyring(allowed: "\(folder)/allowed.json", secret: "\(folder)/profiler.key")
            let box = Heard()
            shell = ServiceShell(
                .profiler, addresses: addresses, logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }
            ) {
                sockets in
                _ = try await sockets.server(.registry) { server, message in
                    box.types.withLock { $0.append(message.type) }
                    server.tryReply(to: message, Outgoing(.deviceHeartbeat))
                }
                return EchoDesk()
            }
            self.box = box
            running = Mutex(nil)
            context = try MessagingContext()
        }

        private final class Heard: Sendable {
            let types = Mutex<[MessageType]>([])
        }
        private let box: Heard
        var types: [MessageType] { box.types.withLock { $0 } }

        func start() async throws -> String {
            let shell = shell
            running.withLock { $0 = Task { try await shell.run() } }
            try await eventually("it is bound") { shell.bound[.registry] != nil }
            return shell.bound[.registry] ?? ""
        }

        func change(_ change: (inout AllowedKeys) -> Void) throws {
            try list.withLock {
                change(&$0)
                $0.version += 1
                try $0.write("\(folder)/allowed.json")
            }
        }

        func client(_ name: String, _ endpoint: String, server: String = "profiler") async throws -> ClientSocket {
            try await client(try #require(pairs[name]), endpoint, server: server)
        }

        func client(_ keys: CurveKeyPair, _ endpoint: String, server: String = "profiler") async throws -> ClientSocket
        {
            var options = SocketOptions.control
            options.security = .curveClient(keys: keys, serverKey: try #require(pairs[server]).publicKey)
            return try await ClientSocket.connect(
                to: endpoint, on: try context.makeThread(name: "client"), session: Session(), options: options)
        }

        func stop() async {
            running.withLock { $0 }?.cancel()
            _ = await running.withLock { $0 }?.result
            await context.terminate()
            try? FileManager.default.removeItem(atPath: folder)
        }
    }

    private func answer(_ client: ClientSocket, _ message: Outgoing, seconds: Double = 3) async -> String {
        do {
            return try await client.request(message, timeout: .seconds(seconds)).type.rawValue
        } catch {
            return (error as? RuntimeError)?.reported?.code ?? (error as? RuntimeError)?.code.rawValue ?? "\(error)"
        }
    }

    private func heartbeat(_ device: DeviceID) -> Outgoing {
        Outgoing(.deviceHeartbeat, body: DeviceHeartbeat(device: device, worker: .decode, residentBytes: 1))
    }

    @Test func keysSayWhoMaySayWhat() async throws {
        let world = try World()
        let endpoint = try await world.start()
        let pi = try await world.client("pi", endpoint)
        #expect(await answer(pi, heartbeat("pi-7")) == "device.heartbeat")
        #expect(await answer(pi, heartbeat("laptop")) == "not_permitted", "another's device")
        #expect(await answer(pi, Outgoing(.gatewayHeartbeat)) == "not_permitted", "another's message")
        let guest = try await world.client("guest", endpoint)
        #expect(await answer(guest, heartbeat("laptop")) == "device.heartbeat")
        let asker = try await world.client("shell", endpoint)
        #expect(await answer(asker, Outgoing(.healthGet)) == "health")
        #expect(await answer(asker, Outgoing(.traceGet)) == "trace")
        #expect(await answer(asker, heartbeat("laptop")) == "not_permitted")
        // No key, an unknown one, another server's key pinned, a role that has no business here.
        let plain = try await ClientSocket.connect(
            to: endpoint, on: try world.context.makeThread(name: "plain"), session: Session())
        let stranger = try await world.client(try CurveKeyPair.generate(), endpoint)
        let mistaken = try await world.client("pi", endpoint, server: "clusterer")
        let misplaced = try await world.client("clusterer", endpoint)
        for client in [plain, stranger, mistaken, misplaced] {
            #expect(await answer(client, heartbeat("pi-1"), seconds: 0.7) == "timed_out")
        }
        #expect(world.types.count == 2, "nothing else has reached the service")
        let metrics: ServiceMetrics = try await asker.request(Outgoing(.metricsGet), timeout: .seconds(3)).body()
        let refused = metrics.text.split(separator: "\n").first { $0.hasPrefix("e2llm_profiler_keys_refused_total ") }
        #expect(Int(refused?.split(separator: " ").last ?? "0") ?? 0 >= 5)
        for client in [pi, guest, asker, plain, stranger, mistaken, misplaced] { await client.close() }
        await world.stop()
    }

    @Test func revokedKeysAreIgnoredOnOldConnectionsAndNewOnesLearnt() async throws {
        let world = try World()
        let endpoint = try await world.start()
        let guest = try await world.client("guest", endpoint)
        #expect(await answer(guest, heartbeat("laptop")) == "device.heartbeat")
        let fresh = try CurveKeyPair.generate()
        try world.change { list in
            for index in list.keys.indices where list.keys[index].identity == "guest" {
                list.keys[index].revoked = true
            }
            list.keys.append(AllowedKey(identity: "new", publicKey: fresh.publicKey, plays: [.worker]))
        }
        let new = try await world.client(fresh, endpoint)
        #expect(await answer(new, heartbeat("new"), seconds: 10) == "device.heartbeat")
        #expect(await answer(guest, heartbeat("laptop")) == "not_permitted")
        // Devices without the file ask for the list; it has no keys that were taken back.
        let list: AllowedKeys = try await new.request(Outgoing(.keysGet), timeout: .seconds(3)).body()
        #expect(list.keys.map(\.identity).sorted() == ["clusterer", "new", "pi", "profiler", "shell"])
        await guest.close()
        await new.close()
        await world.stop()
    }
}
