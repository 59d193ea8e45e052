internal import Domain

/// Chooses the replicas of one request.
///
/// The estimate of a pair is the time to the last token (backlog and prefill, exposed KV transfer, waiting for a decode
/// place, decode steps) plus what the request adds to the completion of those that decode there already. A replica
/// without room takes part with the time until it has room; where the best pair has none now, or has more prompts than it
/// can use, the request waits and is decided on later, with what is known then.
struct Router: Sendable {
    /// What a request needs.
    struct Need: Sendable, Hashable {
        /// Tokens to prefill.
        var promptTokens: Int
        /// Prompt and output at most.
        var totalTokens: Int
        /// Prompt and output, as far as one can know.
        var likelyTokens: Int
        /// Tokens that it may generate at most from here on.
        var remainingTokens: Int
        /// Tokens that it will generate, as far as one can know.
        var expectedTokens: Double
        /// Requests that wait for a route behind it.
        var behind = 0

        /// What is left to compute where KV cache of so many tokens is there; at least the last token.
        func without(_ cachedTokens: Int) -> Need {
            var rest = self
            rest.promptTokens = max(1, promptTokens - cachedTokens)
            return rest
        }
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

    /// A replica that can prefill the request, with what does not depend on the decoder.
    private struct Source {
        var situation: ReplicaSituation
        /// The prompt alone, corrected by measured speed.
        var latency: Double
        var cycle: Double
        /// The prompt alone, as estimated.
        var estimated: Double
    }

    /// A replica that can decode the request, with what does not depend on where it is prefilled.
    private struct Target {
        var situation: ReplicaSituation
        /// Tokens that are reserved: what is likely where sequences may grow, otherwise prompt and output at most.
        var reserved: Int
        /// Sequences that it decodes together.
        var places: Int
        var hasPlace: Bool
        /// Time between two tokens now, and with one more sequence.
        var gap: Double
        var joinedGap: Double
    }

    /// A pair with its estimates; `source` is `nil` where the decoder prefills for itself.
    private struct Candidate {
        var source: Int?
        var target: Int
        var reserved: Int
        /// Whether the decoder has a place and memory for it.
        var hasRoom: Bool
        /// Whether it can start there now.
        var fits: Bool
        var inhibited: Bool
        var requests: Int
        var firstToken: Double
        var cost: Double
    }

    /// What a second until the first token counts for besides its part in the completion time.
    private static let earlyWeight = 0.05

    /// What a second of waiting counts for besides its part in the completion time. Waiting for a fast replica while a slow
    /// one idles may suit a request, but the queue grows for all.
    private static let waitWeight = 1.0

    var policy: RoutingPolicy
    var localPrefillTokens: Int
    var overcommit: Double

    /// Decides for one request; `turn` counts routed requests, for the round-robin policy.
    func decide(_ need: Need, _ situations: [ReplicaSituation], _ times: ReplicaTimes, turn: Int) -> Decision {
        let sources = sources(need, situations, times)
        let targets = targets(need, situations, times)
        var candidates = candidates(need, sources, targets, times)
        guard !candidates.isEmpty else { return .unservable }
        if candidates.contains(where: { !$0.inhibited }) { candidates.removeAll(where: \.inhibited) }
        let fitting = candidates.filter(\.fits)
        let chosen: Candidate?
        switch policy {
        // Requests that are bound by loads never come here.
        case .estimatedWait, .leastTokens, .leastBacklog:
            let best = candidates.min { $0.cost < $1.cost }
            chosen = best.map(\.fits) == true ? best : nil
        case .leastRequests:
            chosen = fitting.min { $0.requests < $1.requests }
        case .roundRobin:
            chosen = fitting.isEmpty ? nil : fitting[turn % fitting.count]
        }
        guard let chosen else { return .wait }
        return .route(
            prefill: chosen.source.map { sources[$0].situation.replica.id },
            decode: targets[chosen.target].situation.replica.id, reserved: chosen.reserved,
            firstToken: chosen.firstToken)
    }

    /// Replicas that can prefill the request; they hold its prompt only.
    private func sources(_ need: Need, _ situations: [ReplicaSituation], _ times: ReplicaTimes) -> [Source] {
        situations.filter { $0.routable && $0.replica.role == .prefill && $0.kvCapacity >= need.promptTokens }
            .map { source(need.without($0.handsOverPrefixes ? $0.cachedTokens : 0), $0, times) }
    }

    private func source(_ need: Need, _ situation: ReplicaSituation, _ times: ReplicaTimes) -> Source {
        let alone = times.prefill(situation.replica, tokens: need.promptTokens)
        return Source(
            situation: situation, latency: alone.latency * situation.correction.prefill,
            cycle: alone.cycle * situation.correction.prefill, estimated: alone.latency)
    }

    private func targets(_ need: Need, _ situations: [ReplicaSituation], _ times: ReplicaTimes) -> [Target] {
        let context = need.promptTokens + Int(need.expectedTokens / 2)
        return situations.compactMap { situation in
            guard situation.routable, situation.replica.role.phases.contains(.decode) else { return nil }
            // What was promised is not cut: the request waits for a replica that can hold all of it.
            guard situation.kvCapacity >= need.totalTokens else { return nil }
            func gap(_ sequences: Int) -> Double {
                times.tokenGap(situation.replica, sequences: max(1, sequences), contextTokens: context)
                    * situation.correction.decode
            }
            return Target(
                situation: situation, reserved: situation.grows ? need.likelyTokens : need.totalTokens,
                places: times.mostSequences(situation.replica),
                hasPlace: situation.sequences < situation.sequenceLimit(overcommit: overcommit),
                gap: gap(situation.sequences), joinedGap: gap(situation.sequences + 1))
        }
    }

