import Domain
import Foundation
import Scenarios
import Testing

@Suite struct FleetFileTests {
    @Test func readsTheExample() throws {
        let fleet = try DescribedFleet.example()
        #expect(fleet.name == "example-4")
        #expect(fleet.title == "example only, not scored")
        #expect(fleet.gateway == "x-sw")
        #expect(fleet.seed == 1)
        #expect(fleet.devices.map(\.id) == ["rtx01", "nano01", "nano02", "pi01"])
        #expect(fleet.types == ["desktop-rtx3060-12gb", "jetson-orin-nano-8gb", "rpi5-8gb"])
        let pi = try #require(fleet.device("pi01"))
        #expect(pi.flopsPrefill == 120e9)
        #expect(pi.flopsFP16 == 90e9)
        #expect(pi.memoryBandwidth == 10e9)
        #expect(pi.memoryUsableBytes == 2_600_000_000)
        #expect(pi.layerOverheadSeconds == 4e-5)
        #expect(pi.powerWatts == 12)
        #expect(pi.access == "wifi5")
        #expect(fleet.network.links.last?.sharedMedium == "x-wifi5-air")
        #expect(fleet.network.sharedMedia.first?.bytesPerSecond == 31_250_000)
        #expect(fleet.network.nodes.map(\.kind).first == DescribedNode.switchKind)
    }

