import CostModel
import Domain
import Testing

@Suite struct EstimateTests {
    private func fleet(_ links: [LinkProfile] = []) throws -> FleetCost {
        var random = TestRandom(5)
        let tables = SyntheticDevice().measurements(noise: 0, &random)
        let profiles = ["a", "b", "c"].map { id in
            DeviceProfile(
                id: DeviceID(id), fingerprint: "f", host: "h", threads: 1, computeShare: 1,
                memoryUsableBytes: 200_000_000, state: .ready, measurements: tables)
        }
        let waiting = DeviceProfile(
            id: "d", fingerprint: "f", host: "h", threads: 1, computeShare: 1, memoryUsableBytes: 1, state: .measuring)
        return try FleetCost(fleet: Fleet(devices: profiles + [waiting], links: links), model: .small)
    }

    private func near(_ value: Double, _ expected: Double) -> Bool { abs(value - expected) < 1e-12 }

    private func link(_ from: DeviceID, _ to: DeviceID, _ latency: Double, _ rate: Double) -> LinkProfile {
        LinkProfile(from: from, to: to, latencySeconds: latency, bytesPerSecond: rate)
    }

    private func stages(_ parts: [(DeviceID, Int)]) -> [PlanStage] {
        var start = 0
        return parts.map { device, count in
            defer { start += count }
            return PlanStage(device: device, layers: LayerRange(start, start + count))
        }
    }

    private func replica(_ id: ReplicaID, _ role: ReplicaRole, _ stages: [PlanStage], concurrency: Int = 0)
        -> PlanReplica
    {
        PlanReplica(
            id: id, role: role, stages: stages, decodeConcurrency: concurrency, kvCapacityTokens: 4096,
            predictedRequestsPerSecond: 1, predictedTokenGapSeconds: 0.01)
    }

    @Test func handoversAreOnTopOfEveryWay() throws {
        let links = [link("a", "b", 0.001, 1e6)]
        let network = NetworkCost(links: links, handovers: ["b": 0.0005, "c": -1])
        #expect(near(network.link(from: "a", to: "b").latencySeconds, 0.0015))
        #expect(near(network.link(from: "b", to: "a").latencySeconds, 0.001))
        #expect(near(network.hopSeconds(from: "b", to: "b", bytes: 1e9), 0.0005))
        #expect(network.link(from: "c", to: "c").latencySeconds == 0)

        var random = TestRandom(5)
        var tables = SyntheticDevice().measurements(noise: 0, &random)
        tables.handoverSeconds = 0.0004
        let profile = DeviceProfile(
            id: "a", fingerprint: "f", host: "h", threads: 1, computeShare: 1, memoryUsableBytes: 200_000_000,
            state: .ready, measurements: tables)
        let cost = try FleetCost(fleet: Fleet(devices: [profile]), model: .small)
        let alone = stages([("a", ModelDescription.small.layers)])
        let estimate = try #require(cost.decodeEstimate(alone, concurrency: 1, contextTokens: 10))
        // A device that is alone hands its next step over to itself.
        #expect(near(estimate.latencySeconds, estimate.stageSeconds[0] + 0.0004))
    }

    @Test func linksFallBackConservatively() throws {
        let network = NetworkCost(links: [
            link("a", "b", 0.001, 1e8), link("a", "c", .nan, 1e8), link("b", "c", 0, -1),
        ])
        #expect(network.hopSeconds(from: "a", to: "a", bytes: 1e9) == 0)
        #expect(abs(network.hopSeconds(from: "a", to: "b", bytes: 1e8) - 1.001) < 1e-12)
        #expect(network.link(from: "b", to: "a") == network.link(from: "a", to: "b"))
        #expect(network.link(from: "a", to: "c") == .unmeasured)
        #expect(network.link(from: "b", to: "c") == .unmeasured)
    }

