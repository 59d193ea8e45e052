internal import Domain

/// Chooses the replicas of one request.
///
/// The estimate of a pair is the time to the last token (backlog and prefill, exposed KV transfer, waiting for a decode
/// place, decode steps) plus what the request adds to the completion of those that decode there already. A replica
/// without room takes part with the time until it has room; where the best pair has none now, the request waits.
struct Router: Sendable {
    /// What a request needs.
    struct Need: Sendable, Hashable {
        /// Tokens to prefill.
        var promptTokens: Int
        /// Prompt and output at most.
        var totalTokens: Int
        /// Tokens that it may generate at most from here on.
        var remainingTokens: Int
        /// Tokens that it will generate, as far as one can know.
        var expectedTokens: Double
    }

    /// The outcome.
    enum Decision: Sendable, Hashable {
        /// Start on these replicas; `nil` for prefill where the decoder does it itself.
        case route(prefill: ReplicaID?, decode: ReplicaID, reserved: Int, firstToken: Double)
        /// There is no room yet.
        case wait
        /// No replica pair serves at the moment.
        case unservable
    }

    /// A pair with its estimates.
    private struct Candidate {
        /// `nil` where the decoder prefills for itself.
        var prefill: ReplicaSituation?
        var decode: ReplicaSituation
        var reserved: Int
        var fits: Bool
        var firstToken = 0.0
        var cost = 0.0

        var inhibited: Bool { decode.inhibited || prefill?.inhibited == true }
        var requests: Int { decode.requests + (prefill?.requests ?? 0) }
    }

    var policy: RoutingPolicy
    var localPrefillTokens: Int
    var overcommit: Double

    /// Decides for one request; `turn` counts routed requests, for the round-robin policy.
    func decide(_ need: Need, _ situations: [ReplicaSituation], _ times: ReplicaTimes, turn: Int) -> Decision {
        var candidates = pairs(need, situations)
        guard !candidates.isEmpty else { return .unservable }
        if candidates.contains(where: { !$0.inhibited }) { candidates.removeAll(where: \.inhibited) }
        for index in candidates.indices { estimate(&candidates[index], need, times) }
        let fitting = candidates.filter(\.fits)
        let chosen: Candidate?
        switch policy {
        case .estimatedWait:
            let best = candidates.min { $0.cost < $1.cost }
            chosen = best.map(\.fits) == true ? best : nil
        case .leastRequests:
            chosen = fitting.min { $0.requests < $1.requests }
        case .roundRobin:
            chosen = fitting.isEmpty ? nil : fitting[turn % fitting.count]
        }
        guard let chosen else { return .wait }
        return .route(
            prefill: chosen.prefill?.replica.id, decode: chosen.decode.replica.id, reserved: chosen.reserved,
            firstToken: chosen.firstToken)
    }

    /// Pairs that could ever hold the request. A pure decoder prefills for itself only short prompts, or any where no
    /// prefill replica serves.
    private func pairs(_ need: Need, _ situations: [ReplicaSituation]) -> [Candidate] {
        let routable = situations.filter(\.routable)
        // Every stage of a route reserves memory for the whole sequence.
        let prefillers = routable.filter { $0.replica.role == .prefill && $0.kvCapacity > need.promptTokens }
        var found: [Candidate] = []
        for decode in routable where decode.replica.role.phases.contains(.decode) {
            let longest = min(need.totalTokens, decode.kvCapacity)
            guard longest > need.promptTokens else { continue }
            let hasPlace = decode.sequences < decode.sequenceLimit(overcommit: overcommit)
            for prefill in prefillers {
                let reserved = min(longest, prefill.kvCapacity)
                let fits = hasPlace && decode.hasRoom(reserved) && prefill.hasRoom(reserved)
                found.append(Candidate(prefill: prefill, decode: decode, reserved: reserved, fits: fits))
            }
            let local =
                decode.replica.role == .mixed || prefillers.isEmpty || need.promptTokens <= localPrefillTokens
            if local {
                found.append(
                    Candidate(
                        prefill: nil, decode: decode, reserved: longest, fits: hasPlace && decode.hasRoom(longest)))
            }
        }
        return found
    }

    private func estimate(_ candidate: inout Candidate, _ need: Need, _ times: ReplicaTimes) {
        let decode = candidate.decode
        let prefill = candidate.prefill ?? decode
        let alone = times.prefill(prefill.replica, tokens: need.promptTokens)
        let context = need.promptTokens + Int(need.expectedTokens / 2)
        func gap(_ sequences: Int) -> Double {
            times.tokenGap(decode.replica, sequences: max(1, sequences), contextTokens: context)
                * decode.correction.decode
        }
        var prefillSeconds = prefill.prefillBacklog + alone.latency * prefill.correction.prefill
        var disturbance = 0.0
        if candidate.prefill == nil, decode.sequences > 0 {
            // Prompt chunks ride along with decode steps: each delays the other.
            prefillSeconds += gap(decode.sequences)
            disturbance += Double(decode.sequences) * alone.cycle * prefill.correction.prefill
        }
        let kv = times.kvSeconds(
            from: prefill.replica, to: decode.replica, tokens: need.promptTokens, prefillSeconds: alone.latency)
        let now = gap(decode.sequences)
        let joined = gap(decode.sequences + 1)
        var wait = 0.0
        var step = joined
        if candidate.fits {
            disturbance += max(0, joined - now) * decode.remainingTokens
        } else {
            // Sequences end evenly over twice their mean remaining work.
            wait = max(1, decode.meanRemaining) * 2 / Double(decode.sequences + 1) * now
            step = now
        }
        // Prefill that the decoder still has to do for others also stalls its steps.
        let stall = candidate.prefill == nil ? 0 : decode.prefillBacklog
        candidate.firstToken = prefillSeconds + (candidate.prefill == nil && !candidate.fits ? wait : 0)
        candidate.cost = prefillSeconds + kv + wait + stall + need.expectedTokens * step + disturbance
    }
}
