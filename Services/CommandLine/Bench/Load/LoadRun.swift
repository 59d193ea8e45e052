import Domain
import Foundation
import Synchronization

/// Sends requests at their times and collects what becomes of them.
struct LoadRun: Sendable {
    /// What became of one request.
    struct Result: Sendable, Hashable {
        /// When it was sent, seconds from the start of the run.
        var sent: Double
        /// How it ended.
        var outcome: LoadOutcome
    }

    private struct Body: Encodable {
        struct StreamOptions: Encodable {
            var includeUsage = true
            enum CodingKeys: String, CodingKey { case includeUsage = "include_usage" }
        }
        var model: String
        var prompt: [Int32]
        var maxTokens: Int
        var temperature = 0
        var ignoreEnd = true
        var stream = true
        var streamOptions = StreamOptions()

        enum CodingKeys: String, CodingKey {
            case model, prompt, temperature, stream
            case maxTokens = "max_tokens"
            case ignoreEnd = "ignore_eos"
            case streamOptions = "stream_options"
        }
    }

    /// The address of the server, without a path.
    var base: String
    /// The model's name.
    var model: String
    /// Headers of every request.
    var headers: [String: String]

    /// Sends all requests, each at its time whether or not earlier ones were answered, and waits for all answers.
    ///
    /// - Parameter progress: called with the number of requests that have ended, from any thread.
    /// - Returns: one result for each entry, in their order.
    func run(_ schedule: LoadSchedule, progress: @escaping @Sendable (Int) -> Void = { _ in }) async throws -> [Result]
    {
        // Encoded before the start: nothing but sending happens at a request's time.
        let bodies = try schedule.entries.map { entry in
            try JSONEncoder().encode(Body(model: model, prompt: entry.prompt, maxTokens: entry.outputTokens))
        }
        let ended = Ended(progress)
        let start = ContinuousClock.now
        return try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            for (index, entry) in schedule.entries.enumerated() {
                try await Task.sleep(until: start + .seconds(entry.seconds), clock: .continuous)
                group.addTask {
                    let sent = (ContinuousClock.now - start) / .seconds(1)
                    let outcome = await send(bodies[index])
                    ended.count()
                    return (index, Result(sent: sent, outcome: outcome))
                }
            }
            var results: [Int: Result] = [:]
            for try await (index, result) in group { results[index] = result }
            return results.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    private func send(_ body: Data) async -> LoadOutcome {
        var answer = LoadAnswer()
        for await event in HTTPClient.stream("POST", "\(base)/v1/completions", body: body, headers: headers) {
            answer.take(event)
        }
        return answer.outcome
    }
}

/// Counts requests that have ended, and says so in order.
private final class Ended: Sendable {
    private let total = Mutex(0)
    private let progress: @Sendable (Int) -> Void

    init(_ progress: @escaping @Sendable (Int) -> Void) { self.progress = progress }

    func count() {
        total.withLock { total in
            total += 1
            progress(total)
        }
    }
}
