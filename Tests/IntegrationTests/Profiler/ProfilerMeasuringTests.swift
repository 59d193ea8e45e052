import Domain
import Messaging
import Protocol
import Testing

@testable import Profiler

@Suite("Profiler: measuring")
struct ProfilerMeasuringTests {
    @Test("prefill is measured on the prefill worker, decode on the decoder worker, one after the other")
    func oneDevice() throws {
        var world = ProfilerWorld()
        world.register("a")
        #expect(world.state("a") == .measuring)
        #expect(world.open.count == 1)
        guard case .measure(_, let first, let peer) = world.ordered[0] else { return #expect(Bool(false)) }
        #expect(first.phases == [.prefill])
        #expect(peer == "a-prefill-1")
        world.answer()
        guard case .measure(_, let second, let other) = world.ordered[1] else { return #expect(Bool(false)) }
        #expect(second.phases == [.decode])
        #expect(other == "a-decode-1")
        #expect(world.state("a") == .measuring)
        world.answer()
        #expect(world.state("a") == .ready)
        let tables = try #require(world.fleet.device("a")?.measurements)
        #expect(tables.prefill == ProfilerWorld.tables(.prefill).prefill)
        #expect(tables.decode == ProfilerWorld.tables(.decode).decode)
        #expect(tables.head == ProfilerWorld.tables(.decode).head)
        #expect(world.kept.last?.prefill != nil && world.kept.last?.decode != nil)
    }

    @Test("the least memory that either worker reports counts")
    func memory() {
        var world = ProfilerWorld()
        world.register("small")
        world.answerAll()
        #expect(world.fleet.device("small")?.memoryUsableBytes == 500_000_000)
        #expect(world.fleet.device("small")?.measurements?.memoryUsableBytes == 500_000_000)
    }

    @Test("devices of one host are never measured at the same time, hosts in parallel")
    func hosts() {
        var world = ProfilerWorld()
        for (id, host) in [("a", "x"), ("b", "x"), ("c", "y"), ("d", "y")] {
            world.register(DeviceID(id), host: host)
        }
        #expect(world.open.count == 2)
        while !world.open.isEmpty {
            world.expectOneRunPerHost()
            world.answer()
        }
        #expect(world.fleet.devices.allSatisfy { $0.state == .ready })
        #expect(world.fleet.links.count == 12)
        #expect(world.fleet.links.map(\.from) == world.fleet.links.map(\.from).sorted())
    }

    @Test("a link that became slower is noticed within two minutes, one that was busy for a moment is the same")
    func linkChanges() throws {
        var world = ProfilerWorld()
        world.register("a")
        world.register("b")
        world.answerAll()
        let pair = { (world: ProfilerWorld) in world.fleet.link(from: "a", to: "b")?.bytesPerSecond }
        #expect(pair(world) == 1e7)
        func pass(_ seconds: Double, rate: Double) {
            let end = world.now + seconds
            world.linkRate = rate
            while world.now < end {
                world.pass(0.5, beating: ["a", "b"])
                world.answerAll()
            }
        }
        let looks = world.ordered.count
        pass(180, rate: 1e7)
        let seen = world.ordered.count - looks
        #expect((4...8).contains(seen), "two directions, once a minute: \(seen)")
        // Busy for one look each.
        pass(63, rate: 1e6)
        pass(120, rate: 1e7)
        #expect(pair(world) == 1e7)
        pass(90, rate: 1e6)
        #expect(pair(world) == 1e6)
        #expect(world.keptLinks.last?.bytesPerSecond == 1e6)
        #expect(world.published.count { $0.link(from: "a", to: "b")?.bytesPerSecond == 1e6 } > 0)
        pass(90, rate: 1e7)
        #expect(pair(world) == 1e7)
        guard case .measureLink(_, let order, _)? = world.ordered.last else { return #expect(Bool(false)) }
        #expect(order.payloadBytes <= 500_000 && order.repetitions == 2, "a look is short")
    }

    @Test("a device is ready only when its links to the ready devices have been tried")
    func linksFirst() {
        var world = ProfilerWorld()
        world.register("a", host: "x")
        world.answerAll()
        world.register("b", host: "y")
        world.answer()
        world.answer()
        #expect(world.state("b") == .measuring)
        #expect(world.open.count == 1)
        world.answer(failing: "no route")
        #expect(world.state("b") == .measuring)
        world.answer()
        #expect(world.state("b") == .ready)
        #expect(world.fleet.links.count == 1)
        // The failed direction is tried again later, without taking the device away.
        world.pass(3, beating: ["a", "b"])
        #expect(world.open.count == 1)
        world.answer()
        #expect(world.fleet.links.count == 2)
    }

    @Test("links go from the prefill worker to the decoder worker's endpoint")
    func linkEnds() {
        var world = ProfilerWorld()
        world.register("a", host: "x")
        world.register("b", [.decode], host: "y")
        world.pass(6, beating: ["a", "b"])
        while !world.open.isEmpty { world.answer() }
        let peers = world.ordered.compactMap { instruction in
            if case .measureLink(_, _, let peer) = instruction { peer } else { nil }
        }
        #expect(peers == ["a-prefill-1", "b-decode-1"])
    }

    @Test("what is stored is not measured again")
    func stored() {
        var first = ProfilerWorld()
        first.register("a", host: "x")
        first.register("b", host: "y")
        first.answerAll()
        var stored = StoredProfiles()
        for device in first.kept { stored.insert(device) }
        for link in first.keptLinks { stored.insert(link) }
        var second = ProfilerWorld(stored: stored)
        second.register("a", host: "x")
        second.register("b", host: "y")
        #expect(second.ordered.isEmpty)
        #expect(second.fleet.devices == first.fleet.devices)
        #expect(second.fleet.links == first.fleet.links)
        // Another model, another number of threads: measured again.
        var third = ProfilerWorld(stored: stored)
        third.register("a", host: "x", model: ProfilerWorld.model(digest: "digest-2"))
        #expect(third.ordered.count == 1)
        var fourth = ProfilerWorld(stored: stored)
        var body = ProfilerWorld.registration("a", .prefill)
        body.threads = 3
        fourth.handle(.register(body, ProfilerWorld.sender("a", .prefill)))
        #expect(fourth.ordered.count == 1)
    }

    @Test("equal devices share a measurement")
    func equalDevices() {
        var world = ProfilerWorld()
        world.register("a", host: "x", fingerprint: "same")
        world.register("b", host: "y", fingerprint: "same")
        #expect(world.open.count == 2)
        let profiles = { (world: ProfilerWorld) in
            world.ordered.filter { if case .measure = $0 { true } else { false } }.count
        }
        world.answerAll()
        #expect(profiles(world) == 2)
        #expect(world.state("a") == .ready && world.state("b") == .ready)
    }

    @Test("failures are told and tried again with growing pauses")
    func failures() {
        var world = ProfilerWorld()
        world.register("a")
        world.answer(failing: "cannot load the model")
        #expect(world.open.count == 1)
        world.answer()
        #expect(world.state("a") == .failed)
        #expect(world.fleet.device("a")?.problem == "prefill: cannot load the model")
        var pauses: [Double] = []
        for _ in 0..<4 {
            let start = world.now
            while world.open.isEmpty { world.pass(0.5, beating: ["a"]) }
            pauses.append(world.now - start)
            #expect(world.state("a") == .measuring)
            world.answer(failing: "cannot load the model")
        }
        #expect(pauses == [2, 4, 8, 16])
        while world.open.isEmpty { world.pass(0.5, beating: ["a"]) }
        world.answer()
        #expect(world.state("a") == .ready)
        #expect(world.fleet.device("a")?.problem == nil)
    }

    @Test("tables that cannot be used are failures")
    func badTables() throws {
        var world = ProfilerWorld()
        world.register("a", [.prefill])
        let run = try #require(world.open.first).run
        world.handle(.measured(run, .success(ProfilerWorld.tables(.decode))))
        #expect(world.fleet.device("a")?.problem?.contains("measured nothing") == true)
        world.open = []
        while world.open.isEmpty { world.pass(0.5, beating: ["a"]) }
        var bad = ProfilerWorld.tables(.prefill)
        bad.prefill[0].secondsPerLayer = .infinity
        world.handle(.measured(world.open[0].run, .success(bad)))
        #expect(world.fleet.device("a")?.problem?.contains("out of range") == true)
        #expect(world.fleet.device("a")?.measurements == nil)
    }

    @Test("a device with one worker is ready after a grace period")
    func grace() {
        var world = ProfilerWorld()
        world.register("a", [.decode])
        world.answerAll()
        #expect(world.state("a") == .measuring)
        world.pass(4.5, beating: ["a"])
        #expect(world.state("a") == .measuring)
        world.pass(1, beating: ["a"])
        #expect(world.state("a") == .ready)
        #expect(world.fleet.device("a")?.measurements?.prefill.isEmpty == true)
        world.register("a", [.prefill])
        world.answerAll()
        #expect(world.state("a") == .ready)
        #expect(world.fleet.device("a")?.measurements?.prefill.isEmpty == false)
    }

    @Test("a worker that restarts during its measurement is measured afresh at once, the old answer is ignored")
    func restartWhileMeasured() throws {
        var world = ProfilerWorld()
        world.register("a", [.prefill])
        let old = try #require(world.open.first).run
        world.open = []
        world.register("a", [.prefill], process: 2)
        #expect(world.open.count == 1)
        world.handle(.measured(old, .success(ProfilerWorld.tables(.prefill))))
        #expect(world.fleet.device("a")?.measurements == nil)
        world.answer()
        #expect(world.fleet.device("a")?.measurements != nil)
    }

    @Test("a worker that cannot be reached frees its host")
    func unroutable() {
        var world = ProfilerWorld()
        world.register("a")
        world.register("b")
        world.handle(.unroutable("a-prefill-1"))
        #expect(world.open.count == 2)
        #expect(world.core.runs.count == 1)
    }

    @Test("random fleets keep their invariants", arguments: 0..<20)
    func randomSchedules(seed: UInt64) {
        var random = Domain.SeededRandom(seed: seed)
        var limits = ProfilerWorld.limits
        limits.retryLimitSeconds = 15
        var world = ProfilerWorld(limits: limits)
        let ids: [DeviceID] = ["a", "b", "c", "d"]
        var version: UInt64 = 0
        var seen = 0
        for _ in 0..<400 {
            world.now += Double.random(in: 0...0.8, using: &random)
            let index = Int.random(in: 0..<ids.count, using: &random)
            let kind = Bool.random(using: &random) ? WorkerKind.prefill : .decode
            let process = Int.random(in: 1...3, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0...1: world.register(ids[index], [kind], host: index < 2 ? "x" : "y", process: process)
            case 2...4: world.beat(ids[index], [kind], process: process)
            case 5: world.handle(.leave(ids[index], session: ProfilerWorld.sender(ids[index], kind, process).session))
            case 6: world.answer(failing: "by chance")
            case 7...8: world.answer()
            default: world.handle(.tick)
            }
            world.expectOneRunPerHost()
            for fleet in world.published.dropFirst(seen) {
                #expect(fleet.version >= version)
                version = fleet.version
                for device in fleet.devices where device.state == .ready {
                    #expect(device.measurements != nil && device.workers.contains(where: \.alive))
                }
            }
            seen = world.published.count
        }
        // Whatever happened, a calm fleet becomes ready.
        for index in ids.indices { world.register(ids[index], host: index < 2 ? "x" : "y", process: 9) }
        for _ in 0..<60 {
            world.pass(0.5, beating: ids)
            world.answerAll()
        }
        #expect(world.fleet.devices.count == 4)
        #expect(world.fleet.devices.allSatisfy { $0.state == .ready })
        #expect(world.fleet.links.count == 12)
    }
}

extension ProfilerWorld {
    func expectOneRunPerHost() {
        let hosts = core.runs.values.flatMap { Array($0.hosts) }
        #expect(Set(hosts).count == hosts.count, "two measurements on one host")
    }
}
