import CostModel
import Domain
import Planning
import Scheduling
import Testing

@testable import Simulation

/// The services on a simulated fleet.
@Suite("Simulated services") struct LiveRunTests {
    private typealias Fleets = SampleFleets

    /// Alone, a request takes what the cost model says: chunks of its prompt, then steps of one sequence.
    @Test func oneRequestTakesWhatTheCostModelSays() throws {
        let cost = try Fleets.cost(["m"])
        let plan = Fleets.plan([Fleets.replica("m", .mixed, ["m"], cost)])
        let record = try SimulatedServices().run(Fleets.traffic([(2, 600, 4)]), plan: plan, cost: cost)
        #expect(Fleets.problem(record) == nil)
        let device = cost.devices[0].cost
        var prefill = device.headSeconds(rows: 1)
        for (start, count) in [(0, 256), (256, 256), (512, 88)] {
            prefill += device.prefillSeconds(layers: 8, tokens: count, earlier: start)
        }
        var decode = 0.0
        for context in 600..<603 {
            decode += device.decodeSeconds(layers: 8, batch: 1, contextSum: context) + device.headSeconds(rows: 1)
        }
        let request = record.requests[0]
        #expect(request.prefillStart == 2 && request.prefillReplica == "m" && request.decodeReplica == "m")
        #expect(((request.firstToken ?? 0) - 2 - prefill).magnitude < 1e-9)
        #expect(((request.end ?? 0) - 2 - prefill - decode).magnitude < 1e-9)
        #expect(request.waiting == 0)
    }

    @Test(arguments: [true, false])
    func kvTravelsToTheDecoder(streams: Bool) throws {
        let cost = try Fleets.cost(["p", "d1", "d2"], bytesPerSecond: 2e7)
        let plan = Fleets.plan([
            Fleets.replica("d", .decode, ["d1", "d2"], cost), Fleets.replica("p", .prefill, ["p"], cost),
        ])
        var settings = SimulationSettings()
        settings.streams = streams
        let record = try SimulatedServices(settings).run(Fleets.traffic([(0, 800, 5)]), plan: plan, cost: cost)
        #expect(Fleets.problem(record) == nil)
        let request = record.requests[0]
        // 6.4 MB through the port of one device take 0.32 s.
        let transfer = try #require(request.transfer)
        if streams {
            #expect(transfer > 0.03 && transfer < 0.2)
        } else {
            #expect((transfer - 0.321).magnitude < 1e-6)
        }
        #expect(record.network.contains { $0.share > 0 })
    }

    @Test(arguments: RoutingPolicy.allCases)
    func everyRequestEndsAndRunsRepeat(routing: RoutingPolicy) throws {
        let cost = try Fleets.cost(["a", "b", "c", "d"], memory: 1_000_000_000)
        let plan = Fleets.plan([
            Fleets.replica("d", .decode, ["c"], cost), Fleets.replica("m", .mixed, ["d"], cost),
            Fleets.replica("p", .prefill, ["a", "b"], cost),
        ])
        var settings = SimulationSettings()
        settings.routing = routing
        for gap in [0.4, 0.02] {
            let traffic = Fleets.stream(300, every: gap)
            let record = try SimulatedServices(settings).run(traffic, plan: plan, cost: cost)
            #expect(Fleets.problem(record) == nil)
            #expect(record == (try SimulatedServices(settings).run(traffic, plan: plan, cost: cost)))
            #expect(Set(record.requests.compactMap(\.decodeReplica)) == ["d", "m"])
            #expect(record.devices.allSatisfy { $0.share > 0 && $0.share <= 1 })
        }
    }

