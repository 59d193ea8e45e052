import Domain
import Inference
import Messaging
import Protocol
import ServiceRuntime
import Testing

/// What workers remember of a request.
extension StageWorkerTests {
    @Test func workersTellWhatBecameOfARequest() async throws {
        let devices: [(String, WorkerKind)] = [("a", .prefill), ("b", .decode), ("c", .decode)]
        try await withWorkers(devices) { plane, model in
            let plan = plan(
                model.description,
                [replica("p", .prefill, [("a", 0, 6)]), replica("d", .decode, [("b", 0, 3), ("c", 3, 6)])])
            try await plane.enforce(plan)
            let route = plane.route(plan, prefill: "p", decode: "d")
            for request in ["one-0", "two-0"] as [RequestID] {
                try await plane.start(
                    request, prompt(30, seed: 1), route: route, sampling: SamplingParameters(temperature: 0),
                    stop: StopConditions(maxTokens: 6))
                #expect(await plane.wait { $0.outputs[request]?.events.contains { $0.hasFinished } == true })
            }
            var traces: [ServiceTrace] = []
            for stage in route.prefill + route.decode {
                let client = try await ClientSocket.connect(
                    to: stage.endpoint, on: try plane.context.makeThread(name: "ask"), session: Session())
                let question = Outgoing(.traceGet, body: TraceQuestion(request: "one"))
                traces.append(try await client.request(question, timeout: .seconds(5)).body())
                await client.close()
            }
            #expect(traces.map(\.device) == ["a", "b", "c"])
            #expect(traces.map(\.service) == ["prefill-worker", "decoder-worker", "decoder-worker"])
            for trace in traces {
                #expect(trace.moments.allSatisfy { $0.request == "one-0" }, "nobody else was computed meanwhile")
                #expect(trace.moments.map(\.atMicroseconds) == trace.moments.map(\.atMicroseconds).sorted())
                #expect(trace.moments.suffix(2).contains { $0.kind == .closed })
            }
            func count(_ index: Int, _ kind: TraceMoment.Kind) -> Int {
                traces[index].moments.count { $0.kind == kind }
            }
            // Two chunks of the prompt, whose KV cache goes to both decoder stages.
            #expect(count(0, .computed) == 2 && count(0, .kvSent) == 4)
            #expect(count(0, .emitted) == 1 && count(0, .firstTokenSent) == 1)
            #expect(count(1, .kvReceived) == 2 && count(2, .kvReceived) == 2 && count(1, .firstTokenReceived) == 1)
            #expect(count(1, .computed) == 5 && count(1, .rowsSent) == 5 && count(1, .stepDone) == 5)
            #expect(count(2, .rowsReceived) == 5 && count(2, .computed) == 5 && count(2, .emitted) == 5)
            let steps = traces[2].moments.filter { $0.kind == .computed }
            #expect(steps.allSatisfy { $0.replica == "d" && $0.stage == 1 && $0.rows == 1 && $0.decode == true })
            #expect(steps.compactMap(\.position) == [30, 31, 32, 33, 34])
            #expect(steps.map(\.step) == traces[1].moments.filter { $0.kind == .rowsSent }.map(\.step))
            let sent = traces[0].moments.filter { $0.kind == .kvSent }.compactMap(\.bytes)
            let received = (traces[1].moments + traces[2].moments).filter { $0.kind == .kvReceived }.compactMap(\.bytes)
            #expect(sent.sorted() == received.sorted() && sent.allSatisfy { $0 > 0 })
        }
    }
}
