import Domain
import Testing

@testable import Scheduling

/// The decisions of a worker, as lists of events, and of several workers together.
@Suite struct StageCoreTests {
    private static let split = Sample.plan(
        "split", [Sample.replica("p", .prefill, ["a", "b"]), Sample.replica("d", .decode, ["c", "e"])])
    private static let keys: [WorkerKey] = [.prefill("a"), .prefill("b"), .decode("c"), .decode("e")]

    private static func expected(_ request: RequestID, prompt: Int = 40, output: Int = 6) -> [Int32] {
        (0..<output).map { StageWorld.token(request, position: prompt + $0) }
    }

    private func text(_ world: StageWorld, _ request: RequestID) -> [Int32] {
        (0..<100).prefix { world.tokens[request]?[$0] != nil }.compactMap { world.tokens[request]?[$0] }
    }

    private func splitWorld() -> StageWorld {
        var world = StageWorld(Self.keys)
        world.form("p", of: Self.split, epoch: 1)
        world.form("d", of: Self.split, epoch: 2)
        return world
    }

    @Test func aRequestPassesThroughPrefillAndDecode() {
        var world = splitWorld()
        let route = world.route(Self.split, prefill: "p", decode: "d")
        for index in 0..<5 { world.start(RequestID("r\(index)"), route, epoch: 2, prompt: 30 + 41 * index) }
        world.run()
        for index in 0..<5 {
            let request = RequestID("r\(index)")
            #expect(text(world, request) == Self.expected(request, prompt: 30 + 41 * index))
            let moments = world.reports.filter { $0.report.request == request }.map(\.report.event.moment)
            #expect(moments.contains(.prefillStarted) && moments.contains(.kvComplete))
            let last = world.reports.last { $0.report.request == request }?.report
            #expect(last == RequestReport(request, .finished(.length), generatedTokens: 6))
        }
        for core in world.cores.values {
            #expect(core.summary.load.kvUsedTokens == 0)
            #expect(core.summary.load.running == 0)
        }
        #expect(world.refusals.isEmpty)
    }

    /// The old replica's sequences go on while the stage of the new one is loaded and serves beside it.
    @Test func aSecondPlanWhileSequencesRun() {
        var world = splitWorld()
        let other = Sample.plan("other", [Sample.replica("m", .mixed, ["c"])])
        world.start("old", world.route(Self.split, prefill: "p", decode: "d"), epoch: 2, output: 30)
        world.run(40)
        world.loadsAtOnce = false
        world.form("m", of: other, epoch: 3)
        world.run(20)
        #expect(world.answers.count == 4, "it is being loaded")
        let load = world.loading.removeFirst()
        world.endLoad(load.key, load.slot, load.kvBytes)
        world.start("new", world.route(other, prefill: nil, decode: "m"), epoch: 3)
        world.run()
        #expect(text(world, "old") == Self.expected("old", output: 30))
        #expect(text(world, "new") == Self.expected("new"))
        world.release("d", epoch: 2, on: .decode("c"))
        #expect(world.cores[.decode("c")]?.summary.stages.map(\.assignment.replica) == ["m"])
        world.start("late", world.route(Self.split, prefill: nil, decode: "d"), epoch: 3)
        let failed = world.reports.last?.report
        guard case .failed(let fault)? = failed?.event.moment else {
            Issue.record("the stage is gone: \(String(describing: failed))")
            return
        }
        #expect(failed?.request == "late" && fault.code == "no_stage" && fault.isRetriable)
    }

    @Test func anUnchangedStageKeepsItsSequencesUnderANewPlan() {
        var world = splitWorld()
        world.start("r", world.route(Self.split, prefill: "p", decode: "d"), epoch: 2, output: 30)
        world.run(40)
        var renewed = Self.split
        renewed.id = "renewed"
        for index in renewed.replicas.indices { renewed.replicas[index].decodeConcurrency = 9 }
        world.form("d", of: renewed, epoch: 2)
        world.run()
        #expect(text(world, "r") == Self.expected("r", output: 30))
        #expect(world.cores[.decode("c")]?.summary.stages.first?.assignment.plan.id == "renewed")
        #expect(world.freed.isEmpty)
    }

