import Domain
import Foundation
import Testing

@Suite struct LayerRangeTests {
    @Test func intersections() {
        #expect(LayerRange(0, 4).intersection(LayerRange(2, 6)) == LayerRange(2, 4))
        #expect(LayerRange(0, 2).intersection(LayerRange(2, 6)) == nil)
        #expect(LayerRange(5, 3).isEmpty)
        #expect(LayerRange(0, 4).overlaps(LayerRange(3, 6)) && !LayerRange(0, 3).overlaps(LayerRange(3, 6)))
        #expect(!LayerRange(0, 4).overlaps(LayerRange(2, 2)), "an empty range shares nothing")
        #expect(LayerRange(2, 6).contains(LayerRange(2, 6)) && LayerRange(2, 6).contains(LayerRange(3, 4)))
        #expect(!LayerRange(2, 6).contains(LayerRange(1, 4)) && !LayerRange(2, 6).contains(LayerRange(5, 7)))
    }

    @Test func overlapsOfReplicas() {
        func stages(_ ends: [Int]) -> [PlanStage] {
            zip([0] + ends, ends).map { PlanStage(device: "d", layers: LayerRange($0, $1)) }
        }
        func overlaps(_ sources: [Int], _ targets: [Int]) -> [[Int]] {
            LayerOverlap.between(stages(sources), stages(targets)).map {
                [$0.source, $0.target, $0.layers.start, $0.layers.end]
            }
        }
        #expect(overlaps([4], [4]) == [[0, 0, 0, 4]])
        #expect(overlaps([3, 8], [2, 5, 8]) == [[0, 0, 0, 2], [0, 1, 2, 3], [1, 1, 3, 5], [1, 2, 5, 8]])
        #expect(overlaps([], [4]).isEmpty && overlaps([2, 4], [2]) == [[0, 0, 0, 2]])
    }

    @Test func consumersHoldSomeOfTheLayers() {
        let stages = [("a", 0, 3), ("b", 3, 5), ("c", 5, 8)].map {
            RouteStage(device: DeviceID($0.0), endpoint: $0.0, layers: LayerRange($0.1, $0.2))
        }
        let route = Route(prefillReplica: nil, prefill: [], decodeReplica: "r", decode: stages, gateway: "g")
        #expect(route.consumers(of: LayerRange(2, 5)).map(\.endpoint) == ["a", "b"])
        #expect(route.consumers(of: LayerRange(5, 6)).map(\.endpoint) == ["c"])
    }

    @Test(arguments: [
        #"{"start":-1,"end":2}"#, #"{"start":3,"end":2}"#, #"{"start":0,"end":99999999999}"#, #"{"start":0}"#,
    ])
    func refusesDamagedRanges(text: String) {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(LayerRange.self, from: Data(text.utf8)) }
    }
}
