import Domain
import Testing

@testable import Scheduling

/// Stages keep and send keys and values as their plan says, and only the window of layers that have one.
@Suite struct StageKVTypeTests {
    private static func split(_ type: KVType) -> PlacementPlan {
        var plan = Sample.plan("split", [Sample.replica("p", .prefill, ["a"]), Sample.replica("d", .decode, ["c"])])
        plan.kvType = type
        return plan
    }

    private static func core(_ kind: WorkerKind = .decode, _ model: ModelDescription = Sample.model) -> StageCore {
        StageCore(
            StageLimits(
                device: "c", kind: kind, model: model, memoryUsableBytes: 1 << 20, maxBatchedTokens: 64,
                leaseSeconds: 90, kvBlockTokens: 32))
    }

    private static func prepare(_ core: inout StageCore, _ plan: PlacementPlan, epoch: Epoch = 1) -> [StageInstruction]
    {
        let stage = StageAssignment(plan: plan, replica: "d", stage: 0)
        return core.handle(.prepare(stage, epoch: epoch, ticket: StageTicket(epoch)), at: 0)
    }

    private static func types(_ instructions: [StageInstruction]) -> [KVType] {
        instructions.compactMap { if case .load(_, _, let type, _) = $0 { type } else { nil } }
    }

    private static func chunk(_ type: KVType) -> StageEvent {
        .kvArrived(
            ArrivedKV(
                request: "r", replica: "d", epoch: 1, layers: LayerRange(0, 8), start: 0, count: 10, total: 10,
                reservedTokens: 20, bytes: 100, type: type, firstStage: "tcp://first"))
    }

    @Test(arguments: KVType.allCases) func aStageHasTheTypeOfItsPlan(type: KVType) {
        var core = Self.core()
        #expect(Self.types(Self.prepare(&core, Self.split(type))) == [type])
        _ = core.handle(.loaded(slot: 1, kvCapacityTokens: 1000, weightBytes: 10), at: 0)
        // In the same epoch it stays as it is; formed anew it is loaded with the other type.
        let other = type == .f16 ? KVType.q8_0 : .f16
        let refused = Self.prepare(&core, Self.split(other)).contains {
            if case .refuse(_, let fault) = $0 { fault.code == "bad_plan" } else { false }
        }
        #expect(refused)
        #expect(Self.types(Self.prepare(&core, Self.split(other), epoch: 2)) == [other])
    }

    @Test func headsThatDoNotFitAreRefused() {
        var model = Sample.model
        model.headDim = 16
        var core = Self.core(.decode, model)
        let answers = Self.prepare(&core, Self.split(.q8_0))
        #expect(Self.types(answers).isEmpty)
        #expect(answers.contains { if case .refuse(_, let fault) = $0 { fault.code == "bad_plan" } else { false } })
    }

    @Test(arguments: KVType.allCases) func aChunkOfAnotherTypeIsRefused(type: KVType) {
        var core = Self.core()
        _ = Self.prepare(&core, Self.split(type))
        _ = core.handle(.loaded(slot: 1, kvCapacityTokens: 1000, weightBytes: 10), at: 0)
        let refusals = core.handle(Self.chunk(type == .f16 ? .q8_0 : .f16), at: 1)
        var codes: [String] = []
        for instruction in refusals {
            switch instruction {
            case .refuseMessage(let fault): codes.append(fault.code)
            case .report(let report, _): if case .failed(let fault) = report.event.moment { codes.append(fault.code) }
            case .importKV: Issue.record("it was taken")
            default: break
            }
        }
        #expect(codes == ["wrong_kv_type", "wrong_kv_type"])
        #expect(!core.hasSequences)
    }

    @Test func whatLiesBeforeAWindowMayBeLeftOut() throws {
        var model = Sample.model
        (model.slidingWindow, model.slidingPeriod) = (10, 4)
        // Layers 3 and 7 see everything, the others 10 positions.
        var arrival = KVArrival(layers: LayerRange(2, 5), total: 60, model: model)
        #expect(try arrival.accept(layers: LayerRange(3, 4), start: 0, count: 32, total: 60))
        #expect(throws: KVArrival.Refusal.outOfOrder) {
            try arrival.accept(layers: LayerRange(2, 5), start: 51, count: 9, total: 60)
        }
        #expect(try arrival.accept(layers: LayerRange(2, 5), start: 32, count: 28, total: 60))
        #expect(arrival.isComplete)
        // All of it may come, too.
        var whole = KVArrival(layers: LayerRange(2, 5), total: 60, model: model)
        #expect(try whole.accept(layers: LayerRange(2, 5), start: 0, count: 60, total: 60))
        #expect(whole.isComplete)
        // A gap behind the beginning of the window is one.
        var gap = KVArrival(layers: LayerRange(0, 1), total: 60, model: model)
        #expect(throws: KVArrival.Refusal.outOfOrder) {
            try gap.accept(layers: LayerRange(0, 1), start: 51, count: 9, total: 60)
        }
    }
}
