import Domain
import Foundation
import Inference
import Messaging
import Protocol
import ServiceRuntime
import Synchronization
import Testing

/// Peers of real workers that stop reading.
extension StageWorkerTests {
    /// A socket that takes one message and then nothing more.
    private func deafSocket(
        _ plane: FakeControlPlane, _ name: String, options: SocketOptions = .control
    ) async throws -> (server: ServerSocket, gate: EventQueue<Int>) {
        let gate = EventQueue<Int>()
        let server = try await ServerSocket.bind(
            "tcp://127.0.0.1:*", on: try plane.context.makeThread(name: name), session: Session(), options: options
        ) { _, _ in _ = await gate.next() }
        return (server, gate)
    }

    @Test func aGatewayThatDoesNotReadDelaysNobodyElse() async throws {
        try await withWorkers([("a", .decode)]) { plane, model in
            let plan = plan(model.description, [replica("m", .mixed, [("a", 0, 6)])])
            try await plane.enforce(plan)
            let deaf = try await deafSocket(plane, "deaf")
            var unread = plane.route(plan, prefill: nil, decode: "m")
            unread.gateway = deaf.server.endpoint
            let greedy = SamplingParameters(temperature: 0)
            for index in 0..<3 {
                try await plane.start(
                    RequestID("deaf\(index)"), prompt(20, seed: index), route: unread, sampling: greedy,
                    stop: StopConditions(maxTokens: 300))
            }
            let stop = StopConditions(maxTokens: 40)
            let tokens = prompt(30, seed: 9)
            try await plane.start(
                "heard", tokens, route: plane.route(plan, prefill: nil, decode: "m"), sampling: greedy, stop: stop)
            #expect(await plane.wait { $0.outputs["heard"]?.finish != nil })
            #expect(plane.output("heard").text == (try reference(model, tokens, greedy, stop)).tokens)
            // The others end as well: nothing waits for who does not read.
            #expect(
                await plane.wait { state in
                    (0..<3).allSatisfy { index in
                        state.outputs[RequestID("deaf\(index)")]?.events.contains { $0.hasFinished } == true
                    }
                })
            deaf.gate.close()
            await deaf.server.close()
        }
    }

    @Test func aDecoderThatDoesNotReadDelaysNobodyElse() async throws {
        try await withWorkers([("p", .prefill), ("b", .decode)]) { plane, model in
            let plan = plan(
                model.description,
                [
                    replica("p", .prefill, [("p", 0, 6)]), replica("d", .decode, [("b", 0, 6)]),
                    replica("x", .decode, [("gone", 0, 6)]),
                ])
            try await plane.enforce(plan)
            let deaf = try await deafSocket(plane, "deaf", options: .tensor)
            var unread = plane.route(plan, prefill: "p", decode: "x")
            unread.decode[0].endpoint = deaf.server.endpoint
            let greedy = SamplingParameters(temperature: 0)
            let stop = StopConditions(maxTokens: 12)
            for index in 0..<40 {
                try await plane.start(
                    RequestID("deaf\(index)"), prompt(200, seed: index), route: unread, sampling: greedy, stop: stop)
            }
            let tokens = prompt(30, seed: 9)
            try await plane.start(
                "heard", tokens, route: plane.route(plan, prefill: "p", decode: "d"), sampling: greedy, stop: stop)
            #expect(await plane.wait { $0.outputs["heard"]?.finish != nil })
            #expect(plane.output("heard").text == (try reference(model, tokens, greedy, stop)).tokens)
            // What goes to the decoder that takes nothing is given up, so that the scheduler has it done elsewhere.
            #expect(
                await plane.wait { state in
                    (0..<40).contains { index in
                        state.outputs[RequestID("deaf\(index)")]?.events.contains { $0.hasFailed } == true
                    }
                })
            deaf.gate.close()
            await deaf.server.close()
        }
    }

    /// While one plan follows another, the worker serves both stages, and running sequences go on.
    @Test func aSecondStageIsServedBesideTheFirst() async throws {
        try await withWorkers([("a", .decode), ("b", .decode)]) { plane, model in
            let first = plan(model.description, [replica("m", .mixed, [("a", 0, 6)])])
            try await plane.enforce(first)
            let greedy = SamplingParameters(temperature: 0)
            let stop = StopConditions(maxTokens: 250)
            let tokens = prompt(30, seed: 4)
            try await plane.start(
                "old", tokens, route: plane.route(first, prefill: nil, decode: "m"), sampling: greedy, stop: stop)
            #expect(await plane.wait { ($0.outputs["old"]?.tokens.count ?? 0) > 3 })
            let second = plan(model.description, [replica("n", .mixed, [("a", 0, 3), ("b", 3, 6)])])
            try await plane.enforce(second)
            try await plane.start(
                "new", tokens, route: plane.route(second, prefill: nil, decode: "n"), sampling: greedy, stop: stop)
            #expect(await plane.wait { $0.outputs["old"]?.finish != nil && $0.outputs["new"]?.finish != nil })
            let whole = try reference(model, tokens, greedy, stop).tokens
            #expect(plane.output("old").text == whole)
            #expect(plane.output("new").text == whole)
            let peer = try #require(plane.state.withLock { $0.peers[.init(device: "a", kind: .decode)] })
            let reply = try await plane.control.request(
                Outgoing(.stageRelease, epoch: 1, body: StageRelease(replica: "m")), to: peer, timeout: .seconds(10))
            #expect(reply.type == .stageReleased)
        }
    }
}
