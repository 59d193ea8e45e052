import Domain
import Protocol
import Testing

@testable import Profiler

@Suite("Profiler: registry")
struct ProfilerRegistryTests {
    @Test("a worker that is not known is told to register")
    func unknownWorker() {
        var world = ProfilerWorld()
        world.beat("a", [.prefill])
        #expect(world.refusal?.code == "unknown_worker")
        #expect(world.refusal?.isRetriable == true)
        world.register("a", [.prefill])
        #expect(
            world.last.contains(.accept(DeviceRegistered(heartbeatMilliseconds: 1000, lostAfterMilliseconds: 3000))))
        world.beat("a", [.prefill])
        #expect(world.last == [.acknowledge])
        world.beat("a", [.prefill], process: 2)
        #expect(world.refusal?.code == "unknown_worker")
    }

    @Test("a device is lost after three missed heartbeats, keeps its profile, and is ready again at once")
    func lossAndReturn() throws {
        var world = ProfilerWorld()
        world.register("a")
        world.answerAll()
        #expect(world.state("a") == .ready)
        let measurements = try #require(world.fleet.device("a")?.measurements)
        world.pass(2.5)
        #expect(world.state("a") == .ready)
        world.pass(1)
        #expect(world.state("a") == .lost)
        #expect(world.fleet.device("a")?.measurements == measurements)
        #expect(world.fleet.device("a")?.workers.allSatisfy { !$0.alive } == true)
        let before = world.ordered.count
        world.register("a", process: 2)
        #expect(world.state("a") == .ready)
        #expect(world.ordered.count == before)
        #expect(world.fleet.device("a")?.worker(.decode)?.session == "a-decode-2")
    }

    @Test("one lost worker of two leaves the device ready and marks the worker")
    func halfLost() {
        var world = ProfilerWorld()
        world.register("a")
        world.answerAll()
        for _ in 0..<8 {
            world.now += 0.5
            world.beat("a", [.decode])
            world.handle(.tick)
        }
        #expect(world.state("a") == .ready)
        #expect(world.fleet.device("a")?.worker(.prefill) == nil)
        #expect(world.fleet.device("a")?.worker(.decode) != nil)
    }

    @Test("a stopped worker whose heartbeats come back is alive again, a replaced one is not")
    func zombies() {
        var world = ProfilerWorld()
        world.register("a")
        world.answerAll()
        world.pass(4)
        #expect(world.state("a") == .lost)
        world.beat("a")
        #expect(world.state("a") == .ready)
        world.register("a", process: 2)
        world.beat("a", [.decode], process: 1)
        #expect(world.refusal?.code == "unknown_worker")
        world.register("a", [.decode], process: 1)
        #expect(world.refusal?.code == "device_conflict")
        #expect(world.fleet.device("a")?.worker(.decode)?.session == "a-decode-2")
        world.pass(4)
        world.register("a", [.decode], process: 1)
        #expect(world.refusal == nil)
    }

    @Test("a worker that leaves is gone at once")
    func leave() {
        var world = ProfilerWorld()
        world.register("a")
        world.answerAll()
        world.handle(.leave("b", session: "a-prefill-1"))
        #expect(world.fleet.device("a")?.workers.map(\.kind) == [.prefill, .decode], "another device speaks for it")
        world.handle(.leave("a", session: "a-prefill-1"))
        #expect(world.fleet.device("a")?.workers.map(\.kind) == [.decode])
        #expect(world.state("a") == .ready)
        world.handle(.leave("a", session: "a-decode-1"))
        #expect(world.state("a") == .lost)
        world.pass(3601)
        #expect(world.fleet.devices.isEmpty)
    }

    @Test("a different model is refused by name until the last worker is gone")
    func modelMismatch() {
        var world = ProfilerWorld()
        world.register("a")
        world.answerAll()
        world.register("b", [.decode], model: ProfilerWorld.model(digest: "digest-2"))
        #expect(world.refusal?.code == "model_mismatch")
        for part in ["device b", "digest-1", "digest-2"] { #expect(world.refusal?.message.contains(part) == true) }
        #expect(world.fleet.device("b") == nil)
        world.pass(4)
        world.register("b", [.decode], model: ProfilerWorld.model(digest: "digest-2"))
        #expect(world.refusal == nil)
        #expect(world.fleet.model?.digest == "digest-2")
        #expect(world.fleet.devices.map(\.id) == ["b"])
    }

    @Test("a device id belongs to one host and one set of settings while it lives")
    func conflicts() {
        var world = ProfilerWorld()
        world.register("a")
        world.register("a", [.decode], host: "elsewhere", process: 2)
        #expect(world.refusal?.code == "device_conflict")
        #expect(world.refusal?.message.contains("elsewhere") == true)
        world.register("a", [.decode], fingerprint: "other", process: 2)
        #expect(world.refusal?.code == "device_conflict")
        #expect(world.refusal?.isRetriable == true)
        world.pass(4)
        world.register("a", [.decode], host: "elsewhere", process: 2)
        #expect(world.refusal == nil)
        #expect(world.fleet.device("a")?.host == "elsewhere")
    }

    @Test(
        "damaged registrations are refused, naming the field",
        arguments: [
            RegistrationDamage("threads") { $0.threads = 0 },
            RegistrationDamage("compute_share") { $0.computeShare = .nan },
            RegistrationDamage("memory_usable_bytes") { $0.memoryUsableBytes = -1 },
            RegistrationDamage("device") { $0.device = "" },
            RegistrationDamage("host") { $0.host = String(repeating: "x", count: 300) },
            RegistrationDamage("fingerprint") { $0.fingerprint = "a\nb" },
            RegistrationDamage("data_endpoint") { $0.dataEndpoint = "nowhere" },
            RegistrationDamage("layers") { $0.model.layers = -3 },
            RegistrationDamage("kv_bytes_per_token_per_layer") { $0.model.kvBytesPerTokenPerLayer = 0 },
        ])
    func damaged(damage: RegistrationDamage) {
        var world = ProfilerWorld()
        var body = ProfilerWorld.registration("a", .decode)
        damage.apply(&body)
        world.handle(.register(body, ProfilerWorld.sender("a", .decode)))
        #expect(world.refusal?.code == "malformed")
        #expect(world.refusal?.message.contains(damage.field) == true)
        #expect(world.fleet.devices.isEmpty)
    }

    @Test("the number of devices is bounded")
    func tooMany() {
        var limits = ProfilerWorld.limits
        limits.mostDevices = 2
        var world = ProfilerWorld(limits: limits)
        for id in ["a", "b", "c"] as [DeviceID] { world.register(id, [.decode]) }
        #expect(world.refusal?.code == "too_many_devices")
        #expect(world.fleet.devices.count == 2)
    }

    @Test("the fleet is published on every change and every second, its version grows with changes only")
    func publishing() {
        var world = ProfilerWorld()
        world.register("a", [.decode])
        let version = world.fleet.version
        let count = world.published.count
        for _ in 0..<30 {
            world.now += 0.1
            world.beat("a", [.decode])
            world.handle(.tick)
        }
        #expect((count + 2...count + 4).contains(world.published.count))
        #expect(world.fleet.version == version)
        world.handle(.fleetWanted)
        #expect(world.last == [.tell(world.fleet)])
    }
}

/// One way to spoil a message, and the field that the error must name.
struct RegistrationDamage: Sendable, CustomTestStringConvertible {
    let field: String
    let apply: @Sendable (inout RegisterDevice) -> Void
    var testDescription: String { field }

    init(_ field: String, apply: @escaping @Sendable (inout RegisterDevice) -> Void) {
        self.field = field
        self.apply = apply
    }
}
