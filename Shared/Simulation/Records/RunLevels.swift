public import Domain

/// How many requests were where, and how much KV cache they took up, over time: what follows from the moments of the
/// requests alone, so that it is there for every record.
public struct RunLevels: Sendable, Hashable {
    /// Where a request is.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Its prompt waits.
        case waiting = "waits for prefill"
        /// Its prompt is computed.
        case prefill = "prefill"
        /// Between its first token and its first decode step: memory, transfer, a place in the batch.
        case handover = "waits for decoding"
        /// It decodes.
        case decode = "decoding"
    }

    /// KV cache of one replica.
    public struct Replica: Sendable, Hashable {
        /// The replica.
        public var id: ReplicaID
        /// Mean tokens of each bin: a request takes room for its prompt where it is prefilled, until its KV has left, and
        /// for prompt and output where it decodes, from the start of its transfer to its end.
        public var tokens: [Double]
        /// Tokens that there is room for; `nil` where the plan does not say.
        public var capacity: Int?
    }

    /// Where the first bin begins.
    public var start: Double
    /// Width of a bin, seconds.
    public var binSeconds: Double
    /// Mean number of requests in each state, per bin.
    public var requests: [State: [Double]]
    /// Replicas, in order of their names.
    public var replicas: [Replica]

    /// Counts over a time, by default from the first arrival to the end of the run, in `bins` bins. A time without length has
    /// none.
    public init(_ run: RunRecord, from: Double? = nil, to: Double? = nil, bins: Int = 200) {
        let first = run.requests.first?.arrival ?? 0
        start = from ?? first
        let end = to ?? first + run.seconds
        let span = end - start
        guard span > 0, span.isFinite, bins > 0 else {
            (binSeconds, requests, replicas) = (0, [:], [])
            return
        }
        // A little wider, so that rounding does not put the end behind the last bin.
        let width = span / Double(bins) * (1 + 1e-9)
        var states = TimeBins(start: start, width: width, most: bins, rows: State.allCases.count)
        var tokens = TimeBins(start: start, width: width, most: bins)
        var rows: [ReplicaID: Int] = [:]
        func hold(_ replica: ReplicaID, _ count: Double, _ from: Double, _ to: Double) {
            let row = rows[replica] ?? tokens.addRow()
            rows[replica] = row
            tokens.add(count, from: from, to: min(end, to), row: row)
        }
        for request in run.requests where request.outcome != .refused {
            let last = min(end, request.end ?? end)
            let moments = [request.arrival, request.prefillStart ?? last, request.firstToken ?? last]
            let limits = moments + [request.decodeStart ?? last, last]
            for state in State.allCases.indices {
                states.add(1, from: limits[state], to: min(end, limits[state + 1]), row: state)
            }
            guard let begin = request.prefillStart, let source = request.prefillReplica else { continue }
            let prompt = Double(request.promptTokens)
            let all = prompt + Double(request.outputTokens)
            if source == request.decodeReplica {
                hold(source, all, begin, last)
            } else {
                let first = request.firstToken ?? last
                hold(source, prompt, begin, request.kvComplete ?? first)
                if let target = request.decodeReplica, request.decodeStart != nil || request.kvStart != nil {
                    hold(target, all, request.kvStart ?? first, last)
                }
            }
        }
        binSeconds = states.width
        requests = [:]
        for (row, state) in State.allCases.enumerated() { requests[state] = states.means(row, count: bins) }
        replicas = rows.keys.sorted().map { id in
            Replica(
                id: id, tokens: rows[id].map { tokens.means($0, count: bins) } ?? [],
                capacity: run.plan?.replicas.first { $0.id == id }?.kvCapacityTokens)
        }
    }
}
