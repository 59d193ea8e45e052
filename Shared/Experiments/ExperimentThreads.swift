internal import Dispatch
internal import Synchronization

/// How far an experiment is.
public struct ExperimentProgress: Sendable, Hashable {
    /// Scenarios that are done.
    public var done: Int
    /// Scenarios of the whole run.
    public var total: Int
    /// The scenario that was done last, for people.
    public var last: String
}

/// Independent scenarios on several threads; results are in the order of the scenarios, whatever thread had them.
enum ExperimentThreads {
    private struct State<Result: Sendable>: Sendable {
        var next = 0
        var results: [Int: Result] = [:]
        var failure: (index: Int, error: ExperimentError)?
    }

    static func map<Item: Sendable, Result: Sendable>(
        _ items: [Item], threads: Int, progress: @escaping @Sendable (ExperimentProgress) -> Void,
        _ work: @Sendable (Item) throws(ExperimentError) -> (Result, String)
    ) throws(ExperimentError) -> [Result] {
        let state = Mutex(State<Result>())
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, items.count))) { _ in
            while true {
                let index: Int? = state.withLock { state in
                    guard state.next < items.count, state.failure == nil else { return nil }
                    state.next += 1
                    return state.next - 1
                }
                guard let index else { return }
                do throws(ExperimentError) {
                    let (result, label) = try work(items[index])
                    let done = state.withLock { state in
                        state.results[index] = result
                        return state.results.count
                    }
                    progress(ExperimentProgress(done: done, total: items.count, last: label))
                } catch {
                    state.withLock { state in
                        if (state.failure?.index ?? .max) > index { state.failure = (index, error) }
                    }
                }
            }
        }
        return try state.withLock { state throws(ExperimentError) in
            if let failure = state.failure { throw failure.error }
            return items.indices.compactMap { state.results[$0] }
        }
    }
}
