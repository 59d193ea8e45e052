import CostModel
import Domain
import Planning
import Testing

@testable import Simulation

/// Flows share resources max-min fairly.
@Suite struct TransferNetworkTests {
    /// Three wired devices at a switch, 100 bytes/s each way, and two stations of one access point with 60 bytes/s of air.
    private static func network() throws -> TransferNetwork {
        func link(_ id: String, _ a: String, _ rate: Double, _ medium: String? = nil) -> TreeNetwork.Link {
            TreeNetwork.Link(id: id, a: a, b: "switch", bytesPerSecond: rate, latencySeconds: 0, medium: medium)
        }
        let tree = try TreeNetwork(
            nodes: ["a", "b", "c", "x", "y", "switch"],
            links: [
                link("la", "a", 100), link("lb", "b", 100), link("lc", "c", 100), link("lx", "x", 1000, "air"),
                link("ly", "y", 1000, "air"),
            ], media: ["air": 60])
        return TransferNetwork(NetworkCost(tree: tree))
    }

    /// When every flow ends, if all begin at 0.
    private static func ends(_ flows: [(DeviceID, DeviceID, Double)]) throws -> [Double] {
        var network = try network()
        let ids = flows.map { network.open(from: $0.0, to: $0.1) }
        for (id, flow) in zip(ids, flows) { network.add(flow.2, isLast: true, to: id, at: 0) }
        var ends = [Double](repeating: .nan, count: flows.count)
        while let time = network.nextEnd() {
            for ended in network.ended(at: time) { ends[ids.firstIndex(of: ended) ?? 0] = time }
        }
        return ends
    }

    private func isNear(_ left: [Double], _ right: [Double]) -> Bool {
        zip(left, right).allSatisfy { ($0 - $1).magnitude < 1e-6 }
    }

    @Test func portsAreShared() throws {
        #expect(isNear(try Self.ends([("a", "b", 1000)]), [10]))
        // Both directions are independent.
        #expect(isNear(try Self.ends([("a", "b", 1000), ("b", "a", 500)]), [10, 5]))
        // Two flows into c get half each; the shorter one ends first and the other goes on alone.
        #expect(isNear(try Self.ends([("a", "c", 1000), ("b", "c", 500)]), [15, 10]))
        // a sends two flows, b one into the same port: 50 each from a, and b what is left of c's port.
        #expect(isNear(try Self.ends([("a", "b", 500), ("a", "c", 500), ("b", "c", 500)]), [10, 10, 10]))
    }

    @Test func halfDuplexMediaAreCrossedTwice() throws {
        #expect(isNear(try Self.ends([("x", "a", 600)]), [10]))
        #expect(isNear(try Self.ends([("x", "y", 600)]), [20]))
        // Both ways share the air.
        #expect(isNear(try Self.ends([("x", "a", 300), ("a", "x", 300)]), [10, 10]))
    }

    @Test func whatOneFlowCannotUseIsLeftToTheOthers() throws {
        // Air limits x to 60; b gets the other 40 of c's port until x is done.
        #expect(isNear(try Self.ends([("x", "c", 300), ("b", "c", 500)]), [300 / 50.0, 8]))
        #expect(isNear(try Self.ends([("x", "y", 300), ("x", "c", 300)]), [15, 15]))
    }

    @Test func bytesMayComeLater() throws {
        var network = try Self.network()
        let flow = network.open(from: "a", to: "b")
        network.add(100, isLast: false, to: flow, at: 0)
        #expect(network.nextEnd() == 1)
        #expect(network.ended(at: 1).isEmpty && network.activeCount == 0, "more will come")
        network.add(200, isLast: false, to: flow, at: 5)
        network.add(100, isLast: true, to: flow, at: 6)
        #expect(network.nextEnd() == 8)
        #expect(network.ended(at: 8) == [flow] && network.nextEnd() == nil)
        let busy = network.uses.first { "\($0.resource)" == "la>" }
        #expect(busy.map { ($0.busySeconds - 4).magnitude < 1e-9 } == true)
        let empty = network.open(from: "a", to: "b")
        network.add(0, isLast: true, to: empty, at: 9)
        #expect(network.endIfEmpty(empty) && !network.endIfEmpty(empty))
    }

