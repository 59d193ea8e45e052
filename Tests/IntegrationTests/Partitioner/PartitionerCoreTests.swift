import CostModel
import Domain
import Planning
import Protocol
import Testing

@testable import Partitioner

@Suite("Partitioner: decisions")
struct PartitionerCoreTests {
    static func problem(_ queries: [PartitionQuery] = [query()]) -> PartitionProblem {
        let fleet = PlannerFleets.fleet()
        return PartitionProblem(
            model: PlannerFleets.model(),
            devices: fleet.devices.map {
                PartitionDevice(
                    id: $0.id, memoryUsableBytes: $0.memoryUsableBytes,
                    measurements: PlannerFleets.measurements(speed: 1, memory: $0.memoryUsableBytes))
            }, links: fleet.links, queries: queries)
    }

    static func query(_ id: Int = 1, _ devices: [DeviceID] = ["a", "b"]) -> PartitionQuery {
        PartitionQuery(
            id: id, devices: devices, ordered: false, phase: .decode, promptTokens: 100, batch: 4, contextTokens: 200,
            kvTokens: 2048)
    }

    private static func refusal(_ instructions: [PartitionerInstruction]) -> Fault? {
        for case .refuse(_, let error) in instructions { return error }
        return nil
    }

    @Test("a sound message is solved")
    func sound() throws {
        var core = PartitionerCore(parallel: 1, queueLimit: 4)
        let instructions = core.handle(.asked(1, Self.problem()))
        #expect(instructions.count == 1)
        guard case .solve(1, _, let queries)? = instructions.first else {
            Issue.record("not solved")
            return
        }
        #expect(queries == [Self.query()])
        let answer = PartitionAnswer.infeasible(1, "test")
        guard case .answer(1, [answer])? = core.handle(.solved(1, .success([answer]))).first else {
            Issue.record("not answered")
            return
        }
    }

    @Test(
        "wrong input is refused, naming the field",
        arguments: [
            ProblemDamage("queries[0].devices: device z") { $0.queries[0].devices = ["a", "z"] },
            ProblemDamage("queries[0].devices: a device is in the group twice") { $0.queries[0].devices = ["a", "a"] },
            ProblemDamage("queries[0].devices: the group is empty") { $0.queries[0].devices = [] },
            ProblemDamage("queries[0].batch") { $0.queries[0].batch = -1 },
            ProblemDamage("queries[0].prompt_tokens") { $0.queries[0].promptTokens = 1 << 40 },
            ProblemDamage("queries[0].context_tokens") { $0.queries[0].contextTokens = -7 },
            ProblemDamage("queries[0].kv_tokens") { $0.queries[0].kvTokens = .max },
            ProblemDamage("devices[1].id: a is listed twice") { $0.devices[1].id = "a" },
            ProblemDamage("devices[2].memory_usable_bytes") { $0.devices[2].memoryUsableBytes = -1 },
            ProblemDamage("devices[0].measurements.prefill[1]") {
                $0.devices[0].measurements.prefill[1].secondsPerLayer = .nan
            },
            ProblemDamage("devices[0].measurements.decode[0]") { $0.devices[0].measurements.decode[0].batch = 0 },
            ProblemDamage("devices[0].measurements.head[0]") { $0.devices[0].measurements.head[0].seconds = -1 },
            ProblemDamage("links[0].bytes_per_s") { $0.links[0].bytesPerSecond = 0 },
            ProblemDamage("links[3].latency_s") { $0.links[3].latencySeconds = -.infinity },
            ProblemDamage("layers") { $0.model.layers = 0 },
            ProblemDamage("queries: 16385 are more than") {
                $0.queries = Array(repeating: $0.queries[0], count: PartitionProblem.mostQueries + 1)
            },
        ])
    func wrong(damage: ProblemDamage) {
        var core = PartitionerCore(parallel: 1, queueLimit: 4)
        var problem = Self.problem()
        damage.apply(&problem)
        let refusal = Self.refusal(core.handle(.asked(1, problem)))
        #expect(refusal?.code == "invalid_input")
        #expect(refusal?.message.contains(damage.field) == true, "\(refusal?.message ?? "accepted")")
        // Nothing is left behind: the next message is solved.
        #expect(core.handle(.asked(2, Self.problem())).count == 1)
    }

    @Test("what computes and what waits is bounded")
    func bounds() {
        var core = PartitionerCore(parallel: 2, queueLimit: 2)
        for ticket: UInt64 in 1...4 {
            #expect(core.handle(.asked(ticket, Self.problem())).count == (ticket <= 2 ? 1 : 0))
        }
        let refusal = Self.refusal(core.handle(.asked(5, Self.problem())))
        #expect(refusal?.code == "overloaded")
        #expect(refusal?.isRetriable == true)
        let instructions = core.handle(.solved(1, .success([])))
        #expect(instructions.count == 2)
        guard case .solve(3, _, _)? = instructions.last else {
            Issue.record("the oldest waiting message is not solved")
            return
        }
    }
}

/// One way to spoil a message, and the field that the error must name.
struct ProblemDamage: Sendable, CustomTestStringConvertible {
    let field: String
    let apply: @Sendable (inout PartitionProblem) -> Void
    var testDescription: String { field }

    init(_ field: String, apply: @escaping @Sendable (inout PartitionProblem) -> Void) {
        self.field = field
        self.apply = apply
    }
}
