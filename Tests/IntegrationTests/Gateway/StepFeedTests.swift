import Domain
import Messaging
import Protocol
import ServiceRuntime
import Synchronization
import Testing

@testable import Gateway

/// Steps of real sockets' workers on the stream of events.
@Suite(.serialized) struct StepFeedTests {
    /// A worker that remembers one step more with every question.
    private final class Worker: Sendable {
        let questions = Mutex<[TraceQuestion]>([])

        func answer(_ server: ServerSocket, _ message: WireMessage) async {
            guard message.type == .traceGet, let question = try? message.body(as: TraceQuestion.self) else {
                return await server.replyUnknownType(to: message)
            }
            let count = questions.withLock { questions in
                questions.append(question)
                return questions.count
            }
            let moments = (1...count).map { step in
                TraceMoment(
                    at: step * 1000, took: 500, .computed, "a-0", replica: "r", stage: 0, step: UInt64(step), rows: 1,
                    decode: true)
            }
            let body = ServiceTrace(service: "decoder-worker", device: "d", clockMicroseconds: 9000, moments: moments)
            try? await server.reply(to: message, Outgoing(.trace, body: body))
        }
    }

    private func state() -> SchedulerState {
        var state = GatewayCoreTests.state()
        let stages = ["d", "gone"].enumerated().map { index, device in
            PlanStage(device: DeviceID(rawValue: device), layers: LayerRange(index, index + 1))
        }
        state.plan?.replicas = [
            PlanReplica(
                id: "r", role: .decode, stages: stages, decodeConcurrency: 1, kvCapacityTokens: 1,
                predictedRequestsPerSecond: 1, predictedTokenGapSeconds: 1)
        ]
        return state
    }

    @Test func everyStepIsToldOnceAndOnlyToThoseWhoAsk() async throws {
        let context = try MessagingContext()
        let thread = try context.makeThread(name: "worker")
        let worker = Worker()
        let server = try await ServerSocket.bind("tcp://127.0.0.1:*", on: thread, session: Session()) {
            await worker.answer($0, $1)
        }
        let fleets = try await StatePublisher.bind("tcp://127.0.0.1:*", on: thread, session: Session())
        let device = DeviceProfile(
            id: "d", fingerprint: "cpu", host: "h", threads: 1, computeShare: 1, memoryUsableBytes: 1, state: .ready,
            workers: [WorkerEndpoint(kind: .decode, endpoint: server.endpoint, session: "s", alive: true)])
        try await GatewayFixture.run(ready: false, configure: { $0.addresses[.fleet] = fleets.endpoint }) { fixture in
            let events = fixture.gateway.service.events
            let plain = try events.watch(after: nil, wantsSteps: false)
            let publishing = Task {
                while !Task.isCancelled {
                    fixture.fleet.publish(state())
                    fleets.publish(Outgoing(.fleetSnapshot, body: Fleet(version: 1, devices: [device])))
                    try? await Task.sleep(for: .milliseconds(50))
                }
            }
            defer { publishing.cancel() }
            _ = try await eventually { plain.next().contains { $0.name == "snapshot" } ? true : nil }
            #expect(worker.questions.withLock { $0.isEmpty }, "nobody wants to see steps")
            let curious = try events.watch(after: nil, wantsSteps: true)
            var told: [Int] = []
            while told.count < 3 {
                let report = try await eventually { curious.next().first { $0.name == "steps" } }
                let value = try JSONParser.parse(report.data)
                told += (value["steps"]?.elements ?? []).compactMap { $0.elements?[2].whole }
            }
            // Who is slow gets the newest report, so some may be missing.
            #expect(zip(told, told.dropFirst()).allSatisfy { $0 < $1 }, "\(told)")
            #expect(worker.questions.withLock { $0.allSatisfy { $0.request == nil && $0.limit != nil } })
            #expect(!plain.next().contains { $0.name == "steps" })
            curious.end()
            #expect(!events.wantsSteps)
        }
        await server.close()
        await fleets.close()
        await context.terminate()
    }
}
