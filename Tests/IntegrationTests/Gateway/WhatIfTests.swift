import Domain
import Messaging
import Protocol
import ServiceRuntime
import Synchronization
import Testing

@testable import Gateway

/// Which plan would be made: the question as it is written, and over HTTP with a clusterer that does what a test tells it.
@Suite(.serialized) struct WhatIfTests {
    private static func device(_ id: DeviceID) -> DeviceProfile {
        DeviceProfile(
            id: id, fingerprint: "f", host: "h", threads: 1, computeShare: 1, memoryUsableBytes: 1, state: .ready)
    }

    private static let known: ClusterView.Known = {
        var known = ClusterView.Known()
        known.scheduler = GatewayCoreTests.state()
        known.scheduler?.workload.requestsPerSecond = 7
        known.fleet = Fleet(
            version: 1, devices: ["a", "b", "c"].map { device($0) },
            links: [LinkProfile(from: "a", to: "b", latencySeconds: 1, bytesPerSecond: 1)])
        return known
    }()

    private func read(_ text: String, _ known: ClusterView.Known = known) throws -> PlanPreview {
        try WhatIfReader(known: known).read(try JSONParser.parse(Array(text.utf8)))
    }

    @Test func aQuestionIsRead() throws {
        let preview = try read(
            """
            {"without": ["c"], "slow": {"a": 2, "b": 1.5},
             "links": [{"from": "a", "to": "b", "bytes_per_second": 1e6, "latency_s": 0.002},
                       {"from": "a", "to": "b", "latency_s": 0.5, "one_way": true}],
             "workload": {"prompt_tokens": 512}}
            """, Self.unmeasured)
        typealias Link = FleetChanges.Link
        #expect(preview.changes.without == ["c"])
        #expect(
            preview.changes.links == [
                Link(from: "a", to: "b", latencySeconds: 0.002, bytesPerSecond: 1e6),
                Link(from: "b", to: "a", latencySeconds: 0.002, bytesPerSecond: 1e6),
                Link(from: "a", to: "b", latencySeconds: 0.5),
            ])
        #expect(
            preview.changes.slowdowns == [
                DeviceSlowdown(device: "a", factor: 2), DeviceSlowdown(device: "b", factor: 1.5),
            ])
        #expect(preview.workload?.meanPromptTokens == 512 && preview.workload?.requestsPerSecond == 7)
        #expect(preview.planInForce?.id == "p1")
        let nothing = try read("{}")
        #expect(nothing.changes == FleetChanges() && nothing.workload == nil)
    }

    /// No fleet is known yet; the clusterer looks at the changes then.
    private static let unmeasured: ClusterView.Known = {
        var unmeasured = known
        unmeasured.fleet = nil
        return unmeasured
    }()

    @Test(arguments: [
        (#"{"without": "a"}"#, "without"), (#"{"without": [3]}"#, "without[0]"), (#"{"without": ["x"]}"#, "without"),
        (#"{"links": [1]}"#, "links[0]"), (#"{"links": [{"from": "a"}]}"#, "links[0].to"),
        (#"{"links": [{"from": "a", "to": "b", "latency_s": -1}]}"#, "links[0].latency_s"),
        (#"{"links": [{"from": "a", "to": "b", "bytes_per_second": 0}]}"#, "links[0].bytes_per_second"),
        (#"{"links": [{"from": "a", "to": "b", "speed": 1}]}"#, "links[0].speed"),
        (#"{"links": [{"from": "a", "to": "x", "bytes_per_second": 9, "latency_s": 1}]}"#, "links"),
        (#"{"links": [{"from": "a", "to": "c", "latency_s": 1}]}"#, "links"), (#"{"slow": ["a"]}"#, "slow"),
        (#"{"slow": {"a": 0.5}}"#, "slow.a"), (#"{"slow": {"a": "2"}}"#, "slow.a"), (#"{"slow": {"x": 2}}"#, "slow"),
        (#"{"workload": {"prompt_tokens": 0}}"#, "workload.prompt_tokens"),
        (#"{"workload": {"rate": 1}}"#, "workload.rate"), (#"{"withot": ["a"]}"#, "withot"),
    ])
    func whatIsWrongIsNamed(_ text: String, _ field: String) {
        let error = #expect(throws: APIError.self) { try read(text) }
        #expect(error?.status == 400 && error?.parameter == field, "\(String(describing: error))")
    }

    private static let plan = PlacementPlan(
        id: "p2", model: "digest", fleetVersion: 1, workload: WorkloadStatistics(meanPromptTokens: 100),
        replicas: [
            PlanReplica(
                id: "r0", role: .mixed, stages: [PlanStage(device: "a", layers: LayerRange(0, 4))],
                decodeConcurrency: 1,
                kvCapacityTokens: 10, predictedRequestsPerSecond: 2, predictedTokenGapSeconds: 0.1)
        ], idleDevices: ["b"], predictedRequestsPerSecond: 2, objective: 0, algorithm: "test")

    /// A gateway beside a clusterer that answers with `answer`, where there is one.
    private func run(
        _ answer: (@Sendable (PlanPreview) throws(Fault) -> PlanPreviewed)?,
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let context = try MessagingContext()
        let thread = try context.makeThread(name: "clusterer")
        let server = try await ServerSocket.bind("tcp://127.0.0.1:*", on: thread, session: Session()) {
            server, message in
            guard let answer, message.type == .planPreview, let preview = try? message.body(as: PlanPreview.self) else {
                return await server.replyUnknownType(to: message)
            }
            do throws(Fault) {
                let body = try answer(preview)
                try? await server.reply(to: message, Outgoing(.planPreviewed, body: body))
            } catch {
                try? await server.reply(to: message, error: error)
            }
        }
        try await GatewayFixture.run(configure: { $0.addresses[.plan] = server.endpoint }, body)
        await server.close()
        await context.terminate()
    }

    @Test func thePlanStandsBesideTheOneInForce() async throws {
        let seen = Mutex<PlanPreview?>(nil)
        try await run { preview throws(Fault) in
            seen.withLock { $0 = preview }
            return PlanPreviewed(plan: Self.plan, searchSeconds: 0.5, inForceRequestsPerSecond: 0.25)
        } _: { fixture in
            let (status, value) = try await fixture.json(
                "/v1/cluster/what-if", #"{"without": ["c"], "slow": {"a": 2}}"#)
            #expect(status == 200 && value["preview"]?["plan"]?["id"] == "p2")
            #expect(value["preview"]?["prompt_tokens_per_s"]?.double == 200)
            #expect(value["in_force"]?["plan"]?["id"] == "p1" && value["in_force_requests_per_s"]?.double == 0.25)
            #expect(value["devices"]?.elements?.map { $0["differs"] } == [true, false])
            let again = try await fixture.json("/v1/cluster/what-if", "{}")
            #expect(again.status == 200, "each question has a connection of its own")
            let bad = try await fixture.json("/v1/cluster/what-if", #"{"slow": {"a": 0}}"#)
            #expect(bad.status == 400 && bad.value["error"]?["param"] == "slow.a")
            let cluster = try await fixture.ask("GET", "/v1/cluster")
            #expect(cluster.body.contains(#""p1""#) && !cluster.body.contains(#""p2""#), "nothing has changed")
        }
        #expect(seen.withLock { $0?.planInForce?.id } == "p1")
    }

    @Test(arguments: [
        ("model_does_not_fit", 409), ("no_plan", 409), ("no_devices", 409), ("invalid_input", 400),
        ("overloaded", 503), ("partitioner_unavailable", 503),
    ])
    func thePlannersSentenceIsTold(_ code: String, _ status: Int) async throws {
        try await run { _ throws(Fault) in
            throw Fault(code, "the model lacks 5 MB", isRetriable: code == "partitioner_unavailable")
        } _: { fixture in
            let (seen, value) = try await fixture.json("/v1/cluster/what-if", "{}")
            #expect(seen == status && value["error"]?["message"] == "the model lacks 5 MB")
            #expect(value["error"]?["code"]?.text == code)
        }
    }

    @Test func aClustererThatDoesNotKnowTheQuestionIsNoFault() async throws {
        try await run(nil) { fixture in
            let (status, value) = try await fixture.json("/v1/cluster/what-if", "{}")
            #expect(status == 409 && value["error"]?["code"] == "what_if_not_supported")
        }
    }

    @Test func withoutAClustererEverythingElseWorks() async throws {
        try await GatewayFixture.run(configure: { $0.addresses[.plan] = "tcp://127.0.0.1:9" }) { fixture in
            let (status, value) = try await fixture.json("/v1/cluster/what-if", "{}")
            #expect(status == 503 && value["error"]?["message"] == "the clusterer does not answer")
            let chat = try await fixture.json("/v1/completions", #"{"prompt": "Hi"}"#)
            #expect(chat.status == 200)
        }
    }
}