    /// A later stage has restarted: the others keep their weights, forget the sequences and steps that never come back, and
    /// the replica decodes again.
    @Test func aReplicaThatIsFormedAnewDecodesAgain() {
        var world = splitWorld()
        for index in 0..<4 {
            world.start(
                RequestID("r\(index)"), world.route(Self.split, prefill: "p", decode: "d"), epoch: 2, output: 40)
        }
        world.run(120)
        // The process of the last stage is another one; what it had to compute, and messages to it, are lost.
        let fresh = StageWorld([.decode("e")])
        world.cores[.decode("e")] = fresh.cores[.decode("e")]
        world.computing.removeAll { $0.key == .decode("e") }
        world.network.removeAll { $0.to == .decode("e") }
        world.run()
        #expect(world.finished.isEmpty, "nothing comes back")
        let before = world.freed.count
        world.form("d", of: Self.split, epoch: 3)
        #expect(world.freed.count == before, "the weights stay")
        for index in 0..<4 {
            let request = RequestID("r\(index)~2")
            let done = text(world, RequestID("r\(index)")).count
            world.start(
                request, world.route(Self.split, prefill: "p", decode: "d"), epoch: 3, output: 40, generated: done)
        }
        world.run()
        for index in 0..<4 {
            let whole = world.tokens[RequestID("r\(index)"), default: [:]].merging(
                world.tokens[RequestID("r\(index)~2"), default: [:]]
            ) { old, new in
                #expect(old == new)
                return new
            }
            #expect(whole.sorted { $0.key < $1.key }.map(\.value) == Self.expected(RequestID("r\(index)"), output: 40))
        }
    }

    @Test func messagesOfOlderFormingsAreRefused() {
        var world = splitWorld()
        world.form("d", of: Self.split, epoch: 7)
        let step = ForwardedStep(
            replica: "d", stage: 1, epoch: 2, number: 1,
            parts: [StepPart(request: "x", start: 0, count: 1, sample: true)])
        world.send(.forwarded(step), to: .decode("e"))
        world.send(.stepDone(replica: "d", step: 1, [], epoch: 2), to: .decode("c"))
        #expect(world.refusals.map(\.code) == ["stale_epoch", "stale_epoch"])
        world.start("r", world.route(Self.split, prefill: nil, decode: "d"), epoch: 2)
        #expect(world.reports.last?.report.event.moment != nil, "it is told where it can go on")
        #expect(world.computing.isEmpty)
        let tickets = world.form("d", of: Self.split, epoch: 6)
        for ticket in tickets {
            guard case .failure(let refusal)? = world.answers[ticket] else {
                Issue.record("an older epoch was prepared")
                continue
            }
            #expect(refusal.code == "stale_epoch")
        }
        world.release("d", epoch: 6, on: .decode("c"))
        #expect(world.cores[.decode("c")]?.summary.stages.count == 1, "a newer forming is not meant")
    }

    @Test func repeatedKVIsIgnoredAndLostKVDoesNotDecode() {
        var world = splitWorld()
        world.start("r", world.route(Self.split, prefill: "p", decode: "d"), epoch: 2, prompt: 100)
        var dropped = 0
        for _ in 0..<2000 {
            if !world.network.isEmpty {
                let message = world.network.removeFirst()
                if case .kvArrived(let chunk) = message.event {
                    world.send(message.event, to: message.to)
                    // Once more, and the last piece of one layer range never comes for the second request.
                    world.send(.kvArrived(chunk), to: message.to)
                } else {
                    world.send(message.event, to: message.to)
                }
            } else if !world.computing.isEmpty {
                world.computeNext()
            } else {
                break
            }
        }
        #expect(text(world, "r") == Self.expected("r", prompt: 100))
        world.start("lost", world.route(Self.split, prefill: "p", decode: "d"), epoch: 2, prompt: 100)
        for _ in 0..<2000 where !(world.network.isEmpty && world.computing.isEmpty) {
            if world.network.isEmpty {
                world.computeNext()
                continue
            }
            let message = world.network.removeFirst()
            if case .kvArrived(let chunk) = message.event, chunk.start + chunk.count == chunk.total, dropped == 0 {
                dropped += 1
                continue
            }
            world.send(message.event, to: message.to)
        }
        #expect(dropped == 1)
        #expect(text(world, "lost").count == 1, "only the token of prefill")
        #expect(world.cores[.decode("c")]?.summary.load.waiting == 1)
        world.send(.cancel("lost"), to: .decode("c"))
        world.run()
        #expect(world.cores.values.allSatisfy { $0.summary.load.kvUsedTokens == 0 })
    }

