import Domain
import Foundation
import Logging
import Messaging
import Protocol
import Synchronization
import Testing

@testable import ServiceRuntime

/// What a process remembers of requests, and how it tells.
@Suite(.timeLimit(.minutes(1))) struct TraceLogTests {
    private let start = ContinuousClock.now

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    private func ask(_ log: TraceLog, _ question: TraceQuestion, at milliseconds: Int = 1000) -> ServiceTrace {
        log.answer(question, service: "test", now: at(milliseconds), clockMicroseconds: 5_000_000)
    }

    @Test func aRequestIsAllOfItsChoicesAndContinuations() {
        #expect(TraceQuestion.names("ab", "ab") && TraceQuestion.names("ab", "ab-0"))
        #expect(TraceQuestion.names("ab", "ab-0~2") && TraceQuestion.names("ab-0", "ab-0~2"))
        #expect(!TraceQuestion.names("ab", "abc-0") && !TraceQuestion.names("ab-1", "ab-10"))
        #expect(!TraceQuestion.names("ab-0", "ab"))
        #expect(TraceQuestion.name(of: "ab-0~2") == "ab" && TraceQuestion.name(of: "ab") == "ab")
    }

    @Test func momentsAreToldOnTheWallClockInTheirOrder() {
        var log = TraceLog(device: "pi")
        log.note(.computed, "a-0", at: at(300), took: .microseconds(2500), replica: "m", stage: 1, step: 7, rows: 2)
        log.note(.opened, "a-0", at: at(100), rows: 40)
        let trace = ask(log, TraceQuestion(request: "a"))
        #expect(trace.service == "test" && trace.device == "pi" && trace.request == "a")
        #expect(trace.clockMicroseconds == 5_000_000 && trace.sinceMicroseconds == nil)
        #expect(
            trace.moments == [
                TraceMoment(at: 4_100_000, .opened, "a-0", rows: 40),
                TraceMoment(at: 4_300_000, took: 2500, .computed, "a-0", replica: "m", stage: 1, step: 7, rows: 2),
            ])
    }

    @Test func memoryDoesNotGrowAndSaysWhereItBegins() {
        var log = TraceLog(capacity: 4)
        for number in 0..<10 { log.note(.token, "a-0", at: at(number), position: number) }
        #expect(log.count == 4)
        let trace = ask(log, TraceQuestion(request: "a"))
        #expect(trace.moments.compactMap(\.position) == [6, 7, 8, 9])
        #expect(trace.sinceMicroseconds == 4_006_000)
        #expect(ask(log, TraceQuestion(request: "a", limit: 1)).moments.compactMap(\.position) == [9])
        #expect(ask(log, TraceQuestion(limit: 0)).moments.isEmpty)
        #expect(ask(log, TraceQuestion(request: "b")).moments.isEmpty)
    }

    @Test func whatOthersComputedMeanwhileIsTold() {
        var log = TraceLog()
        log.note(.computed, "b-0", at: at(0), took: .milliseconds(50))
        log.note(.opened, "a-0", at: at(100))
        log.note(.computed, "b-0", at: at(110), took: .milliseconds(5))
        log.note(.emitted, "b-0", at: at(116))
        log.note(.computed, "a-0", at: at(120), took: .milliseconds(50))
        log.note(.computed, "b-0", at: at(165), took: .milliseconds(5))
        log.note(.computed, "b-0", at: at(180), took: .milliseconds(5))
        let moments = ask(log, TraceQuestion(request: "a")).moments
        #expect(moments.map(\.request) == ["a-0", "b-0", "a-0", "b-0"])
        #expect(moments.map(\.kind) == [.opened, .computed, .computed, .computed])
    }

    @Test func theNewestRequestAndTheLastSeconds() {
        var log = TraceLog()
        #expect(ask(log, TraceQuestion()).request == nil)
        log.note(.received, "a-0", at: at(100))
        log.note(.received, "b-1~2", at: at(600))
        let newest = ask(log, TraceQuestion())
        #expect(newest.request == "b" && newest.moments.map(\.request) == ["b-1~2"])
        let last = ask(log, TraceQuestion(seconds: 0.5))
        #expect(last.request == nil && last.moments.map(\.request) == ["b-1~2"])
        #expect(ask(log, TraceQuestion(seconds: 2)).moments.count == 2)
    }

    private struct Desk: ServiceDesk {
        var trace: TraceLog? = TraceLog()

        mutating func handle(_ input: WireMessage, at now: Double, _ tasks: inout DiscardingTaskGroup) async {
            if let request = input.envelope.request { trace?.note(.received, request, at: input.arrived) }
        }
    }

    @Test func everyRouterAnswers() async throws {
        var addresses = Addresses()
        addresses[.control] = "tcp://127.0.0.1:*"
        let shell = ServiceShell<WireMessage>(
            .scheduler, addresses: addresses, logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }
        ) { sockets in
            let inbox = sockets.inbox
            _ = try await sockets.server(.control) { _, message in await inbox.send(message) }
            return Desk()
        }
        let running = Task { try await shell.run() }
        try await eventually("it is bound") { shell.bound[.control] != nil }
        let context = try MessagingContext()
        let client = try await ClientSocket.connect(
            to: shell.bound[.control] ?? "", on: try context.makeThread(name: "client"), session: Session())
        let before = Date().timeIntervalSince1970 * 1e6
        try await client.send(Outgoing(.requestCancel, request: "a-0"))
        func trace(_ question: TraceQuestion) async throws -> ServiceTrace {
            try await client.request(Outgoing(.traceGet, body: question), timeout: .seconds(3)).body()
        }
        let told = try await trace(TraceQuestion(request: "a"))
        #expect(told.service == "scheduler" && told.moments.map(\.request) == ["a-0"])
        let time = Double(told.moments.first?.atMicroseconds ?? 0)
        #expect(time > before - 1000 && time < before + 10e6)
        #expect(try await trace(TraceQuestion()).request == "a")
        for question in [
            TraceQuestion(request: ""), TraceQuestion(request: String(repeating: "x", count: 257)),
            TraceQuestion(seconds: -1), TraceQuestion(seconds: 1e300), TraceQuestion(limit: -1),
        ] {
            await #expect(throws: RuntimeError.self) { _ = try await trace(question) }
        }
        await #expect(throws: RuntimeError.self) {
            _ = try await client.request(Outgoing(.traceGet, body: ["request": 5]), timeout: .seconds(3))
        }
        await client.close()
        await context.terminate()
        running.cancel()
        _ = await running.result
    }
}
