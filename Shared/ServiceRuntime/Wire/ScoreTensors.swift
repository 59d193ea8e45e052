public import Domain
public import Messaging
public import Protocol

/// Scores of tokens as tensors: `logprobs` f32 [n], `top_tokens` i32 [n, k] and `top_logprobs` f32 [n, k]. Places without a token
/// have -1.
public struct ScoreTensors: Sendable {
    /// What the body lists.
    public let descriptors: [TensorDescriptor]
    /// The frames, in the same order.
    public let frames: [Frame]

    /// Writes scores down.
    public init(_ scores: [TokenLikelihood]) {
        let width = scores.map(\.top.count).max() ?? 0
        var tokens: [Int32] = []
        var values: [Float] = []
        for score in scores {
            for place in 0..<width {
                tokens.append(place < score.top.count ? score.top[place].token : -1)
                values.append(place < score.top.count ? score.top[place].logProbability : -.infinity)
            }
        }
        var descriptors = [TensorDescriptor(name: "logprobs", dtype: .f32, shape: [scores.count])]
        var frames = [Frame(elements: scores.map(\.logProbability))]
        if width > 0 {
            descriptors.append(TensorDescriptor(name: "top_tokens", dtype: .i32, shape: [scores.count, width]))
            descriptors.append(TensorDescriptor(name: "top_logprobs", dtype: .f32, shape: [scores.count, width]))
            frames += [Frame(elements: tokens), Frame(elements: values)]
        }
        self.descriptors = descriptors
        self.frames = frames
    }

    /// Reads the scores of a message.
    ///
    /// - Parameter count: how many there must be; `nil`: as many as there are, up to `TokenLikelihood.mostPositions`.
    /// - Throws: `ProtocolError` where tensors are missing, disagree or are larger than anybody may ask for.
    public static func read(_ message: WireMessage, count: Int? = nil) throws(ProtocolError) -> [TokenLikelihood] {
        let (shape, frame) = try message.tensor("logprobs", .f32, dimensions: 1)
        guard shape[0] == count ?? shape[0], count != nil || shape[0] <= TokenLikelihood.mostPositions,
            let values = frame.elements(as: Float.self), values.count == shape[0]
        else { throw ProtocolError(.badTensor, "\(message.type): \(shape[0]) scores are not as many as there may be") }
        var scores = values.map { TokenLikelihood(logProbability: $0) }
        guard message.header.tensors.contains(where: { $0.name == "top_tokens" }) else { return scores }
        let (wide, tokenFrame) = try message.tensor("top_tokens", .i32, dimensions: 2)
        let (same, valueFrame) = try message.tensor("top_logprobs", .f32, dimensions: 2)
        guard wide == same, wide[0] == shape[0], wide[1] <= TokenLikelihood.mostTop,
            let tokens = tokenFrame.elements(as: Int32.self), let tops = valueFrame.elements(as: Float.self),
            tokens.count == wide[0] * wide[1], tops.count == tokens.count
        else { throw ProtocolError(.badTensor, "\(message.type): most likely tokens of another shape") }
        for index in scores.indices {
            for place in index * wide[1]..<(index + 1) * wide[1] where tokens[place] >= 0 {
                scores[index].top.append(RankedToken(token: tokens[place], logProbability: tops[place]))
            }
        }
        return scores
    }
}