    /// Equal statistics, other lengths: a scheduler that may not know lengths routes the same until the first one ends.
    @Test func lengthsAreNotReadAhead() throws {
        let cost = try Fleets.cost(["a", "b"])
        let plan = Fleets.plan([Fleets.replica("a", .mixed, ["a"], cost), Fleets.replica("b", .mixed, ["b"], cost)])
        func routes(_ outputs: [Int], _ knowledge: LengthKnowledge) throws -> [ReplicaID?] {
            var settings = SimulationSettings()
            settings.lengthKnowledge = knowledge
            let traffic = Fleets.traffic(outputs.enumerated().map { (0.001 * Double($0), 100, $1) })
            return try SimulatedServices(settings).run(traffic, plan: plan, cost: cost).requests.map(\.decodeReplica)
        }
        let (long, short) = ([900, 2, 900, 2, 900, 2, 900, 2], [2, 900, 900, 2, 2, 900, 2, 900])
        #expect(try routes(long, .mean) == routes(short, .mean))
        #expect(try routes(long, .exact) != routes(short, .exact))
        var settings = SimulationSettings()
        settings.lengthKnowledge = .exact
        let oracle = try SimulatedServices(settings).run(Fleets.traffic([(0, 10, 2)]), plan: plan, cost: cost)
        #expect(oracle.isOracle)
    }

    /// A device dies: its requests go on elsewhere, a plan without it comes into force, nothing is lost. It comes back and is
    /// used again.
    @Test func devicesFailAndJoin() throws {
        let cost = try Fleets.cost(["a", "b", "c"])
        let plan = Fleets.plan([
            Fleets.replica("m1", .mixed, ["a"], cost), Fleets.replica("m2", .mixed, ["b"], cost),
            Fleets.replica("m3", .mixed, ["c"], cost),
        ])
        var services = SimulatedServices()
        services.planning.moving.loadBytesPerSecond = 1e9
        let traffic = Fleets.stream(800, every: 0.15)
        services.faults = [
            SimulatedFault(device: "b", kind: .fail, time: 20), SimulatedFault(device: "b", kind: .join, time: 60),
        ]
        let record = try services.run(traffic, plan: plan, cost: cost)
        #expect(Fleets.problem(record) == nil)
        let retried = record.requests.filter { $0.retries > 0 }
        #expect(!retried.isEmpty && retried.allSatisfy { $0.arrival < 25 })
        func replicas(_ from: Double, _ to: Double) -> Int {
            let some = record.requests.filter { request in
                request.retries == 0 && request.decodeStart.map { $0 >= from && $0 < to } == true
            }
            return Set(some.map(\.decodeReplica)).count
        }
        #expect(replicas(0, 20) == 3)
        #expect(replicas(25, 60) == 2)
        #expect(replicas(66, 120) == 3)
        #expect(record == (try services.run(traffic, plan: plan, cost: cost)))
        let without = try SimulatedServices().run(traffic, plan: plan, cost: cost)
        #expect(without.requests.allSatisfy { $0.retries == 0 })
    }

    @Test func slowDevicesGetLess() throws {
        let cost = try Fleets.cost(["a", "b"])
        let plan = Fleets.plan([Fleets.replica("a", .mixed, ["a"], cost), Fleets.replica("b", .mixed, ["b"], cost)])
        var services = SimulatedServices()
        services.faults = [SimulatedFault(device: "a", kind: .slow, time: 30, factor: 4)]
        let record = try services.run(Fleets.stream(600, every: 0.2), plan: plan, cost: cost)
        #expect(Fleets.problem(record) == nil)
        func share(_ from: Double, _ to: Double) -> Double {
            let some = record.requests.filter { $0.arrival >= from && $0.arrival < to }
            return Double(some.count { $0.decodeReplica == "a" }) / Double(some.count)
        }
        #expect(share(0, 30) > 0.35 && share(60, 120) < 0.35)
    }

    @Test func faultsAreChecked() throws {
        let cost = try Fleets.cost(["a"])
        let plan = Fleets.plan([Fleets.replica("a", .mixed, ["a"], cost)])
        func message(_ fault: SimulatedFault) -> String {
            var services = SimulatedServices()
            services.faults = [fault]
            do {
                _ = try services.run(Fleets.traffic([(0, 5, 1)]), plan: plan, cost: cost)
                return ""
            } catch { return "\(error)" }
        }
        #expect(message(SimulatedFault(device: "nobody", kind: .fail, time: 1)).contains("no device nobody"))
        #expect(message(SimulatedFault(device: "a", kind: .fail, time: -1)).contains("time_s"))
        #expect(message(SimulatedFault(device: "a", kind: .slow, time: 1)).contains("factor"))
    }
}
