import Domain
import Messaging
import Protocol
import ServiceRuntime
import Testing

@Suite("Scheduler: over sockets", .timeLimit(.minutes(3)))
struct SchedulerServiceTests {
    @Test("a worker is welcomed and prepared; a request goes to the first stage, its moments to the gateway")
    func serves() async throws {
        let bench = try await SchedulerBench.start(["a"])
        let (worker, gateway) = (try await bench.peer("a"), try await bench.peer("gateway"))
        let welcome: WorkerWelcome = try await worker.request(worker.hello()).body()
        #expect(welcome.heartbeatMilliseconds == 500 && welcome.protocolMinor == ProtocolVersion.minor)
        let prepare = try await worker.first(.stagePrepare)
        let assignment = try prepare.body(as: StagePrepare.self).assignment
        #expect(assignment.replica == "m-a" && assignment.stage == 0 && assignment.layers == LayerRange(0, 8))
        #expect((prepare.envelope.epoch ?? 0) > 0)

        let accepted = try await gateway.submit("r1", [5, 6, 7], maxTokens: 20)
        #expect(accepted.plan == "plan" && accepted.route.prefill.isEmpty && accepted.route.decodeReplica == "m-a")
        #expect(
            accepted.route.decode == [RouteStage(device: "a", endpoint: worker.endpoint, layers: LayerRange(0, 8))])
        #expect(accepted.route.gateway == gateway.endpoint)
        let start = try await worker.first(.requestStart)
        let open = try start.body(as: SequenceOpen.self)
        #expect(start.envelope.request == "r1")
        #expect(try start.tokens("tokens") == [5, 6, 7])
        #expect(open.route == accepted.route && open.stop.maxTokens == 20 && open.reservedTokens == 23)
        #expect(open.sampling.temperature == 0 && open.generatedTokens == 0)

        try await worker.report(.prefillStarted, "r1")
        try await worker.report(.decodeStarted, "r1", generated: 1)
        _ = try await PlannerWait.until { gateway.events.count >= 2 ? true : nil }
        #expect(gateway.events == [.prefillStarted, .decodeStarted])
        let last = try #require(gateway.all(.requestEvent).last)
        #expect(last.envelope.request == "r1")
        #expect(try last.body(as: RequestEvent.self).generatedTokens == 1)
        let state = try await gateway.schedulerState()
        #expect(state.ready && state.running == 1 && state.waiting == 0 && state.plan?.id == "plan")
        #expect(state.replicas.map(\.state) == ["serving"] && state.replicas.first?.kvReservedTokens == 23)

