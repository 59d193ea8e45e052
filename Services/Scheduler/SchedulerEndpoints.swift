import Domain
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// Every socket of the scheduler.
struct SchedulerEndpoints: Sendable {
    /// ROUTER: gateways, workers, command line.
    let control: ServerSocket
    /// PUB: state, plan in force, workload.
    let state: StatePublisher
    /// SUB: the fleet.
    let fleet: StateSubscriber
    /// DEALER to the profiler: the fleet as it is, for what was published before this process started.
    let registry: ClientSocket
    /// SUB: plan proposals.
    let proposals: StateSubscriber
    /// DEALER to the clusterer: plan requests.
    let plan: ClientSocket

    /// Opens all of them on one thread.
    static func open(
        _ configuration: SchedulerConfiguration, on thread: SocketThread, session: Session,
        queue: EventQueue<SchedulerInput>, peers: PeerTable
    ) async throws -> SchedulerEndpoints {
        let server = ServerBox()
        let control = try await ServerSocket.bind(
            configuration.bindControl, on: thread, session: session,
            onUnroutable: { peer in
                // The connection of a worker is closed, or it reads nothing: no need to wait for heartbeats that do not come.
                guard let address = peers.worker(peer: peer) else { return }
                peers.forget(peer)
                queue.push(.event(.workerGone(address), nil))
            }
        ) { message in
            await receive(message, server, queue, peers)
        }
        server.set(control)
        let state = try await StatePublisher.bind(configuration.bindState, on: thread, session: session)
        let fleet = try await StateSubscriber.connect(
            to: configuration.fleet, topics: [MessageType.fleetSnapshot.rawValue], on: thread
        ) { message in
            if let body = try? message.body(as: Fleet.self) { await queue.send(.event(.fleet(body), nil)) }
        }
        let registry = try await ClientSocket.connect(
            to: configuration.registry, on: thread, session: session, name: "scheduler")
        let proposals = try await StateSubscriber.connect(
            to: configuration.proposals, topics: [MessageType.planProposal.rawValue], on: thread
        ) { message in
            guard let body = try? message.body(as: PlanProposal.self) else { return }
            await queue.send(.event(.proposal(body.plan, reason: body.reason, move: body.move), nil))
        }
        let plan = try await ClientSocket.connect(
            to: configuration.plan, on: thread, session: session, name: "scheduler")
        return SchedulerEndpoints(
            control: control, state: state, fleet: fleet, registry: registry, proposals: proposals, plan: plan)
    }

    /// Closes all of them.
    func close() async {
        await plan.close()
        await proposals.close()
        await registry.close()
        await fleet.close()
        await state.close()
        await control.close()
    }

    private static func receive(
        _ message: WireMessage, _ server: ServerBox, _ queue: EventQueue<SchedulerInput>, _ peers: PeerTable
    ) async {
        do {
            if message.type == .requestEvent {
                // The envelope's session says which worker speaks; strangers are not listened to.
                guard let address = peers.worker(session: message.envelope.session) else { return }
                await queue.send(try SchedulerInput.report(message, by: address))
            } else if message.type == .workerLeave {
                guard let address = peers.worker(session: message.envelope.session) else { return }
                await queue.send(.event(.workerLeaving(address), nil))
            } else if let input = try SchedulerInput.read(message) {
                peers.note(input, message)
                await queue.send(input)
            } else {
                await server.socket?.replyUnknownType(to: message)
            }
        } catch {
            try? await server.socket?.reply(to: message, error: error.body)
        }
    }
}