    @Test func onlyReadyDevicesCount() throws {
        #expect(try fleet().devices.map(\.id) == ["a", "b", "c"])
        var broken = ModelDescription.small
        broken.kvBytesPerTokenPerLayer = .max
        let error = #expect(throws: CostError.self) {
            try FleetCost(model: broken, devices: [], network: NetworkCost(links: []))
        }
        #expect(error?.message.contains("kv_bytes_per_token_per_layer") == true)
    }

    @Test func pipelineTimesAddUp() throws {
        let fleet = try fleet([link("a", "b", 0.01, 1e7), link("b", "a", 0.02, 1e7)])
        let stages = stages([("a", 8), ("b", 4)])
        let device = SyntheticDevice()
        let prefill = try #require(fleet.prefillEstimate(stages, tokens: 256))
        let first = 8 * device.prefillSeconds(256)
        let last = 4 * device.prefillSeconds(256) + device.head[0] + device.head[1]
        let hop = 0.01 + 256 * 1152 / 1e7
        #expect(abs(prefill.latencySeconds - first - last - hop) < 1e-9)
        #expect(abs(prefill.cycleSeconds - first) < 1e-9)
        let decode = try #require(
            fleet.decodeEstimate(stages, concurrency: 4, contextTokens: 256, microBatches: 2))
        let stage = device.decodeSeconds(2, 512)
        let latency =
            12 * stage + device.head[0] + 2 * device.head[1] + 0.01 + 2 * 1152 / 1e7 + 0.02
        #expect(abs(decode.latencySeconds - latency) < 1e-9)
        #expect(abs(decode.tokenGapSeconds - max(latency, 2 * decode.cycleSeconds)) < 1e-12)
        let best = try #require(fleet.decodeEstimate(stages, concurrency: 4, contextTokens: 256))
        #expect(best.tokenGapSeconds <= decode.tokenGapSeconds)
        #expect(fleet.prefillEstimate(self.stages([("x", 12)]), tokens: 1) == nil)
    }

    @Test func chunksOverlapStages() throws {
        let fleet = try fleet([link("a", "b", 0.0001, 1e9)])
        let stages = stages([("a", 6), ("b", 6)])
        let whole = try #require(fleet.prefillEstimate(stages, tokens: 512))
        let chunked = try #require(fleet.prefillEstimate(stages, tokens: 512, chunkTokens: 128))
        #expect(chunked.latencySeconds < whole.latencySeconds)
        #expect(chunked.latencySeconds >= chunked.cycleSeconds)
        #expect(abs(chunked.cycleSeconds / whole.cycleSeconds - 1) < 0.1)
    }

    /// Steps of a few sequences take as long as those of one: two micro-batches would read the weights twice for nothing.
    @Test func microBatchesAreTheFewestThatDecodeAboutAsFast() throws {
        let fleet = try fleet([link("a", "b", 0.00001, 1e9)])
        let stages = stages([("a", 6), ("b", 6)])
        #expect(fleet.microBatches(stages, role: .mixed, concurrency: 4, contextTokens: 64) == 1)
        for (role, allowed) in [(ReplicaRole.decode, 1.021), (.mixed, 1.151)] {
            for concurrency in 1...16 {
                let best = try #require(
                    fleet.decodeEstimate(stages, concurrency: concurrency, contextTokens: 64))
                let count = try #require(
                    fleet.microBatches(stages, role: role, concurrency: concurrency, contextTokens: 64))
                let chosen = try #require(
                    fleet.decodeEstimate(
                        stages, concurrency: concurrency, contextTokens: 64, microBatches: count))
                #expect(chosen.tokenGapSeconds <= allowed * best.tokenGapSeconds)
                #expect(count <= best.microBatches)
            }
        }
        #expect(fleet.microBatches(stages, role: .decode, concurrency: 0, contextTokens: 64) == nil)
        #expect(fleet.microBatches([], role: .decode, concurrency: 4, contextTokens: 64) == nil)
    }

    /// `200 + 30 T + T T / 100` microseconds a layer: a token takes 33 of them in a chunk of 256, 37 in one of 32, 43 in one of
    /// 16.
    @Test func chunksBesideDecodingAreAsShortAsTheFixedCostAllows() throws {
        let fleet = try fleet([link("a", "b", 0.001, 1e9)])
        let tokens = try #require(fleet.mixedChunkTokens(stages([("a", 8), ("b", 4)])))
        #expect(tokens == 32)
        #expect(fleet.mixedChunkTokens(stages([("nobody", 12)])) == nil)
    }

    @Test func kvFlowsFollowTheOverlapOfRanges() throws {
        let fleet = try fleet([link("a", "c", 0.001, 1e7), link("b", "c", 0.002, 2e7), link("a", "b", 0.001, 1e7)])
        let source = stages([("a", 8), ("b", 4)])
        let target = stages([("c", 5), ("b", 7)])
        let flows = fleet.kvFlows(from: source, to: target, tokens: 100)
        #expect(flows.map(\.layers) == [LayerRange(0, 5), LayerRange(5, 8)])
        #expect(flows.map(\.to) == ["c", "b"])
        #expect(fleet.kvTransferBytes(from: source, to: target, tokens: 100) == 8 * 768 * 100)
        // Both flows leave through the port of a.
        #expect(abs(fleet.kvTransferSeconds(flows) - 0.001 - 8 * 76800 / 1e7) < 1e-12)
        #expect(fleet.kvFlows(from: source, to: source, tokens: 100).isEmpty)
        #expect(fleet.kvTransferSeconds([]) == 0)
    }

    @Test func streamingHidesTransfers() throws {
        let fleet = try fleet()
        // A transfer that is slower than prefill hides all of prefill but the first chunk; a faster one leaves its tail.
        #expect(
            abs(fleet.exposedKVSeconds(transferSeconds: 4, prefillSeconds: 1, tokens: 400, chunkTokens: 100) - 3.25)
                < 1e-12)
        #expect(
            abs(fleet.exposedKVSeconds(transferSeconds: 0.4, prefillSeconds: 1, tokens: 400, chunkTokens: 100) - 0.1)
                < 1e-12)
        #expect(fleet.exposedKVSeconds(transferSeconds: 4, prefillSeconds: 1, tokens: 400, chunkTokens: nil) == 4)
        // The formula against a simulation of chunks.
        var random = TestRandom(9)
        for _ in 0..<100 {
            let chunks = Int(random.between(1, 12))
            let (compute, travel) = (random.between(0.01, 1), random.between(0.01, 1))
            var arrived = 0.0
            for chunk in 1...chunks { arrived = max(arrived, Double(chunk) * compute) + travel }
            let exposed = fleet.exposedKVSeconds(
                transferSeconds: travel * Double(chunks), prefillSeconds: compute * Double(chunks),
                tokens: chunks * 10, chunkTokens: 10)
            #expect(abs(exposed - (arrived - compute * Double(chunks))) < 1e-9)
        }
    }
}
