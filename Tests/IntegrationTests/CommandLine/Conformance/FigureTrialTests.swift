import Domain
import Protocol
import ServiceRuntime
import Testing

@testable import CommandLineTool

/// What is said of services that are careless with figures.
@Suite struct FigureTrialTests {
    private static let beat: WireValue = [
        "device": "d", "worker": "decode", "waiting": 0, "running": 0, "kv_used_tokens": 0, "resident_bytes": 1,
        "counters": [
            "prefill_tokens": 0, "prefill_s": 0, "decode_steps": 0, "decode_rows": 0, "decode_s": 0,
            "kv_transfer_bytes": 0,
        ],
    ]
    private static let trial = FigureTrial(
        sound: ConformanceMessage(.workerHeartbeat, beat, envelope: ["epoch": 1]), reply: .workerHeartbeat)

    /// The error about a heartbeat that cannot be read.
    private static func refusal(of message: WireMessage) throws -> WireMessage? {
        do {
            _ = try message.body(as: WorkerHeartbeat.self)
            return nil
        } catch {
            return try ScriptedService.refusal(of: message.envelope.id, error.fault)
        }
    }

    private func tried(_ trial: FigureTrial, _ conversation: ConformanceConversation) async -> [String?] {
        var problems: [String?] = []
        for rule in trial.rules { problems.append(await rule.problem(conversation)) }
        return problems
    }

    @Test func everyFigureHasARule() {
        let names = Self.trial.rules.map(\.name)
        #expect(names.count == 11)
        for figure in ["envelope.epoch", "waiting", "counters.prefill_s", "counters.kv_transfer_bytes"] {
            #expect(names.contains("worker.heartbeat is taken or refused, whatever its \(figure) is"))
        }
    }

    @Test func aSoundServiceBreaksNothing() async {
        let conversation = ScriptedService.conversation { message in
            if let sign = try ScriptedService.sign(of: message) { return [sign] }
            if let refusal = try Self.refusal(of: message) { return [refusal] }
            return [try ScriptedService.answer(to: message.envelope.id, .workerHeartbeat)]
        }
        #expect(await tried(Self.trial, conversation).allSatisfy { $0 == nil })
    }

    @Test func onlyErrorsAreAnsweredWhereThereIsNoReply() async {
        var trial = Self.trial
        trial.reply = nil
        let conversation = ScriptedService.conversation { message in
            if let sign = try ScriptedService.sign(of: message) { return [sign] }
            return try Self.refusal(of: message).map { [$0] } ?? []
        }
        #expect(await tried(trial, conversation).allSatisfy { $0 == nil })
    }

    @Test func aServiceThatReadsNothingIsReported() async {
        let conversation = ScriptedService.conversation { message in
            if let sign = try ScriptedService.sign(of: message) { return [sign] }
            return [try ScriptedService.answer(to: message.envelope.id, .workerHeartbeat)]
        }
        let problems = await tried(Self.trial, conversation)
        // The envelope is read before the service sees the message.
        #expect(problems[0] == nil)
        #expect(problems.dropFirst().allSatisfy { $0 == "missing: worker.heartbeat instead of an error" })
    }

    @Test func aServiceWhoseLoopEndsIsReported() async {
        let conversation = ScriptedService.conversation(seconds: 0.05) { message in
            if message.type == .ping { return try ScriptedService.sign(of: message).map { [$0] } ?? [] }
            return []
        }
        #expect(await tried(Self.trial, conversation).first == "-1: health.get is not answered afterwards")
    }

    @Test func withoutPermissionNothingIsTried() async {
        var trial = Self.trial
        trial.introduction = { _ in .notPermitted }
        let conversation = ScriptedService.conversation { _ in
            Issue.record("a message was sent")
            return []
        }
        #expect(await tried(trial, conversation).allSatisfy { $0 == nil })
    }
}
