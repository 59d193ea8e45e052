import Domain
import Scenarios

/// When which requests are sent: fixed before the first one, so that slow answers do not slow the arrivals.
struct LoadSchedule: Sendable, Hashable {
    /// One request.
    struct Entry: Sendable, Hashable {
        /// Its name in the stream.
        var id: RequestID
        /// Seconds from the start.
        var seconds: Double
        /// Token ids of its prompt.
        var prompt: [Int32]
        /// Tokens to generate.
        var outputTokens: Int
    }

    /// The requests in order of their times.
    var entries: [Entry]

    /// Takes a stream at a rate; prompts are random tokens that depend on the seed and on nothing else.
    ///
    /// - Parameters:
    ///   - stream: requests in order of arrival.
    ///   - rate: requests per second; the stream's times are divided by it.
    ///   - model: the model that is to serve them.
    ///   - seed: decides the tokens.
    /// - Throws: `Failure` for a stream without requests, for a request that the model cannot hold.
    init(_ stream: RequestStream, rate: Double, model: ServedFleet.Model, seed: UInt64) throws {
        guard let first = stream.requests.first else {
            throw Failure(.usage, "the stream \(stream.name) has no requests")
        }
        guard model.vocabulary > 0 else { throw Failure(.failed, "\(model.name): the server says no n_vocab") }
        var random = SeededRandom(seed: seed)
        entries = try stream.requests.map { request in
            let output = max(1, request.outputTokens)
            guard request.promptTokens + output <= model.context else {
                throw Failure(
                    .usage,
                    "request \(request.id) has \(request.promptTokens) + \(output) tokens, \(model.name) holds "
                        + "\(model.context): use --scale-lengths")
            }
            return Entry(
                id: request.id, seconds: (request.arrival - first.arrival) / rate,
                // The remainder favours small ids by less than one in 2^40; prompts of recorded runs were drawn like this.
                prompt: (0..<request.promptTokens).map { _ in
                    Int32(random.next() % UInt64(model.vocabulary))
                },
                outputTokens: output)
        }
    }
}
