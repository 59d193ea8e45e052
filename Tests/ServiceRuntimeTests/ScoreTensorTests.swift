import Domain
import Messaging
import Protocol
import Testing

@testable import ServiceRuntime

@Suite struct ScoreTensorTests {
    private let scores = [
        TokenLikelihood(
            logProbability: -0.5,
            top: [RankedToken(token: 3, logProbability: -0.25), RankedToken(token: 0, logProbability: -0.5)]),
        TokenLikelihood(logProbability: -.infinity, top: [RankedToken(token: 7, logProbability: 0)]),
        TokenLikelihood(logProbability: -2),
    ]

    /// A message as it arrives.
    private func message(_ tensors: [(TensorDescriptor, Frame)]) throws -> WireMessage {
        let body = PromptScored(start: 1, tensors: tensors.map(\.0))
        let outgoing = Outgoing(.promptScored, request: "r", body: body, tensors: tensors.map(\.1))
        return try WireMessage.decode(Message(frames: outgoing.frames(id: "1", session: "s")))
    }

    @Test func scoresTravel() throws {
        for count in 0...3 {
            let sent = Array(scores.prefix(count))
            let tensors = ScoreTensors(sent)
            let message = try message(Array(zip(tensors.descriptors, tensors.frames)))
            #expect(try ScoreTensors.read(message) == sent)
            #expect(try ScoreTensors.read(message, count: count) == sent)
            #expect(throws: ProtocolError.self) { try ScoreTensors.read(message, count: count + 1) }
        }
    }

    @Test func whatNobodyAskedForIsRefused() throws {
        func values(_ name: String, _ shape: [Int]) -> (TensorDescriptor, Frame) {
            (
                TensorDescriptor(name: name, dtype: .f32, shape: shape),
                Frame(elements: [Float](repeating: -1, count: shape.reduce(1, *)))
            )
        }
        func tokens(_ shape: [Int]) -> (TensorDescriptor, Frame) {
            (
                TensorDescriptor(name: "top_tokens", dtype: .i32, shape: shape),
                Frame(elements: [Int32](repeating: 1, count: shape.reduce(1, *)))
            )
        }
        for tensors in [
            [], [values("logprobs", [513])], [values("logprobs", [2, 1])], [tokens([1])],
            [values("logprobs", [2]), tokens([2, 2])],
            [values("logprobs", [2]), tokens([2, 2]), values("top_logprobs", [2, 3])],
            [values("logprobs", [2]), tokens([3, 2]), values("top_logprobs", [3, 2])],
            [values("logprobs", [2]), tokens([2, 21]), values("top_logprobs", [2, 21])],
        ] {
            let message = try message(tensors)
            #expect(throws: ProtocolError.self) { try ScoreTensors.read(message) }
        }
    }
}
