import CostModel
import Domain
import Testing

/// The analytic source reproduces reference values for a toy fleet of four described devices (a GPU desktop, two small
/// boards on 1 GbE, one on Wi-Fi): `examples/conformance.json` of the scenario files, model llama-2-7b-q4.
@Suite struct ConformanceTests {
    private let fleet: FleetCost
    private let groupA: [PlanStage]
    private let groupB: [PlanStage]

    init() throws {
        let model = ModelDescription.llama2
        func device(_ id: DeviceID, _ flops: Double, _ bandwidth: Double, _ memory: Int, _ overhead: Double) throws
            -> CostedDevice
        {
            let cost = try RooflineCost(
                model: model, flops: flops, bytesPerSecond: bandwidth, layerOverheadSeconds: overhead)
            return CostedDevice(id: id, memoryBytes: memory, cost: DeviceCost(roofline: cost))
        }
        let wired = LinkCost(latencySeconds: 0.0004, bytesPerSecond: 117_500_000)
        func link(_ from: DeviceID, _ to: DeviceID, _ cost: LinkCost) -> LinkProfile {
            LinkProfile(
                from: from, to: to, latencySeconds: cost.latencySeconds, bytesPerSecond: cost.bytesPerSecond)
        }
        let wireless = LinkCost(latencySeconds: 0.0027, bytesPerSecond: 25_000_000)
        fleet = try FleetCost(
            model: model,
            devices: [
                device("rtx01", 22e12, 270e9, 5_000_000_000, 3.5e-5),
                device("nano01", 3e12, 55e9, 3_000_000_000, 1.1e-4),
                device("nano02", 3e12, 55e9, 3_000_000_000, 1.1e-4),
                device("pi01", 120e9, 10e9, 2_600_000_000, 4e-5),
            ],
            network: NetworkCost(links: [
                link("rtx01", "nano01", wired), link("nano02", "pi01", wireless), link("rtx01", "pi01", wireless),
                link("rtx01", "nano02", wired), link("nano01", "pi01", wireless),
            ]))
        groupA = [
            PlanStage(device: "rtx01", layers: LayerRange(0, 20)),
            PlanStage(device: "nano01", layers: LayerRange(20, 32)),
        ]
        groupB = [
            PlanStage(device: "nano02", layers: LayerRange(0, 20)),
            PlanStage(device: "pi01", layers: LayerRange(20, 32)),
        ]
    }

    private func close(_ found: Double, _ wanted: Double) -> Bool { abs(found / wanted - 1) < 1e-6 }

    @Test func prefill() throws {
        let long = try #require(fleet.prefillEstimate(groupA, tokens: 512))
        #expect(close(long.latencySeconds, 1.0679351754844102))
        #expect(close(long.cycleSeconds, 0.8407938297018182))
        let short = try #require(fleet.prefillEstimate(groupB, tokens: 64))
        #expect(close(short.latencySeconds, 2.803779924906667))
        #expect(close(short.cycleSeconds, 2.604991232))
    }

    @Test func decode() throws {
        let single = try #require(fleet.decodeEstimate(groupA, concurrency: 1, contextTokens: 100))
        #expect(close(single.tokenGapSeconds, 0.03860258592873415))
        let eight = try #require(fleet.decodeEstimate(groupA, concurrency: 8, contextTokens: 512))
        #expect(close(eight.tokenGapSeconds, 0.05822474884401461))
        let two = try #require(fleet.decodeEstimate(groupB, concurrency: 2, contextTokens: 500))
        #expect(close(two.tokenGapSeconds, 0.22315701294545454))
    }

    @Test func memoryAndTransfers() {
        #expect(fleet.kvCapacityTokens(groupA) == 7761)
        #expect(fleet.kvCapacityTokens(groupB) == 1980)
        let flows = fleet.kvFlows(from: groupA, to: groupB, tokens: 512)
        #expect(flows.map(\.bytes) == [167_772_160, 100_663_296])
        #expect(close(fleet.kvTransferSeconds(flows), 4.02923184))
        #expect(close(fleet.prefillHopSeconds(from: "rtx01", to: "pi01", tokens: 100), 0.035468))
    }
}
