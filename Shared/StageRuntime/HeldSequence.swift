import Domain
import Protocol
import Scheduling

/// What a worker knows about a sequence that has memory on its stage.
struct HeldSequence {
    /// The route and the limits; absent while only KV chunks have come.
    var open: SequenceOpen?
    /// Prompt and continued output, on the first stage only.
    var tokens: [Int32] = []
    /// Tokens of KV cache that are reserved here.
    var reservedTokens: Int
    /// When the sequence was last heard of; stages that do not drive it free it after a while.
    var heard = ContinuousClock.now
    /// The transfer under way, on decoder stages.
    var arrival: KVArrival?
}

/// Requests that ended here lately, so that their late messages do not open them again.
struct RecentlyClosed {
    private static let bound = 4096
    private var members: Set<RequestID> = []
    private var order: [RequestID] = []
    private var head = 0

    func contains(_ request: RequestID) -> Bool { members.contains(request) }

    mutating func insert(_ request: RequestID) {
        guard members.insert(request).inserted else { return }
        order.append(request)
        if order.count - head > Self.bound {
            members.remove(order[head])
            head += 1
        }
        if head > Self.bound {
            order.removeFirst(head)
            head = 0
        }
    }
}