    /// A step that is lost between two stages ends its sequences, and the replica goes on with others.
    @Test(arguments: [false, true]) func aLostStepIsFoundOut(_ isOvertaken: Bool) {
        var world = splitWorld()
        let route = world.route(Self.split, prefill: "p", decode: "d")
        func isStep(_ message: (from: WorkerKey, to: WorkerKey, event: StageEvent)) -> Bool {
            if case .forwarded = message.event { message.to == .decode("e") } else { false }
        }
        world.start("r0", route, epoch: 2, output: 20)
        if isOvertaken { world.start("r1", route, epoch: 2, output: 20) }
        var lost = false
        for _ in 0..<5000 where !lost {
            world.run(1)
            if let index = world.network.firstIndex(where: isStep) {
                world.network.remove(at: index)
                lost = true
            }
        }
        #expect(lost)
        world.run()
        if !isOvertaken {
            #expect(world.cores[.decode("c")]?.summary.load.running == 1, "nothing came back, and nobody knows yet")
            world.now += 101
            world.send(.tick, to: .decode("c"))
            world.run()
        }
        let failures = world.reports.compactMap {
            if case .failed(let fault) = $0.report.event.moment { fault.code } else { nil }
        }
        #expect(failures == ["step_lost"])
        for index in 2..<9 { world.start(RequestID("r\(index)"), route, epoch: 2) }
        world.run()
        for index in 2..<9 { #expect(text(world, RequestID("r\(index)")) == Self.expected(RequestID("r\(index)"))) }
    }

    @Test func sequencesThatNobodyDrivesAreFreed() {
        var world = splitWorld()
        world.start("r", world.route(Self.split, prefill: nil, decode: "d"), epoch: 2, output: 400)
        world.run(6)
        #expect((world.cores[.decode("e")]?.summary.load.kvUsedTokens ?? 0) > 0)
        world.now += 60
        world.send(.tick, to: .decode("c"))
        world.run(3)
        world.now += 60
        world.send(.tick, to: .decode("e"))
        #expect((world.cores[.decode("e")]?.summary.load.kvUsedTokens ?? 0) > 0, "the first stage has named it")
        world.now += 91
        world.send(.tick, to: .decode("e"))
        #expect(world.cores[.decode("e")]?.summary.load.kvUsedTokens == 0)
    }

    /// Blocks are counted where sequences are opened: what is opened never lacks memory, and no figure makes room.
    @Test func memoryIsReservedInBlocks() {
        var world = StageWorld([.decode("a")], memory: 9200 + 3 * 32 * 8 * 128)
        let plan = Sample.plan("one", [Sample.replica("m", .mixed, ["a"])])
        world.form("m", of: plan, epoch: 1)
        let route = world.route(plan, prefill: nil, decode: "m")
        world.start("r1", route, epoch: 1, prompt: 33, output: 4)
        world.start("r2", route, epoch: 1, prompt: 33, output: 4)
        guard case .failed(let fault)? = world.reports.last?.report.event.moment else {
            Issue.record("two sequences of two blocks do not fit three")
            return
        }
        #expect(fault.code == "out_of_memory" && fault.isRetriable)
        world.run()
        #expect(text(world, "r1").count == 4, "the other one is not disturbed")
        var opening = SequenceOpening(
            request: "evil", epoch: 1, route: route, tokens: [1, 2, 3], generatedTokens: 0,
            sampling: SamplingParameters(), stop: StopConditions(maxTokens: 1), reservedTokens: -5)
        for reserved in [-5, 0, 2, .min, .max] {
            opening.reservedTokens = reserved
            world.send(.opened(opening), to: .decode("a"))
            #expect(world.refusals.last?.code == "bad_request")
        }
        #expect(world.cores[.decode("a")]?.summary.load.kvUsedTokens == 0)
    }

    @Test func oneBadSequenceDoesNotEndTheOthers() {
        var world = StageWorld([.decode("a")])
        let plan = Sample.plan("one", [Sample.replica("m", .mixed, ["a"])])
        world.form("m", of: plan, epoch: 1)
        let route = world.route(plan, prefill: nil, decode: "m")
        for name in ["good", "bad", "fine"] as [RequestID] { world.start(name, route, epoch: 1, output: 8) }
        world.run(4)
        for slot in world.lengths.keys { world.lengths[slot]?["bad"] = nil }
        world.run()
        #expect(text(world, "good") == Self.expected("good", output: 8))
        #expect(text(world, "fine") == Self.expected("fine", output: 8))
        let failed = world.reports.filter { if case .failed = $0.report.event.moment { true } else { false } }
        #expect(failed.map(\.report.request) == ["bad"])
        #expect(world.cores[.decode("a")]?.summary.load.kvUsedTokens == 0)
    }

    // MARK: Memory and plans

    @Test func withoutRoomBesideTheOldStageTheWorkerSaysSo() {
        var world = StageWorld([.decode("a")], memory: 24_000)
        let plan = Sample.plan("one", [Sample.replica("m", .mixed, ["a", "b"])])
        let other = Sample.plan("two", [Sample.replica("n", .mixed, ["b", "a"])])
        world.form("m", of: plan, epoch: 1)
        let ticket = world.form("n", of: other, epoch: 2)[1]
        guard case .failure(let refusal)? = world.answers[ticket] else {
            Issue.record("there is no room for both")
            return
        }
        #expect(refusal.code == "no_room" && refusal.isRetriable)
        world.release("m", epoch: 1, on: .decode("a"))
        let again = world.form("n", of: other, epoch: 3)[1]
        #expect((try? world.answers[again]?.get()) != nil)
        #expect(world.freed.count == 1)
    }

    /// Stages of one process share the weights of layers that both have, so that there is room for both.
    @Test func stagesShareTheLayersThatBothHave() {
        var world = StageWorld([.decode("a")], memory: 50_000)
        world.form("m", of: Sample.plan("one", [Sample.replica("m", .mixed, ["a", "b"])]), epoch: 1)
        let used = world.cores[.decode("a")]?.usedBytes
        let other = Sample.plan("two", [Sample.replica("n", .mixed, ["a"])])
        let ticket = world.form("n", of: other, epoch: 2)[0]
        #expect((try? world.answers[ticket]?.get()) != nil)
        #expect(used == 4100)
        #expect(world.cores[.decode("a")]?.usedBytes == 8200, "layers 0..<4 are there once")
    }

    /// Weights of the layers that the next stage has, too, outlive the stage; not for ever, and not beside other stages.
    @Test func weightsThatTheNextStageHasAreKept() {
        var world = StageWorld([.decode("a")])
        let plan = Sample.plan("one", [Sample.replica("m", .mixed, ["a", "b"])])
        world.form("m", of: plan, epoch: 1)
        world.release("m", epoch: 1, keeping: LayerRange(2, 8), on: .decode("a"))
        #expect(world.kept == LayerRange(2, 4))
        world.now += 31
        world.send(.tick, to: .decode("a"))
        #expect(world.kept == nil)

        world.form("m", of: plan, epoch: 2)
        let moved = Sample.plan("two", [Sample.replica("m", .mixed, ["a", "b", "c"])])
        world.loadsAtOnce = false
        world.form("m", of: moved, epoch: 3)
        #expect(world.freed.count == 2)
        #expect(world.loading.map(\.key) == [.decode("a")])

        var two = StageWorld([.decode("a")])
        two.form("m", of: plan, epoch: 1)
        two.form("n", of: Sample.plan("two", [Sample.replica("n", .mixed, ["a"])]), epoch: 2)
        two.release("m", epoch: 1, keeping: LayerRange(0, 8), on: .decode("a"))
        #expect(two.kept == nil, "the other stage may want the memory")
    }

    @Test func aStageGivenBackWhileItLoadsIsFreed() {
        var world = StageWorld([.decode("a")])
        world.loadsAtOnce = false
        let plan = Sample.plan("one", [Sample.replica("m", .mixed, ["a"])])
        let ticket = world.form("m", of: plan, epoch: 1)[0]
        world.release("m", epoch: 1, on: .decode("a"))
        guard case .failure(let refusal)? = world.answers[ticket] else {
            Issue.record("the message that asked for it is answered")
            return
        }
        #expect(refusal.code == "released")
        let load = world.loading[0]
        world.endLoad(load.key, load.slot, load.kvBytes)
        #expect(world.freed.count == 1)
        #expect(world.cores[.decode("a")]?.summary.stages.isEmpty == true)
    }

    // MARK: Links

    /// A decoder that does not keep up holds back what goes to it; sequences for others go on.
    @Test func pressureReachesTheFirstStage() {
        let plan = Sample.plan(
            "two",
            [
                Sample.replica("p", .prefill, ["a", "b"]), Sample.replica("d1", .decode, ["c"]),
                Sample.replica("d2", .decode, ["e"]),
            ])
        var world = StageWorld(Self.keys)
        for (index, replica) in plan.replicas.enumerated() { world.form(replica.id, of: plan, epoch: Epoch(index + 1)) }
        world.waiting.bytes[StageWorld.endpoint(.decode("c"))] = 1 << 30
        world.start("slow", world.route(plan, prefill: "p", decode: "d1"), epoch: 3, prompt: 200)
        world.start("quick", world.route(plan, prefill: "p", decode: "d2"), epoch: 3, prompt: 100)
        world.run()
        #expect(text(world, "quick") == Self.expected("quick", prompt: 100))
        #expect(text(world, "slow").isEmpty)
        world.waiting.bytes = [:]
        world.send(.drained, to: .prefill("a"))
        world.run()
        #expect(text(world, "slow") == Self.expected("slow", prompt: 200))
    }

    /// A later stage over its bound withholds its steps, and so the credit: the first stage stops by itself.
    @Test func aLaterStageWithholdsTheCredit() {
        var world = splitWorld()
        world.start("r", world.route(Self.split, prefill: "p", decode: "d"), epoch: 2, prompt: 900, output: 3)
        world.run(30)
        // Only the second stage sees that its link is full.
        var core = world.cores[.prefill("b")]
        core?.waitingBytes = { _ in 1 << 30 }
        world.cores[.prefill("b")] = core
        world.run()
        let done = world.reports.count
        #expect(text(world, "r").isEmpty)
        let computed = world.cores[.prefill("a")]?.summary.load.counters.prefillTokens ?? 0
        #expect(computed < 900, "the first stage has stopped after \(computed) tokens")
        world.run()
        #expect(world.reports.count == done)
        core = world.cores[.prefill("b")]
        core?.waitingBytes = { _ in 0 }
        world.cores[.prefill("b")] = core
        world.send(.drained, to: .prefill("b"))
        world.run()
        #expect(text(world, "r") == Self.expected("r", prompt: 900, output: 3))
    }

    @Test func aPeerThatTakesNothingIsLost() {
        var world = splitWorld()
        let route = world.route(Self.split, prefill: nil, decode: "d")
        var other = route
        other.gateway = "tcp://other"
        world.start("mine", route, epoch: 2, output: 30)
        world.start("theirs", other, epoch: 2, output: 30)
        world.run(30)
        for key in [.decode("c"), .decode("e")] as [WorkerKey] {
            world.send(.peerLost(endpoint: StageWorld.gateway, requests: []), to: key)
        }
        world.run()
        #expect(text(world, "theirs") == Self.expected("theirs", output: 30))
        #expect(text(world, "mine").count < 30)
        #expect(world.cores.values.allSatisfy { $0.summary.load.kvUsedTokens == 0 })
    }
}