    @Test func cancelledFlowsLeaveTheirShare() throws {
        var network = try Self.network()
        let flows = [network.open(from: "a", to: "c"), network.open(from: "b", to: "c")]
        for flow in flows { network.add(1000, isLast: true, to: flow, at: 0) }
        network.cancel(flows[0], at: 10)
        #expect(network.nextEnd() == 15)
        #expect(network.ended(at: 15) == [flows[1]])
    }

    /// Max-min by its definition: every flow crosses a full resource on which no flow gets more.
    @Test(arguments: 0..<40)
    func sharesAreMaxMin(seed: UInt64) throws {
        var state = seed &* 77 &+ 5
        func next(_ most: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(most))
        }
        let names: [DeviceID] = ["a", "b", "c", "x", "y"]
        var pairs: [(DeviceID, DeviceID)] = []
        for _ in 0..<(2 + next(8)) {
            let (from, to) = (names[next(5)], names[next(5)])
            if from != to { pairs.append((from, to)) }
        }
        guard !pairs.isEmpty else { return }
        var network = try Self.network()
        let ids = pairs.map { network.open(from: $0.0, to: $0.1) }
        for id in ids { network.add(1e9, isLast: true, to: id, at: 0) }
        let before = ids.map { network.remaining($0) }
        _ = network.ended(at: 1)
        let rates = zip(before, ids).map { $0 - network.remaining($1) }
        let tree = try Self.network().cost
        var used: [NetworkResource.Identity: Double] = [:]
        var most: [NetworkResource.Identity: Double] = [:]
        for (pair, rate) in zip(pairs, rates) {
            for use in tree.uses(from: pair.0, to: pair.1) {
                used[use.resource.id, default: 0] += rate * Double(use.crossings) / use.resource.bytesPerSecond
                most[use.resource.id] = max(most[use.resource.id] ?? 0, rate)
            }
        }
        #expect(used.values.allSatisfy { $0 <= 1 + 1e-6 })
        for (pair, rate) in zip(pairs, rates) {
            let isSettled = tree.uses(from: pair.0, to: pair.1).contains { use in
                (used[use.resource.id] ?? 0) > 1 - 1e-6 && (most[use.resource.id] ?? 0) <= rate + 1e-3
            }
            #expect(isSettled, "\(pair) could get more than \(rate)")
        }
    }

    /// The times that a number can hold are 1e-8 s apart at 1e8 s and 1e-4 s at 1e12 s: the calendar must not stay where it is.
    @Test(arguments: [1e8, 1e9, 1e10, 1e11, 1e12, 1e17]) func flowsEndAtAnyTime(start: Double) throws {
        var network = try Self.network()
        let pairs: [(DeviceID, DeviceID)] = [("a", "b"), ("b", "c"), ("c", "a"), ("x", "y")]
        let ids = pairs.map { network.open(from: $0.0, to: $0.1) }
        var random = SeededRandom(seed: UInt64(start))
        for id in ids { network.add(Double.random(in: 1e-9...1e-3, using: &random), isLast: true, to: id, at: start) }
        for id in ids.prefix(2) { network.add(1000, isLast: true, to: id, at: start) }
        var (ended, looks, last) = (0, 0, start)
        while let time = network.nextEnd(), looks < 1000 {
            #expect(time >= last)
            (looks, last) = (looks + 1, time)
            ended += network.ended(at: time).count
        }
        #expect(ended == 4 && network.activeCount == 0)
        // Every look ends a flow: there is no need to look twice at one time.
        #expect(looks <= 4)
        #expect(last >= start + 10 - start.ulp && last <= start + 11 + start.ulp)
    }
}