    /// Pairs that could ever hold the request. A pure decoder prefills for itself only short prompts, those of which it
    /// has the larger part in its KV cache, or any where no prefill replica serves.
    private func candidates(
        _ need: Need, _ sources: [Source], _ targets: [Target], _ times: ReplicaTimes
    ) -> [Candidate] {
        var found: [Candidate] = []
        for (index, target) in targets.enumerated() {
            // While a plan changes there may be replicas of another KV type, which can hand nothing over.
            let sources = sources.enumerated().filter { $0.element.situation.kvType == target.situation.kvType }
            for (other, sharing) in sources {
                // What a prefill replica has it uses where the decoder knows how to be handed only what it lacks itself.
                let isShared = sharing.situation.handsOverPrefixes && target.situation.handsOverPrefixes
                let isWhole = isShared || !sharing.situation.handsOverPrefixes || sharing.situation.cachedTokens == 0
                let source = isWhole ? sharing : self.source(need, sharing.situation, times)
                let hasRoom = target.hasPlace && target.situation.hasRoom(target.reserved)
                let isWanted = source.situation.wantsPrompts && source.situation.hasRoom(need.promptTokens)
                var candidate = Candidate(
                    source: other, target: index, reserved: target.reserved, hasRoom: hasRoom,
                    fits: hasRoom && isWanted,
                    inhibited: target.situation.inhibited || source.situation.inhibited,
                    requests: target.situation.requests + source.situation.requests, firstToken: 0, cost: 0)
                let handed = need.without(isShared ? target.situation.heldTokens : 0).promptTokens
                let kv = times.kvSeconds(
                    from: source.situation.replica, to: target.situation.replica, tokens: handed,
                    prefillSeconds: source.estimated)
                estimate(&candidate, need, source, target, kv: kv)
                found.append(candidate)
            }
            let rest = need.without(target.situation.cachedTokens)
            let isLocal =
                target.situation.replica.role == .mixed || sources.isEmpty || rest.promptTokens <= localPrefillTokens
                || rest.promptTokens < target.situation.cachedTokens
            guard isLocal else { continue }
            let hasRoom = target.hasPlace && target.situation.hasRoom(target.reserved)
            var candidate = Candidate(
                source: nil, target: index, reserved: target.reserved, hasRoom: hasRoom,
                fits: hasRoom && target.situation.wantsPrompts,
                inhibited: target.situation.inhibited, requests: target.situation.requests, firstToken: 0, cost: 0)
            estimate(&candidate, need, source(rest, target.situation, times), target, kv: 0)
            found.append(candidate)
        }
        return found
    }

    private func estimate(
        _ candidate: inout Candidate, _ need: Need, _ source: Source, _ target: Target, kv: Double
    ) {
        let decode = target.situation
        let isLocal = candidate.source == nil
        let backlog = source.situation.prefillBacklog
        var prefillSeconds = backlog + source.latency
        var disturbance = 0.0
        if isLocal, decode.sequences > 0 {
            // Prompt chunks ride along with decode steps: each delays the other.
            prefillSeconds += target.gap
            disturbance += Double(decode.sequences) * source.cycle
        }
        // Until there is room for it, or a place on the decoder; what of it the request itself notices.
        var full = 0.0
        var wait = 0.0
        var step = target.joinedGap
        // Sequences end evenly over twice their mean remaining work.
        let departure = max(1, decode.meanRemaining) * 2 * target.gap
        if !candidate.hasRoom {
            full = decode.departures(for: candidate.reserved) * departure / Double(decode.sequences + 1)
            wait = full
            step = target.gap
        } else if decode.sequences < target.places {
            disturbance += max(0, target.joinedGap - target.gap) * decode.remainingTokens
        } else {
            // It waits on the decoder for a place.
            let before = Double(decode.sequences - target.places + 1)
            full = before * departure / Double(target.places + 1)
            wait = max(0, full - prefillSeconds - kv)
            step = target.gap
        }
        // Prefill that the decoder still has to do for others also stalls its steps.
        let stall = isLocal ? 0 : decode.prefillBacklog
        candidate.firstToken = prefillSeconds + (isLocal && !candidate.hasRoom ? wait : 0)
        // Where the decoder is what a request waits for, an early first token costs nothing and is better than a late one.
        let early = Self.earlyWeight * prefillSeconds
        // What this request makes later ones wait; those that are known, and those to be expected. A replica that is full
        // takes one at every departure.
        let isFull = !candidate.hasRoom || decode.sequences >= target.places
        let turn = isFull ? departure / Double(decode.sequences + 1) : 0
        let later =
            Double(need.behind) * turn + backlog * (source.situation.usage.prefillWeight - 1)
            + full * (decode.usage.decodeWeight - 1)
        candidate.cost =
            Self.waitWeight * (wait + backlog) + prefillSeconds + kv + wait + stall + need.expectedTokens * step
            + disturbance + early + later
    }
}
