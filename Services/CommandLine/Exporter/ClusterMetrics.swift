import Domain
import Messaging
import Protocol
import ServiceRuntime

/// Asks all processes of a cluster for their figures.
struct ClusterMetrics: Sendable {
    let addresses: Addresses

    private static let patience = Duration.milliseconds(1500)

    /// Who is asked.
    private struct Peer: Sendable {
        var service: String
        var device: String?
        var setting: EndpointSetting?
        var endpoint: String
    }

    /// The text of all processes, and what the registry and the scheduler know of the fleet. Who does not answer is told of by `e2llm_up`.
    func read() async throws -> String {
        let context = try MessagingContext()
        let thread = try context.makeThread(name: "metrics")
        var text = MetricText()
        let fleet = await ask(.registry, .fleetGet, as: Fleet.self, on: thread)
        if let fleet { FleetMetrics.add(fleet, to: &text) }
        if let state = await ask(.control, .stateGet, as: SchedulerState.self, on: thread) {
            FleetMetrics.add(state, to: &text)
        } else {
            // Without a scheduler nothing is served, which alerts go by.
            text.add("e2llm_ready", "1 while requests are served.", 0)
        }
        for (peer, told) in await figures(of: peers(fleet), on: thread) {
            let device = peer.device.map { [("device", $0)] } ?? []
            text.add(
                "e2llm_up", "1 where a process tells its figures.", labels: [("service", peer.service)] + device,
                told == nil ? 0 : 1)
            if let told { text.add(told, labels: device) }
        }
        await context.terminate()
        return text.text
    }

    private func peers(_ fleet: Fleet?) -> [Peer] {
        let central = ServiceName.central.compactMap { service in
            HealthCheckCommand.socket(service).map {
                Peer(service: service.rawValue, setting: $0, endpoint: addresses[$0])
            }
        }
        let workers = (fleet?.devices ?? []).flatMap { device in
            device.workers.filter(\.alive).map { worker in
                let service: ServiceName = worker.kind == .prefill ? .prefillWorker : .decoderWorker
                return Peer(service: service.rawValue, device: device.id.rawValue, endpoint: worker.endpoint)
            }
        }
        return central + workers
    }

    private func figures(of peers: [Peer], on thread: SocketThread) async -> [(Peer, String?)] {
        await withTaskGroup(of: (Int, String?).self) { group in
            for (index, peer) in peers.enumerated() {
                group.addTask { (index, try? await tell(peer, on: thread)) }
            }
            var texts: [Int: String] = [:]
            for await (index, text) in group { texts[index] = text }
            return peers.enumerated().map { ($0.element, texts[$0.offset]) }
        }
    }

    private func tell(_ peer: Peer, on thread: SocketThread) async throws -> String {
        let client: ClientSocket
        if let setting = peer.setting {
            client = try await connect(setting, on: thread)
        } else {
            client = try await ClientSocket.connect(
                announced: peer.endpoint, keyring: addresses.keyring, on: thread, session: Session(), name: "e2llm")
        }
        let metrics = await reply(client, .metricsGet, as: ServiceMetrics.self)
        guard let metrics else { throw Failure(.failed, "\(peer.service) does not tell its figures") }
        return metrics.text
    }

    private func ask<Body: Decodable & Sendable>(
        _ setting: EndpointSetting, _ type: MessageType, as body: Body.Type, on thread: SocketThread
    ) async -> Body? {
        guard let client = try? await connect(setting, on: thread) else { return nil }
        return await reply(client, type, as: body)
    }

    private func connect(_ setting: EndpointSetting, on thread: SocketThread) async throws -> ClientSocket {
        try await ClientSocket.connect(
            to: addresses[setting], on: thread, session: Session(), name: "e2llm",
            options: addresses.keyring?.connecting(.control, to: setting) ?? .control)
    }

    private func reply<Body: Decodable>(_ client: ClientSocket, _ type: MessageType, as: Body.Type) async -> Body? {
        let message = try? await client.request(Outgoing(type), timeout: Self.patience)
        await client.close()
        return message.flatMap { try? $0.body() }
    }
}
