import CostModel
import Domain
import Scenarios
import Testing

@Suite struct FleetStandInTests {
    private static func standIn() throws -> (fleet: DescribedFleet, standIn: FleetStandIn) {
        let fleet = try FleetGenerator(deviceCount: 8, seed: 3).fleet()
        let model = try #require(ModelCatalogue.named("llama-3-8b-q4"))
        return (fleet, try FleetStandIn(fleet, model: model))
    }

    /// A cost made of the answers says what the description says, at the measured points.
    @Test func answersAreThoseOfTheDescription() throws {
        let (fleet, standIn) = try Self.standIn()
        let described = try fleet.cost(standIn.model)
        for device in standIn.devices {
            let tables = try #require(standIn.measurements(of: device.id, phases: [.prefill, .decode]))
            let measured = try DeviceCost(measurements: tables, model: standIn.model)
            let expected = try #require(described.device(device.id))
            #expect(tables.memoryUsableBytes == expected.memoryBytes)
            for sample in tables.prefill {
                let seconds = expected.cost.prefillSeconds(layers: 1, tokens: sample.tokens)
                #expect(abs(measured.prefillSeconds(layers: 1, tokens: sample.tokens) / seconds - 1) < 1e-6)
            }
            let seconds = expected.cost.decodeSeconds(layers: 4, batch: 4, contextSum: 4 * 512)
            #expect(abs(measured.decodeSeconds(layers: 4, batch: 4, contextSum: 4 * 512) / seconds - 1) < 1e-6)
            #expect(abs(measured.headSeconds(rows: 8) / expected.cost.headSeconds(rows: 8) - 1) < 1e-6)
        }
    }

    @Test func answersOnlyWhatIsAsked() throws {
        let (_, standIn) = try Self.standIn()
        let device = try #require(standIn.devices.first).id
        let prefill = try #require(standIn.measurements(of: device, phases: [.prefill]))
        #expect(!prefill.prefill.isEmpty && prefill.decode.isEmpty && prefill.head.isEmpty)
        let decode = try #require(standIn.measurements(of: device, phases: [.decode]))
        #expect(decode.prefill.isEmpty && !decode.decode.isEmpty && !decode.head.isEmpty)
        #expect(standIn.measurements(of: "nobody", phases: [.decode]) == nil)
    }

    @Test func linksAreFinite() throws {
        let (fleet, standIn) = try Self.standIn()
        let network = try fleet.cost(standIn.model).network
        for from in standIn.devices {
            for to in standIn.devices where from.id != to.id {
                let link = standIn.link(from: from.id, to: to.id)
                #expect(link.latencySeconds == network.link(from: from.id, to: to.id).latencySeconds)
                #expect(link.bytesPerSecond > 0 && link.bytesPerSecond.isFinite)
            }
        }
        let device = try #require(standIn.devices.first).id
        #expect(standIn.link(from: device, to: device).bytesPerSecond.isFinite)
    }

    @Test func capacityIsWhatIsLeftBesideTheWeights() throws {
        let (_, standIn) = try Self.standIn()
        let model = standIn.model
        let device = try #require(standIn.devices.first { $0.memoryUsableBytes > model.weightBytes(LayerRange(0, 2)) })
        let layers = LayerRange(0, 2)
        let room = device.memoryUsableBytes - model.weightBytes(layers)
        let capacity = try #require(standIn.capacityTokens(of: device.id, layers: layers, type: .f16, block: 32))
        #expect(capacity == room / model.kvBytes(layers, tokens: 1) / 32 * 32)
        let packed = try #require(standIn.capacityTokens(of: device.id, layers: layers, type: .q8_0, block: 32))
        #expect(packed > capacity)
        #expect(standIn.capacityTokens(of: "nobody", layers: layers, type: .f16, block: 32) == nil)
    }
}
