import CostModel
import Domain
import Foundation
import Scenarios
import Testing

/// Fleet file, model file and cost model together give the values of an independent implementation to 1e-6.
@Suite struct ConformanceTests {
    struct Wanted: Decodable {
        var model: String
        var a: [Stage]
        var b: [Stage]
        var capacityA: Int
        var capacityB: Int
        var prefillA512: [Double]
        var prefillB64: [Double]
        var decodeA1of100: Double
        var decodeA8of4096: Double
        var decodeB2of1000: Double
        var flows: [String: Double]
        var transferSeconds: Double
        var load: [String: Double]
        var hop100: Double

        struct Stage: Decodable {
            var device: DeviceID
            var layers: Int
            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                device = try container.decode(DeviceID.self)
                layers = try container.decode(Int.self)
            }
        }

        enum CodingKeys: String, CodingKey {
            case model
            case a = "A"
            case b = "B"
            case capacityA = "kv_cap_A"
            case capacityB = "kv_cap_B"
            case prefillA512 = "prefill_A_512"
            case prefillB64 = "prefill_B_64"
            case decodeA1of100 = "decode_A_1_100"
            case decodeA8of4096 = "decode_A_8_4096"
            case decodeB2of1000 = "decode_B_2_1000"
            case flows = "kv_flows_A_B_512"
            case transferSeconds = "kv_time_A_B_512"
            case load = "kv_load_A_B_512"
            case hop100 = "hop_rtx_pi_100"
        }
    }

    private func close(_ found: Double?, _ wanted: Double) -> Bool {
        found.map { abs($0 / wanted - 1) < 1e-6 } ?? false
    }

    private func stages(_ stages: [Wanted.Stage]) -> [PlanStage] {
        PlannedGroup(id: "g", role: .mixed, stages: stages.map { ($0.device, layers: $0.layers) }).planStages
    }

    @Test func bothModels() throws {
        let wanted = try JSONDecoder().decode([Wanted].self, from: Data(Fixtures.conformance.utf8))
        #expect(wanted.map(\.model) == ["llama-2-7b-q4", "llama-3-8b-q4"])
        for (wanted, file) in zip(wanted, [Fixtures.llama2, Fixtures.llama3]) {
            let model = try ModelDescriptionFile.read(file.utf8)
            #expect(model.name == wanted.model)
            let cost = try DescribedFleet.example().cost(model)
            let (a, b) = (stages(wanted.a), stages(wanted.b))
            #expect(cost.kvCapacityTokens(a) == wanted.capacityA)
            #expect(cost.kvCapacityTokens(b) == wanted.capacityB)
            let long = try #require(cost.prefillEstimate(a, tokens: 512))
            #expect(close(long.latencySeconds, wanted.prefillA512[0]))
            #expect(close(long.cycleSeconds, wanted.prefillA512[1]))
            let short = try #require(cost.prefillEstimate(b, tokens: 64))
            #expect(close(short.latencySeconds, wanted.prefillB64[0]))
            #expect(close(short.cycleSeconds, wanted.prefillB64[1]))
            func gap(_ stages: [PlanStage], _ batch: Int, _ contextSum: Int) -> Double? {
                cost.decodeEstimate(stages, concurrency: batch, contextTokens: contextSum / batch)?.tokenGapSeconds
            }
            #expect(close(gap(a, 1, 100), wanted.decodeA1of100))
            #expect(close(gap(a, 8, 4096), wanted.decodeA8of4096))
            #expect(close(gap(b, 2, 1000), wanted.decodeB2of1000))
            #expect(close(cost.prefillHopSeconds(from: "rtx01", to: "pi01", tokens: 100), wanted.hop100))
            try checkTransfer(cost, a, b, wanted)
        }
    }

    private func checkTransfer(_ cost: FleetCost, _ a: [PlanStage], _ b: [PlanStage], _ wanted: Wanted) throws {
        let flows = cost.kvFlows(from: a, to: b, tokens: 512)
        let found = Dictionary(uniqueKeysWithValues: flows.map { ("\($0.from)>\($0.to)", $0.bytes) })
        #expect(found == wanted.flows)
        #expect(close(cost.kvTransferSeconds(flows), wanted.transferSeconds))
        var capacity: [NetworkResource.Identity: Double] = [:]
        for flow in flows {
            for use in cost.network.uses(from: flow.from, to: flow.to) {
                capacity[use.resource.id] = use.resource.bytesPerSecond
            }
        }
        let occupation = cost.kvOccupation(flows)
        #expect(occupation.count == wanted.load.count)
        for (id, seconds) in occupation {
            let bytes = try #require(wanted.load[id.description])
            #expect(close(seconds * (try #require(capacity[id])), bytes))
        }
    }

    @Test func excludedDevicesAreLeftOut() throws {
        let cost = try DescribedFleet.example().cost(.llama2(), excluding: ["pi01"])
        #expect(cost.devices.map(\.id) == ["nano01", "nano02", "rtx01"])
        refused(.unknownName, "fleet: pi99 is not a device of example-4; its devices are rtx01, nano01, nano02, pi01") {
            _ = try DescribedFleet.example().cost(.llama2(), excluding: ["pi99"])
        }
    }

    @Test func impossibleModels() throws {
        var model = try ModelDescription.llama2()
        model.layers = 0
        refused(.invalidModel, "model llama-2-7b-q4: layers is 0") { _ = try DescribedFleet.example().cost(model) }
    }
}