        try await worker.report(.finished(.stop), "r1", generated: 4)
        _ = try await PlannerWait.until { try await gateway.schedulerState().running == 0 ? true : nil }
        #expect(try await gateway.schedulerState().replicas.first?.kvReservedTokens == 0)
        #expect(gateway.events.count == 2, "how it ended is told with its tokens")
        #expect(gateway.all(.requestLost).isEmpty)
        let question = Outgoing(.traceGet, body: TraceQuestion(request: "r1"))
        let trace: ServiceTrace = try await gateway.request(question).body()
        #expect(trace.service == "scheduler" && trace.device == nil)
        #expect(trace.moments.map(\.kind) == [.submitted, .routed, .prefillStarted, .decodeStarted, .finished])
        #expect(trace.moments.first?.rows == 3 && trace.moments[1].replica == "m-a")
        await worker.close()
        await gateway.close()
        await bench.stop()
    }

    @Test("a worker of minor version 0 is refused, and told which side to upgrade", arguments: [nil, 0] as [Int?])
    func oldWorkers(minor: Int?) async throws {
        let bench = try await SchedulerBench.start(["a"])
        let worker = try await bench.peer("a")
        let refusal = try #require(try await worker.refusal(worker.hello(minor: minor)))
        #expect(refusal.code == "unsupported_version" && !refusal.isRetriable)
        for part in ["decode worker of a", "E2LLM/1.0", "E2LLM/1.1", "upgrade the worker"] {
            #expect(refusal.message.contains(part), "\(refusal.message)")
        }
        #expect(try await worker.refusal(worker.heartbeat)?.code == "unknown_worker", "it was not taken in")
        #expect(try await worker.refusal(worker.hello(minor: ProtocolVersion.leastWorkerMinor)) == nil)
        #expect(try await worker.refusal(worker.heartbeat) == nil)
        await worker.close()
        await bench.stop()
    }

    @Test("all are answered: unknown types, heartbeats of strangers, damaged messages, the state before any plan")
    func answers() async throws {
        let bench = try await SchedulerBench.start()
        try await PlannerGarbage.send(to: bench.control, bench.context)
        let peer = try await bench.peer("a")
        for type in ["no.such.type", .fleetGet] as [MessageType] {
            let refusal = try await peer.refusal(Outgoing(type))
            #expect(refusal?.code == "unknown_type" && refusal?.message.contains(type.rawValue) == true)
        }
        let early = try #require(try await peer.refusal(peer.heartbeat))
        #expect(early.code == "unknown_worker" && early.isRetriable)
        #expect(try await peer.refusal(peer.hello()) == nil)
        #expect(try await peer.request(peer.heartbeat).type == .workerHeartbeat)
        let empty = try #require(try await peer.refusal(Outgoing(.requestSubmit, request: "r1")))
        #expect(empty.code == "malformed")
        let nameless = try #require(try await peer.refusal(Outgoing(.requestCancel)))
        #expect(nameless.code == "malformed" && nameless.message.contains("names no request"))
        let beat = Outgoing(.gatewayHeartbeat, body: GatewayHeartbeat(endpoint: peer.endpoint, requests: []))
        try await peer.send(beat)
        let state = try await peer.schedulerState()
        #expect(!state.ready && !state.reason.isEmpty && state.plan == nil && state.replicas.isEmpty)
        #expect(state.waiting == 0 && state.running == 0)
        await peer.close()
        await bench.stop()
    }

    /// The worker of a decoding sequence is about to stop.
    @Test("a sequence goes on elsewhere with its KV cache where its worker can hand it over", arguments: [true, false])
    func drains(canMove: Bool) async throws {
        let bench = try await SchedulerBench.start(["a", "b"])
        let gateway = try await bench.peer("gateway")
        let workers = [try await bench.peer("a"), try await bench.peer("b")]
        for worker in workers {
            let capabilities = canMove ? [Capability.sequenceMove] : nil
            #expect(try await worker.refusal(worker.hello(capabilities: capabilities)) == nil)
        }
        _ = try await PlannerWait.until {
            try await gateway.schedulerState().replicas.map(\.state) == ["serving", "serving"] ? true : nil
        }
        let accepted = try await gateway.submit("r1", [Int32](repeating: 9, count: 100), maxTokens: 50)
        let home = try #require(workers.first { accepted.route.decode.first?.endpoint == $0.endpoint })
        let other = try #require(workers.first { $0.name != home.name })
        _ = try await home.first(.requestStart)
        try await home.report(.prefillStarted, "r1")
        try await home.report(.decodeStarted, "r1", generated: 5)
        _ = try await PlannerWait.until { gateway.events.contains(.decodeStarted) ? true : nil }

        try await home.send(Outgoing(.workerLeave))
        if canMove {
            let move = try await home.first(.requestMove)
            let body = try move.body(as: SequenceMoveBody.self)
            #expect(move.envelope.request == "r1" && body.positions == nil && body.reservedTokens == 150)
            #expect(body.route.prefillReplica == accepted.route.decodeReplica)
            #expect(body.route.prefill == accepted.route.decode)
            #expect(body.route.decode.map(\.endpoint) == [other.endpoint])
            #expect(body.route.gateway == gateway.endpoint)
            #expect(gateway.all(.requestMoved).isEmpty, "its KV cache is on its way")
            try await other.report(.kvComplete, "r1", generated: 6)
            let moved = try await gateway.first(.requestMoved)
            #expect(moved.envelope.request == "r1")
            #expect(try moved.body(as: RequestMoved.self).route == body.route)
            #expect(gateway.all(.requestLost).isEmpty && home.all(.requestCancel).isEmpty)
        } else {
            let lost = try await gateway.first(.requestLost)
            #expect(lost.envelope.request == "r1")
            #expect(try lost.body(as: Fault.self).isRetriable)
            #expect(try await home.first(.requestCancel).envelope.request == "r1")
            #expect(home.all(.requestMove).isEmpty && gateway.all(.requestMoved).isEmpty)
        }
        let release = try await home.first(.stageRelease)
        #expect(try release.body(as: StageRelease.self).replica == accepted.route.decodeReplica)
        #expect(other.all(.stageRelease).isEmpty)
        for peer in workers + [gateway] { await peer.close() }
        await bench.stop()
    }
}
