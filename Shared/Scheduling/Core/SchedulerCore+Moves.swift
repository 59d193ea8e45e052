internal import Domain

/// Sequences that decode go on in another replica with their KV cache, where that is quicker than computing it again.
extension SchedulerCore {
    /// How many times as long as estimated a transfer may take, and how long at least.
    private static let patience = 4.0
    private static let leastPatience = 5.0

    /// Hands a sequence over to the best replica that has room; `false` where it has to be computed again.
    mutating func move(_ request: RequestRecord, from home: ReplicaRecord, at now: Double) -> Bool {
        guard request.placement.decode == home.id, request.decodes, request.moveBy == nil,
            home.replica.workers.allSatisfy({ workers.isLive($0) && workers[$0]?.movesSequences == true }),
            let first = home.replica.workers.first.flatMap({ workers.liveAddress($0) }), let inForce,
            let (target, seconds) = destination(of: request, from: home, at: now)
        else { return false }
        let reserved = reservation(of: request, on: target)
        let routed = RoutedRequest(
            request: request.id, plan: inForce.plan.id, epoch: highestEpoch,
            route: Route(
                prefillReplica: home.id, prefill: route(home.replica), decodeReplica: target.id, decode: route(target),
                gateway: request.gateway),
            first: first, reservedTokens: reserved,
            capacityTokens: grows(target) ? replicas[target.id].map(kvCapacity(of:)) : nil,
            reusesPrefixes: keepsPrefixes(target), maxTokens: request.maxTokens, queuedSeconds: 0,
            estimatedFirstTokenSeconds: seconds)
        var record = request
        record.move(routed, by: now + max(Self.leastPatience, Self.patience * seconds), at: now)
        requests.update(record)
        note(
            "request \(request.id) goes on in \(target.id) with its KV cache, which travels for about \(Int(seconds * 1000)) ms"
        )
        emit(.move(routed))
        return true
    }

    /// Tokens that a sequence is given where it goes on: what it holds and what is likely to follow, or all that it may become.
    private func reservation(of request: RequestRecord, on target: PlanReplica) -> Int {
        let longest = max(request.placement.reserved, request.longestTokens)
        guard grows(target) else { return longest }
        let rest = request.expectedTokens(mean: assumedOutputTokens, configuration.lengthKnowledge)
        return min(longest, max(request.placement.reserved, request.heldTokens + max(1, Int(rest.rounded(.up)))))
    }

    /// Where a sequence goes on soonest, and how long its KV cache travels; `nil` where there is no room, or the way is not
    /// known, or its prompt and output are computed again sooner.
    private func destination(
        of request: RequestRecord, from record: ReplicaRecord, at now: Double
    ) -> (replica: PlanReplica, seconds: Double)? {
        guard let times else { return nil }
        let home = record.replica
        let situations = situations(at: now).filter { $0.routable && !$0.inhibited && $0.replica.id != home.id }
        let tokens = request.heldTokens
        var best: (replica: PlanReplica, seconds: Double, cost: Double)?
        var soonestAgain = Double.infinity
        for situation in situations where situation.replica.role.phases.contains(.decode) {
            let reserved = reservation(of: request, on: situation.replica)
            // What is kept in another type would not give the same tokens.
            guard situation.kvType == record.kvType, !request.isConstrained || constrainsSampling(situation.replica),
                !request.readsLogits || readsLogits(situation.replica),
                situation.kvCapacity >= reserved, situation.hasRoom(reserved),
                situation.sequences < situation.sequenceLimit(overcommit: configuration.overcommit),
                let seconds = times.moveSeconds(from: home, to: situation.replica, tokens: tokens)
            else { continue }
            soonestAgain = min(soonestAgain, recomputed(tokens, for: situation, among: situations, times))
            let gap = times.tokenGap(situation.replica, sequences: situation.sequences + 1, contextTokens: tokens)
            let rest = request.expectedTokens(mean: assumedOutputTokens, configuration.lengthKnowledge)
            let cost = seconds + gap * rest * situation.correction.decode
            if best.map({ cost < $0.cost }) ?? true { best = (situation.replica, seconds, cost) }
        }
        guard let best, best.seconds <= soonestAgain else { return nil }
        return (best.replica, best.seconds)
    }

    /// Seconds until a replica has KV cache for so many tokens when they are computed again, there or where it is soonest.
    private func recomputed(
        _ tokens: Int, for target: ReplicaSituation, among situations: [ReplicaSituation], _ times: ReplicaTimes
    ) -> Double {
        situations.lazy.filter {
            ($0.replica.role == .prefill && $0.kvType == target.kvType) || $0.replica.id == target.replica.id
        }.map { source in
            let seconds = times.prefill(source.replica, tokens: tokens).latency
            return source.prefillBacklog + seconds * source.correction.prefill
                + times.kvSeconds(from: source.replica, to: target.replica, tokens: tokens, prefillSeconds: seconds)
        }.min() ?? .infinity
    }
}
