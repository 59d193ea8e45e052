import Foundation

/// Sends requests and notes when answers come.
struct ServeRun: Sendable {
    /// All outcomes of a run.
    struct Result: Sendable, Hashable {
        /// Seconds from the start to the last answer.
        var duration: Double
        /// One for each request, in their order.
        var outcomes: [ServeOutcome]
    }

    /// Who is asked.
    var target: ServeTarget
    /// Most requests under way at a time.
    var maxConcurrency: Int?

    /// Sends one request until it is answered.
    ///
    /// - Parameter patience: seconds in which failures are tried again.
    /// - Throws: `Failure` with the server's reason.
    func check(_ request: ServeRequest, patience: Int) async throws {
        let start = ContinuousClock.now
        while true {
            let outcome = await send(request, start: start)
            guard let problem = outcome.problem else { return }
            guard ContinuousClock.now - start < .seconds(patience) else {
                throw Failure(.failed, "\(target.url) does not serve a first request: \(problem)")
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Sends all requests, none before its time, and waits for all answers.
    ///
    /// - Parameters:
    ///   - moments: seconds from the start at which each is due; without them all are due at once.
    ///   - progress: called with the number of requests that have ended.
    func run(
        _ requests: [ServeRequest], at moments: [Double] = [], progress: (Int) -> Void = { _ in }
    ) async throws -> Result {
        let start = ContinuousClock.now
        var outcomes: [Int: ServeOutcome] = [:]
        try await withThrowingTaskGroup(of: (Int, ServeOutcome).self) { group in
            var running = 0
            for (index, request) in requests.enumerated() {
                if index < moments.count, moments[index] > 0 {
                    try await Task.sleep(until: start + .seconds(moments[index]), clock: .continuous)
                }
                while running >= maxConcurrency ?? .max, let (ended, outcome) = try await group.next() {
                    outcomes[ended] = outcome
                    progress(outcomes.count)
                    running -= 1
                }
                group.addTask { (index, await send(request, start: start)) }
                running += 1
            }
            for try await (ended, outcome) in group {
                outcomes[ended] = outcome
                progress(outcomes.count)
            }
        }
        return Result(
            duration: (ContinuousClock.now - start) / .seconds(1),
            outcomes: outcomes.sorted { $0.key < $1.key }.map(\.value))
    }

    private func send(_ request: ServeRequest, start: ContinuousClock.Instant) async -> ServeOutcome {
        var answer = ServeAnswer(request)
        let sent = ContinuousClock.now
        for await event in HTTPClient.stream("POST", target.url, body: request.body, headers: target.headers) {
            answer.take(event, at: (ContinuousClock.now - sent) / .seconds(1))
        }
        return answer.outcome(sent: (sent - start) / .seconds(1))
    }
}

/// What the reader of the figures should know besides them.
enum ServeNotes {
    /// Notes in sentences.
    static func of(_ run: ServeRun.Result, ignoresEnd: Bool) -> [String] {
        var notes: [String] = []
        let problems = Dictionary(grouping: run.outcomes.compactMap(\.problem)) { $0 }
        for (problem, cases) in problems.sorted(by: { $0.key < $1.key }) {
            notes.append("\(cases.count) of \(run.outcomes.count) requests failed: \(problem)")
        }
        let finished = run.outcomes.filter { $0.problem == nil }
        if finished.contains(where: { !$0.isCounted }) {
            notes.append("the server does not count tokens (usage): every event of a stream counts as one")
        }
        let short = finished.count { $0.outputTokens != $0.wantedTokens }
        if ignoresEnd, short > 0 {
            notes.append("\(short) requests got another number of tokens than they asked for")
        }
        return notes
    }
}
