import CostModel
import Domain
import Scenarios
import Testing

@Suite struct FleetChangesTests {
    @Test func addsACopyOfTheLastDeviceOfAType() throws {
        let fleet = try DescribedFleet.example()
        let more = try fleet.adding(type: "rpi5-8gb", count: 3)
        #expect(more.devices.suffix(3).map(\.id) == ["rpi5-8gb-new", "rpi5-8gb-new2", "rpi5-8gb-new3"])
        #expect(Array(more.devices.prefix(4)) == fleet.devices)
        var copy = try #require(more.device("rpi5-8gb-new2"))
        copy.id = "pi01"
        #expect(copy == fleet.device("pi01"))
        let link = try #require(more.network.links.last)
        #expect(link.id == "L-rpi5-8gb-new3")
        #expect(link.a == "rpi5-8gb-new3" && link.b == "x-sw")
        #expect(link.kind == "wifi5" && link.sharedMedium == "x-wifi5-air" && link.bytesPerSecond == 25e6)
        // Two stations of one access point cross its air twice.
        let cost = try more.cost(.llama2())
        #expect(cost.network.link(from: "pi01", to: "rpi5-8gb-new").bytesPerSecond == 31_250_000 / 2)
        #expect(try FleetFile.read(FleetFile.write(more)) == more)
    }

    @Test func newNamesAreUnique() throws {
        let fleet = try DescribedFleet.example().adding(type: "rpi5-8gb").adding(type: "rpi5-8gb")
        #expect(fleet.devices.suffix(2).map(\.id) == ["rpi5-8gb-new", "rpi5-8gb-new2"])
        let again = try fleet.removing("rpi5-8gb-new").adding(type: "rpi5-8gb")
        #expect(again.devices.suffix(2).map(\.id) == ["rpi5-8gb-new2", "rpi5-8gb-new"])
        let many = try fleet.adding(type: "rpi5-8gb", count: 1000)
        #expect(many.devices.count == 1006)
    }

    @Test func unknownTypesComeFromTheCatalogue() throws {
        let fleet = try DescribedFleet.example().adding(type: "n100-mini-pc-16gb")
        let device = try #require(fleet.devices.last)
        let type = try #require(DeviceType.named("n100-mini-pc-16gb"))
        #expect(device == type.device(id: "n100-mini-pc-16gb-new", site: "x", access: "1gbe"))
        let link = try #require(fleet.network.links.last)
        #expect(link.b == "x-sw" && link.kind == "1gbe" && link.sharedMedium == nil)
        refused(.unknownName, "fleet: abacus is not a type of example-4, which has desktop-rtx3060-12gb, jetson") {
            _ = try fleet.adding(type: "abacus")
        }
        refused(.unknownName, "nor of the catalogue, which has rpi4-4gb, rpi5-8gb") {
            _ = try fleet.adding(type: "abacus")
        }
        refused(.invalidField, "is 0, it must be at least 1") { _ = try fleet.adding(type: "rpi5-8gb", count: 0) }
        refused(.tooLarge, "more than 4096 devices") { _ = try fleet.adding(type: "rpi5-8gb", count: .max) }
    }

    @Test func linksTowardsTheGateway() throws {
        // sw - hub - leaf, where the hub is a device.
        let type = try #require(DeviceType.named("rpi5-8gb"))
        let other = try #require(DeviceType.named("rpi4-4gb"))
        let fleet = DescribedFleet(
            name: "chain", devices: [type.device(id: "hub"), other.device(id: "leaf")],
            network: DescribedNetwork(
                nodes: ["leaf", "hub", "sw"].map { DescribedNode(id: $0) },
                links: [
                    DescribedLink(id: "1", a: "hub", b: "leaf", bytesPerSecond: 1e6, latencySeconds: 0.1),
                    DescribedLink(id: "2", a: "sw", b: "hub", bytesPerSecond: 2e6, latencySeconds: 0.2),
                ]), gateway: "sw")
        let hubs = try fleet.adding(type: "rpi5-8gb")
        #expect(hubs.network.links.last?.a == "sw" && hubs.network.links.last?.b == "rpi5-8gb-new")
        #expect(hubs.network.links.last?.bytesPerSecond == 2e6)
        let leaves = try fleet.adding(type: "rpi4-4gb")
        #expect(leaves.network.links.last?.a == "hub" && leaves.network.links.last?.b == "rpi4-4gb-new")
        // Whoever others are linked through remains a node.
        let pruned = try fleet.removing("hub")
        #expect(pruned.devices.map(\.id) == ["leaf"])
        #expect(pruned.network.nodes.contains(DescribedNode(id: "hub", kind: DescribedNode.switchKind)))
        #expect(try fleet.removing("leaf").network.nodes.map(\.id) == ["hub", "sw"])
    }

    @Test func aSingleDeviceIsLinkedToTheNewOne() throws {
        let type = try #require(DeviceType.named("rpi5-8gb"))
        let fleet = DescribedFleet(
            name: "one", devices: [type.device(id: "d")],
            network: DescribedNetwork(nodes: [DescribedNode(id: "d")], links: []), gateway: "d")
        let two = try fleet.adding(type: "rpi5-8gb")
        #expect(
            two.network.links
                == [AccessLink.ethernet1G].map {
                    DescribedLink(
                        id: "L-rpi5-8gb-new", a: "rpi5-8gb-new", b: "d", kind: $0.kind,
                        bytesPerSecond: $0.bytesPerSecond,
                        latencySeconds: $0.latencySeconds)
                })
        // The gateway stays a node.
        #expect(try two.removing("d").network.nodes.count == 2)
        refused(.invalidField, "d is the only device") { _ = try fleet.removing("d") }
    }

    @Test func removes() throws {
        let fleet = try DescribedFleet.example().removing("nano01")
        #expect(fleet.devices.map(\.id) == ["rtx01", "nano02", "pi01"])
        #expect(!fleet.network.nodes.contains { $0.id == "nano01" })
        #expect(fleet.network.links.map(\.id) == ["L-rtx01", "L-nano02", "L-pi01"])
        refused(.unknownName, "fleet: nano01 is not a device of example-4; its devices are rtx01, nano02, pi01") {
            _ = try fleet.removing("nano01")
        }
    }
}
