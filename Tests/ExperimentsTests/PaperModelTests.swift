import CostModel
import Domain
import Simulation
import Testing

@testable import Experiments

@Suite("Model, devices and traffic of the paper's table") struct PaperModelTests {
    private static func device(_ id: String) throws -> PaperDevice {
        try #require(PaperFleet.devices.first { $0.id.rawValue == id })
    }

    /// Seconds of a decode step through the whole model.
    private static func step(_ device: PaperDevice, _ batch: Int) -> Double {
        Double(PaperModel.layers) * device.decodeSeconds(batch: batch, context: 1) + device.headSeconds(batch)
    }

    @Test func sizesAreThePublishedOnes() {
        let model = PaperModel.description(promptTokens: 576)
        // llama.cpp reports 11.27 GiB.
        #expect((Double(model.bytesTotal) / 0x1p30 - 11.27).magnitude < 0.01)
        // The model card: 3.61 B active parameters, the LM head included.
        let active = 24 * PaperModel.activeWeights + PaperModel.headWeights
        #expect((Double(active) / 1e9 - 3.61).magnitude < 0.01)
        // 24 blocks of 2 x 8 x 64 f16 numbers, half of them with 128 of 576 tokens.
        #expect(model.kvBytesPerTokenPerLayer == Int((2048 * (1 + 128.0 / 576) / 2).rounded()))
        #expect(PaperModel.description(promptTokens: 100).kvBytesPerTokenPerLayer == 2048)
    }

    @Test func moreTokensReadMoreExperts() {
        func experts(_ rows: Int) -> Double {
            (PaperModel.readBytes(rows: rows) - Double(PaperModel.sharedBytes)) / Double(PaperModel.expertBytes)
        }
        #expect((experts(1) - 4).magnitude < 1e-9)
        #expect((experts(2) - 7.5).magnitude < 1e-9)
        #expect((experts(16) - 28.22).magnitude < 0.01)
        #expect((experts(5000) - 32).magnitude < 1e-9)
    }

    @Test func speedsAreTheMeasuredOnes() throws {
        let apple = try Self.device("m2max-1")
        #expect((1 / Self.step(apple, 1) / 86 - 1).magnitude < 0.05)
        #expect((2048 / (24 * apple.prefillSeconds(2048)) / 656 - 1).magnitude < 0.05)
        #expect((Self.step(apple, 2) / Self.step(apple, 1) / 1.51 - 1).magnitude < 0.01)
        #expect((Self.step(apple, 4) / Self.step(apple, 1) / 2.42 - 1).magnitude < 0.01)
    }

    @Test func fleetIsThePapers() throws {
        let fleet = try PaperFleet.fleet(.extended, slowdown: 2)
        #expect(fleet.cost.devices.count == 7 && Set(fleet.types.values).count == 5)
        #expect(fleet.cost.devices.reduce(0) { $0 + $1.memoryBytes } == 111_000_000_000)
        let device = try Self.device("agx-orin")
        let costed = try #require(fleet.cost.device("agx-orin"))
        let seconds = costed.cost.decodeSeconds(layers: 1, batch: 3, contextSum: 3 * 512)
        #expect((seconds / (2 * device.decodeSeconds(batch: 3, context: 512)) - 1).magnitude < 1e-9)
        // 920 Mbit/s, once.
        let hop = fleet.cost.network.hopSeconds(from: "m1-1", to: "rtx5070", bytes: 115e6)
        #expect((hop - 1.0003).magnitude < 1e-9)
    }

    @Test func trafficHasThePapersMeans() throws {
        for workload in PaperWorkload.allCases {
            let slow = try workload.traffic(interval: 2, count: 1000, seed: 4)
            let fast = try workload.traffic(interval: 0.5, count: 1000, seed: 4)
            #expect(slow.rate == 0.5 && slow.requests[10].arrival == 20 && fast.requests[10].arrival == 5)
            #expect(slow.requests.map(\.promptTokens) == fast.requests.map(\.promptTokens))
            let few = try workload.traffic(interval: 2, count: 10, seed: 4)
            #expect(few.requests == Array(slow.requests.prefix(10)))
            let prompts = slow.requests.map { Double($0.promptTokens) }
            let outputs = slow.requests.map { Double($0.outputTokens) }
            for (values, mean) in [(prompts, workload.promptTokens), (outputs, workload.outputTokens)] {
                let lengths = Distribution(values)
                #expect((lengths.mean / mean - 1).magnitude < 0.03)
                #expect((lengths.std / lengths.mean - 0.2).magnitude < 0.02)
            }
        }
    }
}
