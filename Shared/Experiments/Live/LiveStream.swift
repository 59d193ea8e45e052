internal import Domain
internal import Foundation
public import Scenarios

/// The requests of a live run: lengths drawn like those of the conversation part of the Azure LLM inference trace 2023, scaled to
/// a small model, Poisson arrivals. They depend on nothing but the arguments, so that all systems get the same at a rate.
public enum LiveStream {
    /// So many requests at a mean rate of 1.
    ///
    /// - Parameter longest: most tokens of prompt and output together.
    /// - Throws: `invalidSettings` where the lengths cannot be.
    public static func requests(
        _ count: Int, seed: UInt64, promptTokens: Double, outputTokens: Double, longest: Int
    ) throws(ExperimentError) -> RequestStream {
        guard longest >= 4 else { throw ExperimentError(.invalidSettings, "the model holds \(longest) tokens only") }
        let drawn = try LadderStream.conversation.requests(max(2, count), seed: seed)
        let figures = drawn.statistics
        let scales = (promptTokens / max(1, figures.prompt.mean), outputTokens / max(1, figures.output.mean))
        var random = SeededRandom(seed: seed ^ 0x6c69_7665)
        var time = 0.0
        var stream = drawn
        stream.name = "conversation, seed \(seed)"
        for index in stream.requests.indices {
            let prompt = (Double(drawn.requests[index].promptTokens) * scales.0).rounded()
            let output = (Double(drawn.requests[index].outputTokens) * scales.1).rounded()
            let most = min(max(2, Int(output)), longest / 2)
            stream.requests[index].outputTokens = most
            stream.requests[index].promptTokens = min(max(2, Int(prompt)), longest - most)
            stream.requests[index].arrival = time
            time -= log(1 - random.unit())
        }
        return stream.atUnitRate()
    }

    /// The same requests at equal intervals, for capacity searches.
    public static func evenlySpaced(_ stream: RequestStream) -> RequestStream {
        var even = stream
        for index in even.requests.indices { even.requests[index].arrival = Double(index) }
        return even
    }
}
