import Domain
import Synchronization

/// The client's side of the sequences of one HTTP request: their outputs in the order in which they came. When nobody
/// holds it any more, what still runs is cancelled.
final class RequestGroup: Sendable {
    /// What one sequence gave, or the passing of a keep-alive interval.
    enum Item: Sendable, Hashable {
        case output(index: Int, RequestOutput)
        case silence
    }

    /// The sequences, in the order of the demands.
    let ids: [RequestID]
    private let stream: AsyncStream<Item>
    private let continuation: AsyncStream<Item>.Continuation
    private let running: Mutex<Set<RequestID>>
    private let abandon: @Sendable (RequestID) -> Void

    /// Makes the group; `abandon` is called once for every sequence that is given up.
    init(ids: [RequestID], abandon: @escaping @Sendable (RequestID) -> Void) {
        self.ids = ids
        self.abandon = abandon
        running = Mutex(Set(ids))
        (stream, continuation) = AsyncStream.makeStream(of: Item.self)
    }

    deinit { cancel() }

    /// The outputs; one reader, and it may stop and go on. Ends when all sequences have ended or are given up.
    var items: AsyncStream<Item>.Iterator { stream.makeAsyncIterator() }

    /// Hands an output over.
    func deliver(_ output: RequestOutput, from id: RequestID) {
        guard let index = ids.firstIndex(of: id) else { return }
        continuation.yield(.output(index: index, output))
        switch output {
        case .ended, .failed:
            let done = running.withLock { running in
                running.remove(id)
                return running.isEmpty
            }
            if done { continuation.finish() }
        case .accepted, .text, .prompt: break
        }
    }

    /// Lets the reader look up.
    func nudge() { continuation.yield(.silence) }

    /// Gives up every sequence that still runs and ends the items.
    func cancel() {
        let ids = running.withLock { running in
            defer { running = [] }
            return running.sorted()
        }
        for id in ids { abandon(id) }
        continuation.finish()
    }
}
