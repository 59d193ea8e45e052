internal import Domain

/// All requests: those that wait in order, those that run, and those that are closing.
struct RequestTable: Sendable {
    struct ClosingKey: Hashable, Sendable {
        var request: RequestID
        var worker: WorkerAddress
    }

    private(set) var waiting: [WaitingRequest] = []
    private(set) var running: [RequestID: RequestRecord] = [:]
    /// The running ones in order of their start: sums over them must not depend on hashing.
    private var started: [RequestID] = []
    private(set) var closing: [ClosingKey: ClosingRequest] = [:]
    /// When requests ended, for a while.
    private var ended: [RequestID: Double] = [:]
    /// Requests routed so far.
    private(set) var turn = 0

    /// How long ended requests are remembered.
    private static let memorySeconds = 30.0
    /// How long a worker may take to free a cancelled request before it is no longer counted.
    private static let closingSeconds = 5.0

    /// Whether none waits, runs or is closing.
    var isEmpty: Bool { waiting.isEmpty && running.isEmpty && closing.isEmpty }

    subscript(id: RequestID) -> RequestRecord? { running[id] }

    /// Replaces the record of a request that runs.
    mutating func update(_ record: RequestRecord) {
        if running[record.id] != nil { running[record.id] = record }
    }

    /// Running requests in order of their start.
    var inOrder: some Sequence<RequestRecord> { started.lazy.compactMap { running[$0] } }

    /// Running requests in order of their ids.
    var ordered: [RequestRecord] { running.values.sorted { $0.id < $1.id } }

    func isWaiting(_ id: RequestID) -> Bool { waiting.contains { $0.request.id == id } }
    func knows(_ id: RequestID) -> Bool { running[id] != nil || isWaiting(id) }
    func hasEnded(_ id: RequestID) -> Bool { ended[id] != nil }

    /// Puts a request into the queue, before longer prompts that fewer than `mostOvertakers` have passed (the mean wait is
    /// least where short work goes first); one that waits already keeps its place.
    mutating func enqueue(_ request: SubmittedRequest, at now: Double, mostOvertakers: Int) {
        ended[request.id] = nil
        if let index = waiting.firstIndex(where: { $0.request.id == request.id }) {
            waiting[index].request = request
        } else {
            var place = waiting.endIndex
            // What has begun to be answered goes before what has not.
            if request.generatedTokens > 0 {
                place = waiting.firstIndex { $0.request.generatedTokens == 0 } ?? place
            } else {
                while place > waiting.startIndex, waiting[place - 1].overtaken < mostOvertakers,
                    waiting[place - 1].request.promptTokens > request.promptTokens
                {
                    place -= 1
                    waiting[place].overtaken += 1
                }
            }
            waiting.insert(WaitingRequest(request: request, since: now), at: place)
        }
    }

    /// Takes a request out of the queue.
    mutating func dequeue(_ id: RequestID) -> WaitingRequest? {
        guard let index = waiting.firstIndex(where: { $0.request.id == id }) else { return nil }
        return waiting.remove(at: index)
    }

    /// A request waits for these replicas from now on.
    mutating func bind(_ id: RequestID, _ replicas: BoundReplicas) {
        guard let index = waiting.firstIndex(where: { $0.request.id == id }) else { return }
        waiting[index].bound = replicas
    }

    /// A later request was routed before the first `count`.
    mutating func noteOvertaken(first count: Int) {
        for index in waiting.indices.prefix(count) { waiting[index].overtaken += 1 }
    }

    /// A request was routed.
    mutating func start(_ record: RequestRecord) {
        if running.updateValue(record, forKey: record.id) == nil { started.append(record.id) }
        ended[record.id] = nil
        turn += 1
    }

    /// A request has ended.
    mutating func end(_ id: RequestID, at now: Double) {
        if running.removeValue(forKey: id) != nil { started.removeAll { $0 == id } }
        ended[id] = now
    }

    /// A request was ended without its gateway's wish: it is unknown from now on.
    mutating func forget(_ id: RequestID) { ended[id] = nil }

    /// A request was refused or told lost without having run here.
    mutating func remember(_ id: RequestID, at now: Double) { ended[id] = now }

    /// A worker was told to stop a request.
    mutating func close(_ id: RequestID, on worker: WorkerAddress, replica: ReplicaID, reserved: Int, at now: Double) {
        closing[ClosingKey(request: id, worker: worker)] = ClosingRequest(
            replica: replica, reserved: reserved, until: now + Self.closingSeconds)
    }

    /// A worker says that a request ended; returns whether that answers an earlier order to stop it.
    mutating func closed(_ id: RequestID, by worker: WorkerAddress) -> Bool {
        closing.removeValue(forKey: ClosingKey(request: id, worker: worker)) != nil
    }

    /// A process is gone, and with it what it was to close.
    mutating func forgetClosing(of worker: WorkerKey) {
        closing = closing.filter { $0.key.worker.key != worker }
    }

    /// A gateway listed the requests that it waits for; returns those that it has not listed twice in a row.
    mutating func listed(_ ids: Set<RequestID>, by gateway: String) -> [RequestID] {
        var gone: [RequestID] = []
        for index in waiting.indices where waiting[index].request.gateway == gateway {
            let isListed = ids.contains(waiting[index].request.id)
            waiting[index].missedBeats = isListed ? 0 : waiting[index].missedBeats + 1
            if waiting[index].missedBeats >= 2 { gone.append(waiting[index].request.id) }
        }
        for (id, record) in running where record.gateway == gateway {
            let missed = ids.contains(id) ? 0 : record.missedBeats + 1
            running[id]?.missedBeats = missed
            if missed >= 2 { gone.append(id) }
        }
        return gone.sorted()
    }

    /// Requests of a gateway, waiting or running.
    func requests(of gateway: String) -> [RequestID] {
        (waiting.filter { $0.request.gateway == gateway }.map(\.request.id)
            + running.values.filter { $0.gateway == gateway }.map(\.id)).sorted()
    }

    /// Forgets what is old.
    mutating func sweep(at now: Double) {
        closing = closing.filter { $0.value.until > now }
        ended = ended.filter { now - $0.value < Self.memorySeconds }
    }
}
