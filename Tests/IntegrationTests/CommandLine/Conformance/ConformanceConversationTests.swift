import Messaging
import Protocol
import ServiceRuntime
import Synchronization
import Testing

@testable import CommandLineTool

/// Which answer belongs to which message.
@Suite struct ConformanceConversationTests {
    @Test func everyMessageHasItsOwnID() async {
        let ids = Mutex<[String]>([])
        let conversation = ScriptedService.conversation { message in
            ids.withLock { $0.append(message.envelope.id) }
            return []
        }
        for _ in 0..<20 { _ = await conversation.send(ConformanceMessage(.ping)) }
        _ = await conversation.send(ConformanceMessage(.ping), prefix: "prefix-")
        let sent = ids.withLock { $0 }
        #expect(Set(sent).count == 21)
        #expect(sent.last?.hasPrefix("prefix-") == true)
    }

    @Test func aLateAnswerIsNotTakenForAnother() async throws {
        let first = Mutex<String?>(nil)
        let conversation = ScriptedService.conversation { message in
            let id = message.envelope.id
            guard let late = first.withLock({ $0 }) else {
                first.withLock { $0 = id }
                return []
            }
            return [
                try ScriptedService.answer(to: late, .metrics, ServiceMetrics(text: "late")),
                try ScriptedService.answer(to: id, .metrics, ServiceMetrics(text: "mine")),
            ]
        }
        let (early, none) = await conversation.ask(ConformanceMessage(.metricsGet), within: 0.01)
        #expect(none == nil)
        let (id, answer) = await conversation.ask(ConformanceMessage(.metricsGet))
        #expect(answer?.envelope.replyTo == id)
        #expect(try answer?.body(as: ServiceMetrics.self).text == "mine")
        let late = await conversation.answered(early)
        #expect(try late?.body(as: ServiceMetrics.self).text == "late")
    }

    @Test(arguments: [nil, "never-sent"] as [String?])
    func anAnswerWithoutTheIDIsReportedAtOnce(_ id: String?) async {
        let conversation = ScriptedService.conversation { _ in [try ScriptedService.answer(to: id, .pong)] }
        let rule = ConformanceRule("pong", ConformanceMessage(.ping), expect: .reply(.pong) { _ in nil })
        #expect(await rule.problem(conversation)?.contains("repeats the id") == true)
    }

    @Test func anErrorAboutUnreadableFramesIsNotTakenForAnother() async {
        let conversation = ScriptedService.conversation { try ScriptedService.sign(of: $0).map { [$0] } ?? [] }
        _ = await conversation.send(frames: { _ in [[1], [2], [3]] })
        #expect(await conversation.isAlive())
        let rule = ConformanceRule("garbage", frames: { _ in [[1], [2], [3]] }, expect: .error(["malformed"]))
        #expect(await rule.problem(conversation) == nil)
        #expect(await conversation.settle())
    }

    @Test func whatTheServiceTellsByItselfIsNoAnswer() async {
        let conversation = ScriptedService.conversation { message in
            let frames = ConformanceMessage(.ping).frames(id: "1", session: "service").map { Frame($0) }
            let own = try WireMessage.decode(Message(frames: frames))
            return [own] + (try ScriptedService.sign(of: message).map { [$0] } ?? [])
        }
        #expect(await conversation.isAlive())
        #expect(await conversation.settle())
    }
}
