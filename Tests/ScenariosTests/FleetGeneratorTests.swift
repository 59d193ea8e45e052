import CostModel
import Domain
import Testing

@testable import Scenarios

@Suite struct FleetGeneratorTests {
    @Test func everySeedGivesAValidFleet() throws {
        var topologies: Set<String> = []
        var typeCounts: Set<Int> = []
        let model = try ModelDescription.llama2()
        for seed in 0..<UInt64(200) {
            let count = 2 + Int(seed) % 40
            let fleet = try FleetGenerator(deviceCount: count, seed: seed).fleet()
            #expect(fleet.devices.count == count)
            #expect(fleet.seed == seed)
            #expect(try FleetGenerator(deviceCount: count, seed: seed).fleet() == fleet)
            #expect(try FleetFile.read(FleetFile.write(fleet)) == fleet)
            let cost = try fleet.cost(model)
            let ids = fleet.devices.map(\.id)
            for (from, to) in zip(ids, ids.dropFirst()) {
                let link = cost.network.link(from: from, to: to)
                #expect(link.bytesPerSecond >= 1e6 && link.latencySeconds < 0.1)
                #expect(!cost.network.uses(from: from, to: to).isEmpty)
            }
            topologies.insert(fleet.title.split(separator: " ").last.map(String.init) ?? "")
            typeCounts.insert(fleet.types.count)
            try checkFigures(fleet)
        }
        #expect(topologies == Set(FleetTopology.allCases.map(\.rawValue)))
        #expect(typeCounts == Set(1...6))
    }

    private func checkFigures(_ fleet: DescribedFleet) throws {
        let jitter = try #require(fleet.jitter)
        for device in fleet.devices {
            let type = try #require(DeviceType.named(device.type))
            let compute = device.flopsPrefill / type.flopsPrefill
            #expect(compute <= 1.000001 && compute > 1 - jitter - 1e-6)
            let bandwidth = device.memoryBandwidth / type.memoryBandwidth
            #expect(bandwidth <= 1.000001 && bandwidth > 1 - jitter / 2 - 1e-6)
            let memory = Double(device.memoryUsableBytes) / Double(type.memoryUsableBytes)
            #expect(memory <= 1 && memory > 0.55 * (1 - jitter) - 1e-6)
            let link = try #require(fleet.network.links.first { $0.a == device.id.rawValue })
            #expect(link.kind == device.access)
            #expect((link.sharedMedium != nil) == device.access.hasPrefix("wifi"))
        }
    }

    @Test func seedsDiffer() throws {
        let fleets = try Set((0..<20).map { try FleetGenerator(deviceCount: 8, seed: $0).fleet().devices })
        #expect(fleets.count == 20)
    }

    @Test(arguments: FleetTopology.allCases) func topologies(_ topology: FleetTopology) throws {
        for count in [2, 3, 24, 1024] {
            let fleet = try FleetGenerator(deviceCount: count, seed: 5, topology: topology).fleet()
            let kinds = Set(fleet.devices.map(\.access))
            let switches = fleet.network.nodes.filter { $0.kind == DescribedNode.switchKind }
            switch topology {
            case .wired: #expect(kinds == ["1gbe"] && switches.count == 1)
            case .fastWired: #expect(kinds == ["2.5gbe"] && switches.count == 1)
            case .wireless: #expect(switches.count == 1)
            case .sites: #expect(kinds == ["1gbe"] && switches.count >= 2 && fleet.gateway == "fog")
            case .mixed: #expect(switches.count >= 2 && fleet.gateway == "fog")
            }
            let stations = Dictionary(grouping: fleet.network.links.compactMap(\.sharedMedium), by: { $0 })
            #expect(stations.values.allSatisfy { $0.count <= 8 })
            #expect(stations.count == fleet.network.sharedMedia.count)
            if topology == .wireless, count == 1024 { #expect(stations.count > 4) }
        }
    }

    @Test func settings() throws {
        let fleet = try FleetGenerator(
            deviceCount: 12, seed: 3, topology: .wired, typeCount: 12, jitter: 0, memoryShare: 1
        ).fleet()
        #expect(Set(fleet.types) == Set(DeviceType.catalogue.map(\.name)))
        for device in fleet.devices {
            let type = try #require(DeviceType.named(device.type))
            #expect(device == type.device(id: device.id, site: "home", access: "1gbe"))
        }
        // Setting one thing leaves the others as they were drawn.
        let drawn = try FleetGenerator(deviceCount: 12, seed: 3).fleet()
        let wired = try FleetGenerator(deviceCount: 12, seed: 3, topology: .fastWired).fleet()
        #expect(Set(drawn.devices.map(\.flopsPrefill)) == Set(wired.devices.map(\.flopsPrefill)))
        for count in [1, 0, -1, 1025] {
            refused(.invalidField, "device count is \(count), it must be in 2...1024") {
                _ = try FleetGenerator(deviceCount: count, seed: 1).fleet()
            }
        }
        refused(.invalidField, "type count is 0") {
            _ = try FleetGenerator(deviceCount: 2, seed: 1, typeCount: 0).fleet()
        }
        refused(.invalidField, "jitter is 1.0") { _ = try FleetGenerator(deviceCount: 2, seed: 1, jitter: 1).fleet() }
        refused(.invalidField, "memory share is nan") {
            _ = try FleetGenerator(deviceCount: 2, seed: 1, memoryShare: .nan).fleet()
        }
    }

    @Test func catalogue() throws {
        #expect(DeviceType.catalogue.count >= 10)
        #expect(Set(DeviceType.catalogue.map(\.name)).count == DeviceType.catalogue.count)
        #expect(Set(DeviceType.catalogue.map(\.prefix)).count == DeviceType.catalogue.count)
        // Types of the example fleet have the figures of the example.
        for device in try DescribedFleet.example().devices {
            let type = try #require(DeviceType.named(device.type))
            #expect(type.flopsPrefill == device.flopsPrefill)
            #expect(type.memoryBandwidth == device.memoryBandwidth)
            #expect(type.layerOverheadSeconds == device.layerOverheadSeconds)
        }
    }
}
