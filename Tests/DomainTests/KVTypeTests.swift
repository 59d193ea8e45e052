import Domain
import Foundation
import Testing

@Suite struct KVTypeTests {
    private static func plan(_ type: KVType) -> PlacementPlan {
        PlacementPlan(
            id: "p", model: "m", fleetVersion: 1, workload: WorkloadStatistics(), replicas: [],
            predictedRequestsPerSecond: 1, objective: 0, algorithm: "test", kvType: type)
    }

    private static func model(window: Int? = nil, headDim: Int = 32) -> ModelDescription {
        ModelDescription(
            name: "m", layers: 12, hidden: 64, ffn: 64, heads: 2, kvHeads: 1, headDim: headDim, vocabulary: 10,
            maxContext: 100, paramsPerLayer: 1, bytesPerLayer: 1, bytesEmbedding: 1, bytesHead: 1, bytesTotal: 3,
            kvBytesPerTokenPerLayer: 4 * headDim, activationBytesPerToken: 128, slidingWindow: window,
            slidingPeriod: window == nil ? nil : 6)
    }

    @Test func plansWithoutTheKeyAreOfF16AndLookAsTheyDid() throws {
        let text = String(decoding: try JSONEncoder().encode(Self.plan(.f16)), as: UTF8.self)
        #expect(!text.contains("kv_type"))
        let read = try JSONDecoder().decode(PlacementPlan.self, from: Data(text.utf8))
        #expect(read == Self.plan(.f16))
        let named = text.replacing("\"id\":\"p\"", with: "\"id\":\"p\",\"kv_type\":\"f16\"")
        #expect(try JSONDecoder().decode(PlacementPlan.self, from: Data(named.utf8)) == read)
    }

    @Test func theTypeOfAPlanIsKept() throws {
        var plan = Self.plan(.q8_0)
        plan.contextTokens = 7
        plan.upperBoundRequestsPerSecond = 2
        let bytes = try JSONEncoder().encode(plan)
        #expect(String(decoding: bytes, as: UTF8.self).contains("\"kv_type\":\"q8_0\""))
        #expect(try JSONDecoder().decode(PlacementPlan.self, from: bytes) == plan)
        let other = String(decoding: bytes, as: UTF8.self).replacing("q8_0", with: "q4_0")
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(PlacementPlan.self, from: Data(other.utf8))
        }
    }

    @Test func smallerTypesNeedWholeBlocks() {
        #expect(Self.model().allows(.q8_0) && Self.model(headDim: 80).allows(.f16))
        #expect(!Self.model(headDim: 80).allows(.q8_0))
        #expect(Self.model().keeping(.q8_0).kvBytesPerTokenPerLayer == 2 * 34)
        #expect(Self.model().keeping(.f16) == Self.model())
    }

    @Test func onlyTheWindowIsHandedOver() {
        let model = Self.model(window: 10)
        #expect(model.firstHandedOver(layer: 0, tokens: 25) == 15 && model.firstHandedOver(layer: 5, tokens: 25) == 0)
        #expect(model.firstHandedOver(layer: 0, tokens: 8) == 0)
        #expect(model.handedOverBytes(LayerRange(4, 7), tokens: 25) == (10 + 25 + 10) * 128)
        #expect(Self.model().handedOverBytes(LayerRange(4, 7), tokens: 25) == 75 * 128)
        #expect(model.handedOver(LayerRange(3, 12), before: 15, of: 25) == [LayerRange(5, 6), LayerRange(11, 12)])
        #expect(model.handedOver(LayerRange(3, 12), before: 16, of: 25) == [LayerRange(3, 12)])
        #expect(model.handedOver(LayerRange(0, 5), before: 15, of: 25).isEmpty)
    }
}
