import CostModel
import Domain
import Planning
import Scenarios
import Simulation
import Testing

@Suite struct RegionTests {
    private func fleet(_ devices: Int) throws -> SimulatedFleet {
        let described = try FleetGenerator(deviceCount: devices, seed: 11).fleet()
        let model = try #require(ModelCatalogue.named("llama-3-8b-q4"))
        return SimulatedFleet(
            name: described.name, cost: try described.cost(model),
            types: Dictionary(uniqueKeysWithValues: described.devices.map { ($0.id, $0.type) }),
            sites: Dictionary(uniqueKeysWithValues: described.devices.map { ($0.id, $0.site) }))
    }

    @Test(arguments: [1, 7, 16, 40, 100]) func regionsPartTheFleet(most: Int) throws {
        let fleet = try fleet(60)
        let regions = try fleet.regions(mostDevices: most)
        let devices = regions.flatMap { $0.cost.devices.map(\.id) }
        #expect(devices.sorted() == fleet.cost.devices.map(\.id), "every device is in one region")
        #expect(regions.allSatisfy { $0.cost.devices.count <= most })
        #expect(Set(regions.map(\.name)).count == regions.count)
        #expect(
            try fleet.regions(mostDevices: most).map { $0.cost.devices.map(\.id) }
                == regions.map {
                    $0.cost.devices.map(\.id)
                })
        for region in regions { #expect(region.types.count == region.cost.devices.count) }
    }

    @Test func regionsMustHaveDevices() throws {
        let fleet = try fleet(8)
        #expect(throws: SimulationError.self) { try fleet.regions(mostDevices: 0) }
    }

    @Test func aFleetOfRegionsServesEveryRequestOnce() throws {
        let fleet = try fleet(48)
        let stream = try StreamGenerator.conversation(seed: 3).stream(300)
        let demand = PlanningDemand(rate: 2, promptTokens: 700, outputTokens: 200, longestRequestTokens: 2048)
        let system = try RegionalSystem(.b0, fleet, mostDevices: 16, demand, SystemConditions())
        #expect(system.regions.count > 1)
        let plan = system.plan
        let planned = system.regions.map(\.plan.plan.predictedRequestsPerSecond).reduce(0, +)
        #expect(abs(plan.predictedRequestsPerSecond - planned) < 1e-9)
        #expect(Set(plan.replicas.map(\.id)).count == plan.replicas.count)
        #expect(plan.problem(layers: fleet.cost.model.layers) == nil)
        let record = try system.run(try SimulatedTraffic(stream, rate: 2))
        #expect(record.requests.map(\.arrival) == record.requests.map(\.arrival).sorted())
        #expect(Set(record.requests.map(\.id)).count == 300)
        #expect(record.requests.allSatisfy { $0.outcome == .finished })
        let named = Set(plan.replicas.map(\.id))
        #expect(record.requests.allSatisfy { $0.decodeReplica.map(named.contains) == true })
        #expect(record.devices.allSatisfy { (0...1.000001).contains($0.share) })
        #expect(record.plan?.id == plan.id)
        #expect(try system.run(try SimulatedTraffic(stream, rate: 2)).requests == record.requests)
    }

    @Test func faultsAreRefused() throws {
        var conditions = SystemConditions()
        let fleet = try fleet(24)
        conditions.faults = [SimulatedFault(device: fleet.cost.devices[0].id, kind: .fail, time: 1)]
        let demand = PlanningDemand(rate: 2, promptTokens: 700, outputTokens: 200, longestRequestTokens: 2048)
        #expect(throws: SimulationError.self) {
            _ = try RegionalSystem(.e2llm, fleet, mostDevices: 12, demand, conditions)
        }
    }
}