    @Test func isWrittenInTheSameFormat() throws {
        let fleet = try DescribedFleet.example()
        let bytes = try FleetFile.write(fleet)
        #expect(try FleetFile.read(bytes) == fleet)
        #expect(try FleetFile.read(Data(bytes)) == fleet)
        #expect(try FleetFile.write(FleetFile.read(bytes)) == bytes)
        // Every value of the file is still there.
        let before = try #require(JSONSerialization.jsonObject(with: Data(Fixtures.fleet.utf8)) as? NSDictionary)
        let after = try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? NSDictionary)
        #expect(before == after)
    }

    @Test func toleratesWhatIsOptionalOrUnknown() throws {
        let text = """
            {"name": "tiny", "gateway": "d", "future": {"x": [1, null]}, "seed": "drawn by hand",
             "devices": [{"id": "d", "type": "t", "flops_prefill": 1e12, "mem_bw_Bps": 2.5e10, "mem_usable_bytes": 5e9,
                          "layer_overhead_s": 0, "flops_fp16": null, "colour": "red"}],
             "network": {"nodes": [{"id": "d"}], "links": []}}
            """
        let fleet = try FleetFile.read(text.utf8)
        #expect(fleet.devices[0].memoryUsableBytes == 5_000_000_000)
        #expect(fleet.devices[0].flopsFP16 == nil)
        #expect(fleet.seed == nil)
        #expect(try FleetFile.read(FleetFile.write(fleet)) == fleet)
    }

    static let faults = [
        Fault("{", "", .malformed, "fleet: not valid JSON"),
        Fault("\"name\": \"example-4\",", "", .invalidField, "fleet: name is missing"),
        Fault("\"example-4\"", "\"\"", .invalidField, "fleet: name is empty"),
        Fault("\"gateway\": \"x-sw\",", "", .invalidField, "fleet: gateway is missing"),
        Fault("\"gateway\": \"x-sw\"", "\"gateway\": \"sw9\"", .unknownName, "fleet: gateway names sw9"),
        Fault("10000000000,", "-1,", .invalidField, "fleet: devices[3] (pi01).mem_bw_Bps is -1, it must be positive"),
        Fault("10000000000,", "0,", .invalidField, "fleet: devices[3] (pi01).mem_bw_Bps is 0, it must be positive"),
        Fault("10000000000,", "0.5,", .invalidField, "devices[3] (pi01).mem_bw_Bps is 0.5, it must be in 1...1e+16"),
        Fault("10000000000,", "1e17,", .invalidField, "devices[3] (pi01).mem_bw_Bps is 1e+17, it must be in"),
        Fault("10000000000,", "1e999,", .malformed, "fleet: not valid JSON: Number 1e999 is not representable"),
        Fault("10000000000,", "\"fast\",", .invalidField, "fleet: devices[3] (pi01).mem_bw_Bps is not a number"),
        Fault("10000000000,", "null,", .invalidField, "fleet: devices[3] (pi01).mem_bw_Bps is"),
        Fault("10000000000,", "NaN,", .malformed, "fleet: not valid JSON: Invalid value around character 1278"),
        Fault("\"flops_prefill\": 22000000000000,", "", .invalidField, "devices[0] (rtx01).flops_prefill is missing"),
        Fault("prefill\": 22000000000000", "prefill\": -5", .invalidField, "devices[0] (rtx01).flops_prefill is -5"),
        Fault("fp16\": 19000000000000", "fp16\": -5", .invalidField, "devices[0] (rtx01).flops_fp16 is -5"),
        Fault("int8\": 22000000000000", "int8\": -5", .invalidField, "devices[0] (rtx01).flops_int8 is -5"),
        Fault(": 5000000000", ": -5", .invalidField, "devices[0] (rtx01).mem_usable_bytes is -5, it must not be neg"),
        Fault(": 5000000000", ": 1e30", .invalidField, "devices[0] (rtx01).mem_usable_bytes is refused: 1e+30 is too"),
        Fault("3.5e-05", "-1e-5", .invalidField, "devices[0] (rtx01).layer_overhead_s is -1e-05, it must not be neg"),
        Fault("\"power_w\": 190", "\"power_w\": -1", .invalidField, "devices[0] (rtx01).power_w is -1"),
        Fault("\"id\": \"rtx01\",", "", .invalidField, "fleet: devices[0].id is missing"),
        Fault("\"id\": \"nano02\"", "\"id\": \"nano01\"", .duplicateName, "devices[2] (nano01).id is used by another"),
        Fault("\"id\": \"nano02\"", "\"id\": \"nano09\"", .invalidNetwork, "devices[2] (nano09) is not a node"),
        Fault("\"id\": \"nano02\"", "\"id\": \"na\\u0007no\"", .invalidField, "devices[2] (na?no).id holds a control"),
        Fault("\"site\": \"x\"", "\"site\": 7", .invalidField, "fleet: devices[0] (rtx01).site is not a text"),
        Fault("\"a\": \"pi01\"", "\"a\": \"nano02\"", .invalidNetwork, "devices[3] (pi01) has no link"),
        Fault("\"a\": \"pi01\"", "\"a\": \"pi09\"", .invalidNetwork, "devices[3] (pi01) has no link"),
        Fault("\"b\": \"x-sw\"", "\"b\": \"sw9\"", .invalidNetwork, "fleet: network.links L-rtx01: b names sw9"),
        Fault("\"b\": \"x-sw\"", "\"b\": \"rtx01\"", .invalidNetwork, "network.links L-rtx01: both ends are rtx01"),
        Fault("117500000.0", "-3", .invalidField, "network.links[0] (L-rtx01).bw_Bps is -3, it must be positive"),
        Fault("0.0025", "-1", .invalidField, "network.links[3] (L-pi01).lat_s is -1, it must not be negative"),
        Fault("\"lat_s\": 0.0025,", "", .invalidField, "fleet: network.links[3] (L-pi01).lat_s is missing"),
        Fault("\"L-nano01\"", "\"L-rtx01\"", .invalidNetwork, "network.links: L-rtx01 is listed twice"),
        Fault("\"shared_medium\": \"x-wifi5-air\"", "\"shared_medium\": \"air\"", .invalidNetwork, "names air, which"),
        Fault("31250000.0", "0", .invalidField, "network.shared_media[0] (x-wifi5-air).bw_Bps is 0"),
        Fault("\"nodes\": [", "\"nodes\": [{\"id\": \"nano02\"},", .invalidNetwork, "nodes: nano02 is listed twice"),
        Fault("\"nodes\": [", "\"nodes\": [{\"id\": \"lost\"},", .invalidNetwork, "nodes: x-sw is not connected with"),
        Fault(
            "\"links\": [", "\"links\": [{\"id\":\"c\",\"a\":\"rtx01\",\"b\":\"nano01\",\"bw_Bps\":1e6,\"lat_s\":0},",
            .invalidNetwork, "closes a cycle"),
    ]

    @Test(arguments: faults) func names(_ fault: Fault) {
        fault.expect(in: Fixtures.fleet) { _ = try FleetFile.read($0.utf8) }
    }

    @Test func limits() throws {
        refused(.tooLarge, "fleet: 3 bytes, at most 2") { _ = try FleetFile.read("{ }".utf8, limit: 2) }
        refused(.malformed, "not valid JSON") { _ = try FleetFile.read([]) }
        refused(.invalidField, "fleet: the document is not an object") { _ = try FleetFile.read("[]".utf8) }
        // Deep nesting is refused, not followed.
        refused(.malformed, "not valid JSON") {
            _ = try FleetFile.read(String(repeating: "[", count: 1_000_000).utf8)
        }
        var fleet = try DescribedFleet.example()
        fleet.devices[0].type = String(repeating: "t", count: 201)
        refused(.invalidField, "devices[0] (rtx01).type has 201 bytes, at most 200") { try fleet.check() }
        fleet = try DescribedFleet.example()
        fleet.devices = Array(repeating: fleet.devices[0], count: DescribedFleet.deviceLimit + 1)
        refused(.tooLarge, "devices has 4097 elements, at most 4096") { try fleet.check() }
        fleet = try DescribedFleet.example()
        let many = DescribedFleet.networkLimit + 1
        fleet.network.nodes = Array(repeating: fleet.network.nodes[0], count: many)
        refused(.tooLarge, "network.nodes has 16385 elements") { try fleet.check() }
        fleet = try DescribedFleet.example()
        fleet.network.links = Array(repeating: fleet.network.links[0], count: many)
        refused(.tooLarge, "network.links has 16385 elements") { try fleet.check() }
    }

    @Test func figuresThatJSONCannotHold() throws {
        var fleet = try DescribedFleet.example()
        fleet.devices[1].memoryBandwidth = .nan
        refused(.invalidField, "devices[1] (nano01).mem_bw_Bps is nan, it must be positive") { try fleet.check() }
        refused(.invalidField, "devices[1] (nano01)") { _ = try FleetFile.write(fleet) }
        fleet.devices[1].memoryBandwidth = .infinity
        refused(.invalidField, "devices[1] (nano01).mem_bw_Bps is inf") { _ = try fleet.cost(.llama2()) }
        fleet = try DescribedFleet.example()
        fleet.devices = []
        refused(.invalidField, "devices: there are none") { try fleet.check() }
    }
}
