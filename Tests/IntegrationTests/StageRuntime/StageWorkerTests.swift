import Domain
import Foundation
import Inference
import Logging
import Messaging
import Protocol
import ServiceLifecycle
import ServiceRuntime
import StageRuntime
import Synchronization
import TestSupport
import Testing

/// Real workers over real sockets with a tiny model: whatever way a request takes through them, its tokens equal those of
/// the whole model in one process.
@Suite(.serialized) struct StageWorkerTests {
    private static let layers = 6

    private static let tiny = TinyModel(format: .q4_1, layers: layers, contextLength: 512, seed: 3)

    private func modelFile(_ model: TinyModel) throws -> String {
        let path = NSTemporaryDirectory() + "stage-\(UUID().uuidString).gguf"
        try model.write(to: path)
        return path
    }

    func replica(
        _ id: String, _ role: ReplicaRole, _ stages: [(String, Int, Int)], concurrency: Int = 4
    ) -> PlanReplica {
        PlanReplica(
            id: ReplicaID(id), role: role,
            stages: stages.map { PlanStage(device: DeviceID($0.0), layers: LayerRange($0.1, $0.2)) },
            decodeConcurrency: concurrency, kvCapacityTokens: 1000, predictedRequestsPerSecond: 1,
            predictedTokenGapSeconds: 0.1)
    }

    func plan(_ model: ModelDescription, _ replicas: [PlanReplica]) -> PlacementPlan {
        PlacementPlan(
            id: "plan", model: model.digest, fleetVersion: 1, workload: WorkloadStatistics(), replicas: replicas,
            predictedRequestsPerSecond: 1, objective: 0, algorithm: "test")
    }

