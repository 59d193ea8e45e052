import CostModel
import Domain
import Foundation
import Testing

@testable import Simulation

@Suite("Records of runs") struct RecordTests {
    @Test func distributionsAreExact() {
        let values = Distribution((1...100).map(Double.init).shuffled())
        #expect(values.mean == 50.5 && values.p50 == 50 && values.p90 == 90 && values.p99 == 99 && values.max == 100)
        #expect((values.std - 28.866_07).magnitude < 1e-4)
        #expect(Distribution([]).mean == 0 && Distribution([7]).p99 == 7)
    }

    private static func record(_ shift: Double = 0) -> RunRecord {
        var one = RequestTimes(id: "one", arrival: 1, promptTokens: 10, outputTokens: 3)
        one.outcome = .finished
        (one.prefillStart, one.firstToken, one.kvStart, one.kvComplete) = (2, 4, 5, 7 + shift)
        (one.decodeStart, one.end, one.stall) = (8 + shift, 12 + shift, 1)
        var two = RequestTimes(id: "two", arrival: 3, promptTokens: 10, outputTokens: 1)
        two.outcome = .finished
        (two.prefillStart, two.firstToken, two.end) = (4, 5, 5)
        let three = RequestTimes(id: "three", arrival: 4, promptTokens: 10, outputTokens: 1)
        var record = RunRecord(source: .measured, system: "test", rate: 2, requests: [one, two, three])
        record.measure(busy: ["a": 5.5], network: [])
        return record
    }

    @Test func partsAreThoseOfTheDefinition() {
        let record = Self.record()
        let one = record.requests[0]
        #expect(one.prefillWait == 1 && one.memoryWait == 1 && one.transfer == 2 && one.decodeWait == 1)
        #expect(one.waiting == 6 && one.timeToFirstToken == 3 && one.timePerOutputToken == 4 && one.total == 11)
        let two = record.requests[1]
        #expect(two.waiting == 1 && two.transfer == 0 && two.decodeWait == 0 && two.timePerOutputToken == nil)
        let summary = RunSummary(record)
        #expect(summary.requests == 3 && summary.finished == 2 && summary.waiting.mean == 3.5)
        #expect(record.seconds == 11 && summary.throughput == 2 / 11.0 && record.devices[0].share == 0.5)
        #expect(summary.queueing.mean == 2.5)
    }

    @Test func filesKeepEverything() throws {
        let record = Self.record()
        let back = try JSONDecoder().decode(RunRecord.self, from: JSONEncoder().encode(record))
        #expect(back == record)
    }

    @Test func comparisonsShowErrors() throws {
        var (one, two) = (Self.record(), Self.record(2))
        (one.source, two.source) = (.simulated, .simulated)
        let comparison = RunComparison(one, two)
        #expect(comparison.measures.contains { $0.name == "stall" && $0.mean.real == 0.5 })
        let transfer = try #require(comparison.measures.first { $0.name == "t_kv" })
        #expect(transfer.mean.real == 1 && transfer.mean.simulated == 2 && transfer.mean.error == 1)
        #expect(comparison.measures.first { $0.name == "w_prefill" }?.mean.error == 0)
        #expect(comparison.measures.first { $0.name == "busy a" }?.mean.real == 0.5)
        #expect(comparison.warnings.isEmpty)
        var other = Self.record()
        other.requests.removeLast()
        other.rate = 3
        #expect(RunComparison(Self.record(), other).warnings.count == 3)
    }

    @Test func stallsAreLeftOutWhereNobodyMeasuredThem() throws {
        var simulated = Self.record()
        simulated.source = .simulated
        var real = Self.record()
        for index in real.requests.indices { real.requests[index].stall = 0 }
        let comparison = RunComparison(real, simulated)
        #expect(!comparison.measures.contains { $0.name == "stall" })
        let waiting = try #require(comparison.measures.first { $0.name == "w_total" })
        #expect(waiting.mean.real == 3 && waiting.mean.error == 0)
    }

    @Test func backlogsGrowPastCapacity() throws {
        let cost = try SampleFleets.cost(["a"])
        let plan = SampleFleets.plan([SampleFleets.replica("a", .mixed, ["a"], cost)])
        func record(_ rate: Double) throws(SimulationError) -> RunRecord {
            var traffic = SampleFleets.stream(400, every: 1 / rate)
            traffic.rate = rate
            return try ReferenceServices().run(traffic, plan: plan, cost: cost)
        }
        let capacity = try CapacitySearch().capacity(from: 1) { rate throws(SimulationError) in try record(rate) }
        #expect(try record(capacity * 0.8).backlogGrowth < 0.05)
        #expect(try record(capacity * 1.3).backlogGrowth > 0.05)
        // Prompt and steps of a full batch, by the cost model.
        let prompt = cost.prefillEstimate(plan.replicas[0].stages, tokens: 500)?.cycleSeconds ?? 0
        let gap =
            cost.decodeEstimate(plan.replicas[0].stages, concurrency: 16, contextTokens: 530)?.tokenGapSeconds ?? 0
        let bound = 1 / (prompt + 60 * gap / 16)
        #expect(capacity > 0.6 * bound && capacity < 1.15 * bound)
    }
}
