import CostModel
import Domain
import Foundation
import Planning
import Testing

@Suite struct LayerPartitionerTests {
    /// 200 seeded groups: both phases, given and free order, with memory that binds or not, some of them infeasible.
    @Test(arguments: 0..<20)
    func equalsBruteForce(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        var infeasible = 0
        for instance in 0..<10 {
            let count = random.between(1, 5)
            let model = Build.model(layers: random.between(count, count > 4 ? 9 : 12))
            let low = random.between(0.05, 0.6)
            let fleet = try Build.randomFleet(
                count: count, model: model, memoryShare: low...(low + random.between(0, 0.9)), &random)
            let query = Build.query(
                fleet.devices.map(\.id).shuffled(using: &random), ordered: Bool.random(using: &random),
                phase: instance.isMultiple(of: 2) ? .prefill : .decode, batch: random.between(1, 16),
                kvTokens: random.between(0, 2048))
            let answer = LayerPartitioner(cost: fleet).answer(query)
            let best = BruteForce(cost: fleet, query: query).solve()
            #expect(answer.feasible == (best != nil))
            guard let best, answer.feasible else {
                infeasible += 1
                #expect(answer.stages.isEmpty && (answer.missingBytes ?? 0) > 0)
                continue
            }
            #expect(abs(answer.cycleSeconds / best.cycle - 1) < 1e-9)
            #expect(abs(answer.latencySeconds / best.latency - 1) < 1e-9)
            let (cycle, latency) = BruteForce.times(answer.stages, query, fleet)
            #expect(abs(answer.cycleSeconds / cycle - 1) < 1e-9 && abs(answer.latencySeconds / latency - 1) < 1e-9)
            check(answer, query, fleet)
        }
        #expect(infeasible < 10)
    }

    private func check(_ answer: PartitionAnswer, _ query: PartitionQuery, _ fleet: FleetCost) {
        if query.ordered {
            #expect(answer.stages.map(\.device) == query.devices)
        } else {
            #expect(Set(answer.stages.map(\.device)) == Set(query.devices))
        }
        var next = 0
        for stage in answer.stages {
            #expect(stage.layers.start == next && !stage.layers.isEmpty)
            #expect(
                fleet.memoryBytes(stage.layers, kvTokens: query.kvTokens) <= fleet.device(stage.device)?.memoryBytes
                    ?? 0)
            next = stage.layers.end
        }
        #expect(next == fleet.model.layers)
    }

    /// The missing memory is enough when it is given to the right devices, and less than it is never enough.
    @Test(arguments: 0..<20)
    func missingMemoryIsExact(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed) + 500)
        let model = Build.model(layers: 6, head: 3_000_000)
        let fleet = try Build.randomFleet(count: 2, model: model, memoryShare: 0.02...0.3, &random)
        let query = Build.query(fleet.devices.map(\.id), ordered: true, phase: .prefill, kvTokens: 512)
        let missing = try #require(LayerPartitioner(cost: fleet).answer(query).missingBytes)
        func feasible(_ first: Int, _ second: Int) throws -> Bool {
            var devices = fleet.devices
            devices[0].memoryBytes += first
            devices[1].memoryBytes += second
            let more = try FleetCost(model: model, devices: devices, network: fleet.network)
            return LayerPartitioner(cost: more).answer(query).feasible
        }
        var enough = false
        for share in 0...500 where !enough {
            let first = missing * share / 500
            enough = try feasible(first + missing / 250, missing - first + missing / 250)
            #expect(try !feasible(first, max(0, missing - first - 1)))
        }
        #expect(enough)
    }

    @Test func hopsAvoidSlowLinks() throws {
        let model = Build.model()
        let devices = try ["a", "b", "c"].map {
            try Build.device(DeviceID($0), speed: 1, memory: 60_000_000, model: model)
        }
        func link(_ from: DeviceID, _ to: DeviceID, _ rate: Double) -> LinkProfile {
            LinkProfile(from: from, to: to, latencySeconds: 0.0001, bytesPerSecond: rate)
        }
        let fleet = try FleetCost(
            model: model, devices: devices,
            network: NetworkCost(links: [link("a", "b", 1e5), link("b", "c", 1e9), link("a", "c", 1e9)]))
        let answer = LayerPartitioner(cost: fleet)
            .answer(Build.query(["a", "b", "c"], ordered: false, phase: .prefill))
        #expect(answer.stages.count == 3 && answer.stages[1].device == "c")
    }

    @Test func largeGroupsGetAGoodOrder() throws {
        var random = SeededRandom(seed: 3)
        let model = Build.model(layers: 40, head: 4_000_000)
        let fleet = try Build.randomFleet(count: 14, model: model, memoryShare: 0.15...0.4, &random)
        let ids = fleet.devices.map(\.id)
        let partitioner = LayerPartitioner(cost: fleet)
        let answer = partitioner.answer(Build.query(ids, ordered: false, phase: .prefill))
        check(answer, Build.query(ids, ordered: false, phase: .prefill), fleet)
        var compared = 0
        for _ in 0..<20 {
            let order = ids.shuffled(using: &random)
            let fixed = partitioner.answer(Build.query(order, ordered: true, phase: .prefill))
            guard fixed.feasible else { continue }
            compared += 1
            #expect(answer.feasible && answer.cycleSeconds <= fixed.cycleSeconds)
        }
        #expect(compared > 0)
    }

    @Test func senselessQueriesAreAnswered() throws {
        var random = SeededRandom(seed: 4)
        let fleet = try Build.randomFleet(count: 3, model: Build.model(layers: 2), memoryShare: 1...2, &random)
        let partitioner = LayerPartitioner(cost: fleet)
        var queries = [[], ["d0", "d0"], ["x"], ["d0", "d1", "d2"]].map {
            Build.query($0.map { DeviceID($0) }, ordered: false, phase: .decode)
        }
        var query = Build.query(["d0"], ordered: true, phase: .decode)
        query.batch = .max
        queries.append(query)
        query = Build.query(["d0"], ordered: true, phase: .prefill)
        query.promptTokens = -1
        queries.append(query)
        query.promptTokens = 1
        query.kvTokens = .max
        queries.append(query)
        for answer in partitioner.answers(queries) {
            #expect(!answer.feasible && answer.reason?.isEmpty == false && answer.stages.isEmpty)
        }
    }

    @Test func wireNamesAreSnakeCase() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let query = Build.query(["d0"], ordered: true, phase: .decode)
        let text = String(decoding: try encoder.encode(query), as: UTF8.self)
        #expect(
            text == #"{"batch":4,"context_tokens":300,"devices":["d0"],"id":7,"kv_tokens":2048,"#
                + #""ordered":true,"phase":"decode","prompt_tokens":200}"#)
        var random = SeededRandom(seed: 5)
        let fleet = try Build.randomFleet(count: 2, model: Build.model(), memoryShare: 1...2, &random)
        let answer = LayerPartitioner(cost: fleet).answer(Build.query(["d1", "d0"], ordered: false, phase: .decode))
        let data = try encoder.encode(answer)
        #expect(try JSONDecoder().decode(PartitionAnswer.self, from: data) == answer)
        let names = String(decoding: data, as: UTF8.self)
        #expect(names.contains("\"cycle_s\"") && names.contains("\"latency_s\"") && answer.feasible)
    }
}