    /// Runs `body` with workers for the devices; everything is stopped afterwards.
    func withWorkers(
        _ devices: [(String, WorkerKind)], memory: String = "256M", maxBatchedTokens: Int = 24, leaseSeconds: Int = 90,
        model: TinyModel = tiny, _ body: (FakeControlPlane, ModelFile) async throws -> Void
    ) async throws {
        let path = try modelFile(model)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let plane = try await FakeControlPlane.start()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var services: [any Service] = []
        for (device, kind) in devices {
            let settings = try Settings(
                keys: WorkerConfiguration.keys,
                arguments: [
                    "worker.device=\(device)", "worker.model=\(path)", "worker.threads=1",
                    "worker.memory_limit=\(memory)", "fleet.chunk_tokens=\(maxBatchedTokens)",
                    "worker.lease_s=\(leaseSeconds)",
                    "endpoints.control=\(plane.control.endpoint)", "endpoints.registry=\(plane.registry.endpoint)",
                ], environment: [:])
            services.append(
                try WorkerService.make(kind: kind, settings: settings, logger: logger))
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: services, logger: logger))
        let running = Task { try await group.run() }
        let result: Result<Void, any Error>
        do {
            let all = await plane.wait { $0.hellos.count == devices.count && $0.registered.count == devices.count }
            try #require(all, "not all workers said hello")
            result = .success(try await body(plane, try ModelFile(path: path)))
        } catch {
            result = .failure(error)
        }
        await group.triggerGracefulShutdown()
        _ = try? await running.value
        await plane.stop()
        try result.get()
    }

    func reference(
        _ model: ModelFile, _ prompt: [Int32], _ sampling: SamplingParameters, _ stop: StopConditions
    ) throws -> GeneratedTokens {
        let generator = try Generator(model: model, threads: 1, contextTokens: prompt.count + stop.maxTokens)
        return try generator.generate(prompt: prompt, sampling: sampling, stop: stop)
    }

    func prompt(_ length: Int, seed: Int) -> [Int32] {
        (0..<length).map { Int32(($0 * 37 + seed * 101) % 250 + 3) }
    }

    /// Before it runs, for what fails later is tried again and again.
    @Test func aModelThatNobodyCanRunIsRefusedAtOnce() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("bad-\(UUID().uuidString).gguf").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var file = TinyModel(layers: 1).file()
        file.add("llama.expert_count", .uint32(8))
        try file.write(to: path)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        func make(_ path: String) throws {
            let settings = try Settings(
                keys: WorkerConfiguration.keys,
                arguments: ["worker.device=a", "worker.model=\(path)"], environment: [:]
            )
            _ = try WorkerService.make(kind: .decode, settings: settings, logger: logger)
        }
        let error = #expect(throws: RuntimeError.self) { try make(path) }
        #expect(error?.message.hasPrefix("\(path): llama.expert_count is 8: ") == true)
        // It may be there later.
        try make("/nowhere/model.gguf")
    }

    @Test func splitReplicasGiveTheTokensOfTheWholeModel() async throws {
        let devices: [(String, WorkerKind)] = [
            ("a", .prefill), ("b", .prefill), ("c", .decode), ("d", .decode), ("e", .decode),
        ]
        try await withWorkers(devices) { plane, model in
            let plan = plan(
                model.description,
                [
                    replica("p", .prefill, [("a", 0, 2), ("b", 2, 6)]),
                    replica("d", .decode, [("c", 0, 3), ("d", 3, 4), ("e", 4, 6)]),
                ])
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: "p", decode: "d")
            var expected: [RequestID: GeneratedTokens] = [:]
            for index in 0..<6 {
                let tokens = prompt(5 + index * 23, seed: index)
                let sampling = SamplingParameters(
                    temperature: index % 2 == 0 ? 0 : 0.9, topK: index == 3 ? 20 : 0,
                    repetitionPenalty: index >= 4 ? 1.3 : 1, seed: UInt64(index))
                let stop = StopConditions(maxTokens: index == 5 ? 1 : 12 + index)
                expected[RequestID("r\(index)")] = try reference(model, tokens, sampling, stop)
                try await plane.start(RequestID("r\(index)"), tokens, route: route, sampling: sampling, stop: stop)
            }
            #expect(await plane.wait { state in expected.keys.allSatisfy { state.outputs[$0]?.finish != nil } })
            for (request, tokens) in expected {
                #expect(plane.output(request).text == tokens.tokens, "\(request)")
                #expect(plane.output(request).finish == tokens.finishReason)
            }
            #expect(
                await plane.wait { $0.heartbeats.values.allSatisfy { $0.load.kvUsedTokens == 0 } }, "KV cache is freed")
            #expect(plane.output("r0").events.map(\.moment).contains(.kvComplete))
            #expect(plane.output("r0").events.contains { $0.hasFinished })
        }
    }

    /// Stages keep and send what the plan says, whatever layers have a sliding window: the tokens are those of the
    /// whole model with that type.
    @Test(arguments: [TinyModelArchitecture.llama, .gemma3], KVType.allCases)
    func stagesHaveTheTypeOfThePlan(architecture: TinyModelArchitecture, kvType: KVType) async throws {
        let tiny = TinyModel(
            architecture: architecture, format: .q4_1, layers: 8, headDim: 32, contextLength: 512, seed: 3)
        try await withWorkers([("a", .prefill), ("b", .prefill), ("c", .decode), ("d", .decode)], model: tiny) {
            plane, model in
            var plan = plan(
                model.description,
                [
                    replica("p", .prefill, [("a", 0, 3), ("b", 3, 8)]),
                    replica("d", .decode, [("c", 0, 5), ("d", 5, 8)]),
                ])
            plan.kvType = kvType
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: "p", decode: "d")
            let whole = try ModelFile(gguf: model.gguf, kvType: kvType)
            let sampling = SamplingParameters(temperature: 0)
            let stop = StopConditions(maxTokens: 40)
            for index in 0..<3 {
                try await plane.start(
                    RequestID("r\(index)"), prompt(20 + index * 70, seed: index), route: route, sampling: sampling,
                    stop: stop)
            }
            #expect(
                await plane.wait { state in (0..<3).allSatisfy { state.outputs[RequestID("r\($0)")]?.finish != nil } })
            for index in 0..<3 {
                let expected = try reference(whole, prompt(20 + index * 70, seed: index), sampling, stop)
                #expect(plane.output(RequestID("r\(index)")).text == expected.tokens)
            }
        }
    }

    @Test func mixedReplicasPrefillForThemselves() async throws {
        try await withWorkers([("a", .decode), ("b", .decode)]) { plane, model in
            let plan = plan(model.description, [replica("m", .mixed, [("a", 0, 4), ("b", 4, 6)])])
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: nil, decode: "m")
            let stop = StopConditions(maxTokens: 20)
            for index in 0..<4 {
                try await plane.start(
                    RequestID("r\(index)"), prompt(10 + index * 31, seed: index), route: route,
                    sampling: SamplingParameters(temperature: 0), stop: stop)
            }
            #expect(
                await plane.wait { state in (0..<4).allSatisfy { state.outputs[RequestID("r\($0)")]?.finish != nil } })
            for index in 0..<4 {
                let whole = try reference(
                    model, prompt(10 + index * 31, seed: index), SamplingParameters(temperature: 0), stop)
                #expect(plane.output(RequestID("r\(index)")).text == whole.tokens)
            }
        }
    }

    @Test func aContinuedRequestGoesOnWithTheSameTokens() async throws {
        try await withWorkers([("a", .prefill), ("b", .decode)]) { plane, model in
            let plan = plan(
                model.description, [replica("p", .prefill, [("a", 0, 6)]), replica("d", .decode, [("b", 0, 6)])])
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: "p", decode: "d")
            let sampling = SamplingParameters(temperature: 0.8, repetitionPenalty: 1.2, presencePenalty: 0.3, seed: 9)
            let stop = StopConditions(maxTokens: 16)
            let whole = try reference(model, prompt(30, seed: 1), sampling, stop)
            try await plane.start(
                "again", prompt(30, seed: 1) + whole.tokens.prefix(7), route: route, sampling: sampling, stop: stop,
                generated: 7)
            #expect(await plane.wait { $0.outputs["again"]?.finish != nil })
            let rest = plane.output("again").tokens.sorted { $0.key < $1.key }
            #expect(rest.map(\.key) == (7..<16).map { UInt64($0) })
            #expect(rest.map(\.value) == Array(whole.tokens.suffix(9)))
        }
    }

    @Test func cancellingFreesEveryStage() async throws {
        try await withWorkers([("a", .prefill), ("b", .decode), ("c", .decode)]) { plane, model in
            let plan = plan(
                model.description,
                [replica("p", .prefill, [("a", 0, 6)]), replica("d", .decode, [("b", 0, 3), ("c", 3, 6)])])
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: "p", decode: "d")
            try await plane.start(
                "long", prompt(40, seed: 2), route: route, sampling: SamplingParameters(temperature: 0),
                stop: StopConditions(maxTokens: 400))
            #expect(await plane.wait { ($0.outputs["long"]?.tokens.count ?? 0) > 5 })
            #expect(await plane.wait { state in state.heartbeats.values.contains { $0.load.kvUsedTokens > 0 } })
            for key in [FakeControlPlane.Key(device: "a", kind: .prefill), .init(device: "b", kind: .decode)] {
                let peer = try #require(plane.state.withLock { $0.peers[key] })
                try await plane.control.send(Outgoing(.requestCancel, request: "long"), to: peer)
            }
            #expect(
                await plane.wait {
                    $0.heartbeats.values.allSatisfy { $0.load.kvUsedTokens == 0 && $0.load.running == 0 }
                })
            #expect(plane.output("long").finish == nil)
            #expect(plane.output("long").events.contains { $0.moment == .finished(.abort) })
        }
    }

    /// A later stage has only the first one's word that a sequence goes on: it frees what is no longer named.
    @Test func aSequenceThatNobodyDrivesIsFreed() async throws {
        try await withWorkers([("b", .decode)], leaseSeconds: 1) { plane, model in
            let plan = plan(model.description, [replica("m", .mixed, [("a", 0, 4), ("b", 4, 6)])])
            try await plane.enforce(plan)
            let key = FakeControlPlane.Key(device: "b", kind: .decode)
            let endpoint = try #require(plane.state.withLock { $0.endpoints[key] })
            let first = try await ClientSocket.connect(
                to: endpoint, on: try plane.context.makeThread(name: "first"), session: Session())
            for (name, tokens) in [("named", 20), ("lost", 30)] {
                let open = SequenceOpen(
                    route: plane.route(plan, prefill: nil, decode: "m"), generatedTokens: 0,
                    sampling: SamplingParameters(), stop: StopConditions(maxTokens: 10), reservedTokens: tokens,
                    tokenCount: 4)
                try await first.send(
                    Outgoing(
                        .sequenceOpen, request: RequestID(name), epoch: 1, body: open,
                        tensors: [Frame(elements: prompt(4, seed: 1))]))
            }
            func used() -> Int { plane.state.withLock { $0.heartbeats[key]?.load.kvUsedTokens ?? 0 } }
            #expect(await plane.wait { $0.heartbeats[key]?.load.kvUsedTokens == 50 })
            let deadline = ContinuousClock.now + .seconds(20)
            while used() == 50, ContinuousClock.now < deadline {
                try await first.send(Outgoing(.sequenceKeep, epoch: 1, body: SequenceKeep(requests: ["named"])))
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(used() == 20)
            #expect(await plane.wait { $0.heartbeats[key]?.load.kvUsedTokens == 0 })
            await first.close()
        }
    }

    @Test func refusesWhatCannotBe() async throws {
        try await withWorkers([("a", .decode)], memory: "66M") { plane, model in
            let key = FakeControlPlane.Key(device: "a", kind: .decode)
            let peer = try #require(plane.state.withLock { $0.peers[key] })
            func refusal(_ message: Outgoing) async -> Fault? {
                do {
                    _ = try await plane.control.request(message, to: peer, timeout: .seconds(10))
                    return nil
                } catch { return (error as? RuntimeError)?.reported }
            }
            let whole = plan(model.description, [replica("m", .mixed, [("a", 0, 6)])])
            var wrongModel = whole
            wrongModel.model = "another"
            let assignment = StageAssignment(plan: whole, replica: "m", stage: 0)
            let wrong = StageAssignment(plan: wrongModel, replica: "m", stage: 0)
            let foreign = StageAssignment(plan: whole, replica: "m", stage: 1)
            #expect(
                await refusal(Outgoing(.stagePrepare, body: StagePrepare(assignment: assignment)))?.code
                    == "stale_epoch")
            #expect(
                await refusal(Outgoing(.stagePrepare, epoch: 1, body: StagePrepare(assignment: wrong)))?.code
                    == "wrong_model")
            #expect(
                await refusal(Outgoing(.stagePrepare, epoch: 1, body: StagePrepare(assignment: foreign)))?.code
                    == "bad_plan")
            #expect(await refusal(Outgoing(.stageRelease, epoch: 1, body: StageRelease(replica: "nobody"))) == nil)
            #expect(await refusal(Outgoing("stage.dance", epoch: 1))?.code == "unknown_type")
        }
    }

    @Test func measuresItselfAndItsLinks() async throws {
        try await withWorkers([("a", .prefill), ("b", .decode)]) { plane, model in
            let key = FakeControlPlane.Key(device: "a", kind: .prefill)
            let peer = try #require(plane.state.withLock { $0.registryPeers[key] })
            let reply = try await plane.registry.request(
                Outgoing(.profileMeasure, body: MeasureProfile(phases: [.prefill], layers: 2, budgetSeconds: 0.3)),
                to: peer, timeout: .seconds(30))
            let measured: DeviceMeasurements = try reply.body()
            #expect(!measured.prefill.isEmpty && measured.prefill.allSatisfy { $0.secondsPerLayer > 0 })
            let endpoint = try #require(plane.state.withLock { $0.endpoints[.init(device: "b", kind: .decode)] })
            let link = try await plane.registry.request(
                Outgoing(
                    .linkMeasure, body: MeasureLink(peer: "b", endpoint: endpoint, payloadBytes: 65536, repetitions: 3)),
                to: peer, timeout: .seconds(30))
            let result: LinkResult = try link.body()
            #expect(result.link.from == "a" && result.link.to == "b")
            #expect(result.link.bytesPerSecond > 1e6 && result.link.latencySeconds < 0.5)
        }
    }
}
