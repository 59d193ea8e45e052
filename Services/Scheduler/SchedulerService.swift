import Domain
import Logging
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// The scheduler as `main` runs it and tests start it.
enum SchedulerService {
    /// Makes the service.
    ///
    /// - Parameter context: the root of its sockets; one of its own where absent.
    static func make(
        _ configuration: SchedulerConfiguration, context: MessagingContext? = nil, logger: Logger
    ) -> ServiceShell<SchedulerInput> {
        ServiceShell(
            .scheduler, addresses: configuration.addresses, ticks: (.event(.tick, nil), .milliseconds(250)),
            capacity: 4096,
            context: context, logger: logger
        ) { sockets in
            let inbox = sockets.inbox
            let peers = PeerTable()
            // One that waits is enough: all workers are asked.
            let (disconnects, disconnected) = AsyncStream.makeStream(
                of: Void.self, bufferingPolicy: .bufferingNewest(1))
            let control = try await sockets.server(
                .control,
                onUnroutable: { peer in
                    // The connection of a worker is closed, or it reads nothing: no need to wait for heartbeats that do not come.
                    guard let address = peers.worker(peer: peer) else { return }
                    peers.forget(peer)
                    inbox.push(.event(.workerGone(address), nil))
                },
                onDisconnected: { disconnected.yield() },
                handler: { server, message in await receive(message, server, inbox, peers) })
            let state = try await sockets.publisher(.state)
            try await sockets.followFleet { fleet, _ in await inbox.send(.event(.fleet(fleet), nil)) }
            let session = sockets.session.id
            try await sockets.subscriber(.proposals, .planProposal, as: PlanProposal.self) { body, _ in
                // What it asked for itself comes as an answer.
                guard body.askers?.contains(session) != true else { return }
                await inbox.send(.event(.proposal(body.plan, reason: body.reason, move: body.move), nil))
            }
            let plan = try await sockets.client(.plan)
            sockets.run { await probe(peers, control, after: disconnects) }
            return SchedulerDesk(
                core: SchedulerCore(configuration: configuration.scheduling), control: control, state: state,
                plan: plan,
                peers: peers, inbox: inbox, configuration: configuration, logger: logger)
        }
    }

    /// Asks after the connection of every worker when one has ended, so that a process that has ended is found at once, long before
    /// its heartbeats are missed. Several times, as libzmq tells of the end before it refuses messages for the peer.
    private static func probe(_ peers: PeerTable, _ control: ServerSocket, after disconnects: AsyncStream<Void>) async {
        for await _ in disconnects {
            for pause in [0, 5, 50, 200] {
                try? await Task.sleep(for: .milliseconds(pause))
                for peer in peers.workerPeers { _ = control.probe(peer) }
            }
        }
    }

    private static func receive(
        _ message: WireMessage, _ server: ServerSocket, _ inbox: ServiceInbox<SchedulerInput>, _ peers: PeerTable
    ) async {
        do throws(ProtocolError) {
            if message.type == .requestEvent {
                // The envelope's session says which worker speaks; strangers are not listened to.
                guard let address = peers.worker(of: message) else { return }
                await inbox.send(try SchedulerInput.report(message, by: address))
            } else if message.type == .workerLeave {
                guard let address = peers.worker(of: message) else { return }
                await inbox.send(.event(.workerLeaving(address), nil))
            } else if let input = try SchedulerInput.read(message) {
                guard peers.note(input, message) else {
                    throw ProtocolError(.malformed, "the session belongs to another key")
                }
                await inbox.send(input)
            } else {
                await server.replyUnknownType(to: message)
            }
        } catch {
            try? await server.reply(to: message, error: error.fault)
        }
    }
}
