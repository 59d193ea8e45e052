import Domain
import Foundation
import Messaging
import Protocol
import ServiceRuntime
import Testing

@testable import Scheduler

/// A scheduler with keys: what one worker's key may do to the session of another.
@Suite("Scheduler: keys", .timeLimit(.minutes(2)))
struct SchedulerKeyTests {
    @Test("sessions are public, so another key does not speak in one")
    func sessions() async throws {
        let folder = NSTemporaryDirectory() + "scheduler-keys-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var list = AllowedKeys()
        var pairs: [String: CurveKeyPair] = [:]
        for (name, role, devices) in [
            ("scheduler", .scheduler, nil), ("profiler", .profiler, nil), ("clusterer", .clusterer, nil),
            ("gateway", .gateway, nil), ("a", .worker, ["a"]), ("b", .worker, ["b"]),
        ] as [(String, KeyRole, [String]?)] {
            let pair = try CurveKeyPair.generate()
            pairs[name] = pair
            list.keys.append(AllowedKey(identity: name, publicKey: pair.publicKey, plays: [role], devices: devices))
        }
        let server = try #require(pairs["scheduler"])
        try list.write("\(folder)/allowed.json")
        try SecretKeyFile(identity: "scheduler", secret: server.secretKey).write("\(folder)/scheduler.key")
        var configuration = SchedulerBench.configuration()
        configuration.addresses.keyring = try Keyring(
            allowed: "\(folder)/allowed.json", secret: "\(folder)/scheduler.key")
        let service = SchedulerService.make(configuration, logger: PlannerWait.logger)
        let run = Task { try await service.run() }
        let control = try await PlannerWait.until { service.bound[.control] }

        let context = try MessagingContext()
        let thread = try context.makeThread(name: "peers")
        let (session, secrets) = (Session(), pairs)
        func connect(_ name: String, _ session: Session) async throws -> SchedulerPeer {
            var options = SocketOptions.control
            options.security = .curveClient(keys: try #require(secrets[name]), serverKey: server.publicKey)
            return try await SchedulerPeer.connect(name, to: control, on: thread, session: session, options: options)
        }
        let (worker, thief) = (try await connect("a", session), try await connect("b", session))
        let gateway = try await connect("gateway", Session())
        // It serves a plan already, which the scheduler takes over.
        let plan = SchedulerFleets.plan(["a"])
        let stage = ServedStage(
            assignment: StageAssignment(plan: plan, replica: "m-a", stage: 0), formed: 1, kvCapacityTokens: 2000,
            weightBytes: 1000)
        #expect(try await worker.refusal(worker.hello(stages: [stage])) == nil)
        #expect(try await thief.refusal(thief.hello(as: "a"))?.code == "not_permitted", "another's device")
        #expect(try await thief.refusal(thief.hello())?.code == "malformed", "its own device, in another's session")

        let accepted = try await gateway.submit("r1", [1, 2, 3], maxTokens: 10)
        #expect(accepted.route.decode.map(\.endpoint) == [worker.endpoint])
        _ = try await worker.first(.requestStart)
        try await thief.report(.decodeStarted, "r1", generated: 9)
        try await thief.report(.failed(Fault("failed", "it cannot go on")), "r1")
        try await thief.send(Outgoing(.workerLeave))
        // Messages of one connection are taken in order: those before were.
        #expect(try await thief.schedulerState().running == 1)
        try await worker.report(.prefillStarted, "r1")
        _ = try await PlannerWait.until { gateway.events.contains(.prefillStarted) ? true : nil }
        #expect(gateway.events == [.prefillStarted] && gateway.all(.requestLost).isEmpty)
        #expect(try await gateway.schedulerState().replicas.map(\.state) == ["serving"])
        #expect(thief.all(.requestStart).isEmpty)
        // The session has not gone over to the other key either: the one who began it is still heard.
        try await worker.report(.finished(.stop), "r1", generated: 3)
        _ = try await PlannerWait.until { try await gateway.schedulerState().running == 0 ? true : nil }
        for peer in [worker, thief, gateway] { await peer.close() }
        run.cancel()
        try await run.value
        await context.terminate()
    }
}
