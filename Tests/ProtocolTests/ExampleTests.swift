import Domain
import Foundation
import Protocol
import Testing

/// The example messages of the specification are golden: they must decode for ever, and what this version writes must be
/// what they say.
@Suite struct ExampleTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Shared/Protocol/Specification/examples")

    static let bodies: [String: any (Codable & Sendable).Type] = [
        "device.register": RegisterDevice.self, "device.registered": DeviceRegistered.self,
        "device.heartbeat": DeviceHeartbeat.self, "device.leave": DeviceHeartbeat.self, "fleet.get": EmptyBody.self,
        "fleet.snapshot": Fleet.self, "profile.measure": MeasureProfile.self,
        "profile.result": DeviceMeasurements.self, "link.measure": MeasureLink.self, "link.result": LinkResult.self,
        "error": Fault.self, "ping": EmptyBody.self, "pong": EmptyBody.self, "plan.request": PlanRequest.self,
        "plan.proposal": PlanProposal.self, "plan.preview": PlanPreview.self, "plan.previewed": PlanPreviewed.self,
        "worker.hello": WorkerHello.self, "worker.welcome": WorkerWelcome.self,
        "worker.heartbeat": WorkerHeartbeat.self, "stage.prepare": StagePrepare.self,
        "stage.prepared": StagePrepared.self, "worker.leave": EmptyBody.self,
        "stage.release": StageRelease.self, "stage.released": EmptyBody.self,
        "request.submit": SubmitRequest.self, "request.accepted": RequestAccepted.self,
        "request.cancel": EmptyBody.self, "request.start": SequenceOpen.self, "request.event": RequestEvent.self,
        "request.lost": Fault.self, "request.move": SequenceMoveBody.self,
        "request.moved": RequestMoved.self, "sequence.move": SequenceMoveBody.self,
        "gateway.heartbeat": GatewayHeartbeat.self, "state.get": EmptyBody.self,
        "scheduler.state": SchedulerState.self, "workload.statistics": WorkloadStatistics.self,
        "sequence.open": SequenceOpen.self, "sequence.close": SequenceClose.self, "sequence.keep": SequenceKeep.self,
        "sequence.held": SequenceHeld.self, "prefix.found": PrefixFound.self, "prefix.drop": PrefixDrop.self,
        "prefix.lost": PrefixLost.self,
        "stage.forward": StageForward.self,
        "stage.done": StageDone.self, "kv.chunk": KVChunk.self, "kv.complete": KVComplete.self,
        "sequence.first_token": FirstToken.self, "tokens.emitted": TokensEmitted.self,
        "prompt.scored": PromptScored.self, "link.echo": LinkEcho.self,
        "link.echoed": EmptyBody.self, "health.get": EmptyBody.self, "health": ServiceHealth.self,
        "metrics.get": EmptyBody.self, "keys.get": EmptyBody.self, "metrics": ServiceMetrics.self,
        "trace.get": TraceQuestion.self, "trace": ServiceTrace.self,
    ]

    struct Example {
        var envelope: [UInt8]
        var body: [UInt8]
    }

    static func read(_ name: String) throws -> Example {
        let data = try Data(contentsOf: folder.appendingPathComponent("\(name).json"))
        let parsed = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        let object = try #require(parsed)
        let envelope = try #require(object["envelope"])
        let body = try #require(object["body"])
        return Example(
            envelope: Array(try JSONSerialization.data(withJSONObject: envelope)),
            body: Array(try JSONSerialization.data(withJSONObject: body)))
    }

    static func canonical(_ bytes: [UInt8]) throws -> String {
        let object = try JSONSerialization.jsonObject(with: Data(bytes))
        let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
        return String(decoding: data, as: UTF8.self)
    }

    private func reencode<Body: Codable & Sendable>(_ type: Body.Type, _ header: DecodedHeader) throws -> [[UInt8]] {
        try Codec.encode(header.envelope, body: try header.body(as: type))
    }

    @Test(arguments: bodies.keys.sorted())
    func decodesAndWritesTheSame(name: String) throws {
        let example = try Self.read(name)
        let header = try Codec.decode(
            version: Array("E2LLM/1".utf8), envelope: example.envelope, body: example.body,
            tensorByteCounts: try Self.tensorSizes(example.body))
        #expect(header.envelope.type.rawValue == name)
        guard let type = Self.bodies[name] else {
            Issue.record("\(name) has no type")
            return
        }
        let frames = try reencode(type, header)
        #expect(frames[0] == Array("E2LLM/1".utf8))
        #expect(try Self.canonical(frames[1]) == Self.canonical(example.envelope))
        #expect(try Self.canonical(frames[2]) == Self.canonical(example.body))
    }

    @Test func everyExampleHasAType() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter {
            $0.hasSuffix(".json")
        }
        let elsewhere: Set<String> = ["partition.solve", "partition.solution", "keys"]
        #expect(Set(files.map { String($0.dropLast(5)) }).subtracting(elsewhere) == Set(Self.bodies.keys))
    }

    static func tensorSizes(_ body: [UInt8]) throws -> [Int] {
        let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
        let tensors = object?["tensors"] as? [[String: Any]] ?? []
        return try tensors.map { tensor in
            let name = try #require(tensor["dtype"] as? String)
            let dtype = try #require(ElementType(rawValue: name))
            let shape = try #require(tensor["shape"] as? [Int])
            return shape.reduce(1, *) / dtype.blockValues * dtype.blockBytes
        }
    }
}
