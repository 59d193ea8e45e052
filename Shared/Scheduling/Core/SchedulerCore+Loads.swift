internal import Domain

/// Routing by loads alone: a request is bound to its replicas when it arrives, and starts there in the order of arrival as
/// soon as they have memory for it.
extension SchedulerCore {
    /// Later requests that may go before one: none where requests are bound on arrival.
    var mostOvertakers: Int { configuration.policy.measure == nil ? configuration.mostOvertakers : 0 }

    /// Binds the requests that have just come, and starts those that have memory now.
    mutating func dispatch(by routing: LoadRouting, inForce: PlanInForce, times: ReplicaTimes, at now: Double) {
        /// Replicas at which an earlier request waits.
        var taken: Set<ReplicaID> = []
        var situations = situations(at: now)
        for waiting in requests.waiting {
            let request = waiting.request
            let need = need(of: request)
            notePrefix(of: request, in: &situations)
            guard let able = able(situations, for: request) else {
                if requests.dequeue(request.id) != nil { refuse(request, .constraintsNotSupported, at: now) }
                continue
            }
            guard let bound = bound(waiting, need, able, routing, inForce, times) else { continue }
            requests.bind(request.id, bound)
            guard taken.isDisjoint(with: bound.all),
                let first = situations.first(where: { $0.replica.id == bound.first }),
                let target = situations.first(where: { $0.replica.id == bound.decode })
            else {
                taken.formUnion(bound.all)
                continue
            }
            let reserved = target.grows ? need.likelyTokens : need.totalTokens
            guard target.hasRoom(reserved), bound.prefill == nil || first.hasRoom(need.promptTokens) else {
                taken.formUnion(bound.all)
                continue
            }
            let alone = times.prefill(first.replica, tokens: need.promptTokens).latency * first.correction.prefill
            start(
                waiting, prefill: bound.prefill, decode: bound.decode, reserved: reserved, total: need.totalTokens,
                firstToken: first.prefillBacklog + alone, inForce: inForce, times: times, at: now)
            situations = self.situations(at: now)
        }
    }

    /// The replicas that a request is bound to; chosen anew where one of them takes no requests any more. `nil` while there
    /// are none.
    private func bound(
        _ waiting: WaitingRequest, _ need: Router.Need, _ situations: [ReplicaSituation], _ routing: LoadRouting,
        _ inForce: PlanInForce, _ times: ReplicaTimes
    ) -> BoundReplicas? {
        let routable = situations.filter(\.routable)
        if let bound = waiting.bound, bound.all.isSubset(of: routable.map(\.replica.id)) { return bound }
        // Replicas of another KV type, which there may be while a plan changes, can hand nothing over to these.
        let current = routable.filter { $0.kvType == inForce.plan.kvType }
        let usable = current.contains { $0.replica.role.phases.contains(.decode) } ? current : routable
        for candidates in [usable.filter { !$0.inhibited }, usable] {
            var loads = loads(candidates, waiting.request.id, inForce, times)
            if !candidates.contains(where: { $0.replica.role == .prefill }) {
                // Decoders prefill for themselves while nobody else does.
                for index in loads.indices { loads[index].role = .mixed }
            }
            let chosen = routing.choose(prompt: need.promptTokens, total: need.totalTokens, loads) { from, to in
                times.moveSeconds(
                    from: candidates[from].replica, to: candidates[to].replica, tokens: need.promptTokens) ?? 0
            }
            guard let (prefill, decode) = chosen else { continue }
            let target = candidates[decode].replica.id
            return BoundReplicas(prefill: prefill == decode ? nil : candidates[prefill].replica.id, decode: target)
        }
        return nil
    }

    /// The loads of replicas, requests that wait for them included; but for the request that is to be bound.
    private func loads(
        _ situations: [ReplicaSituation], _ request: RequestID, _ inForce: PlanInForce, _ times: ReplicaTimes
    ) -> [LoadRouting.Load] {
        let traffic = inForce.plan.workload
        let context = max(1, Int(traffic.meanPromptTokens + traffic.meanOutputTokens / 2))
        let mean = assumedOutputTokens
        return situations.map { situation in
            let replica = situation.replica
            var load = LoadRouting.Load(role: replica.role, capacityTokens: situation.kvCapacity)
            load.promptTokens = situation.promptTokens
            load.promptSeconds = situation.prefillBacklog
            load.contextTokens = situation.contextTokens
            var remaining = situation.remainingTokens
            for other in requests.waiting where other.request.id != request {
                guard let bound = other.bound else { continue }
                let tokens = other.request.promptTokens
                if bound.first == replica.id {
                    load.promptTokens += tokens
                    load.promptSeconds +=
                        times.prefill(replica, tokens: tokens).cycle * situation.correction.prefill
                }
                guard bound.decode == replica.id else { continue }
                load.contextTokens += tokens
                let left = Double(other.request.maxTokens - other.request.generatedTokens)
                remaining += configuration.lengthKnowledge.expected(limit: left, mean: mean)
            }
            guard replica.role != .prefill else { return load }
            // A full replica gives a token of a sequence that often.
            let full = max(1, min(times.mostSequences(replica), situation.kvCapacity / context))
            let gap = times.tokenGap(replica, sequences: full, contextTokens: context)
            load.decodeSeconds = remaining * gap / Double(full) * situation.correction.decode
            return load
        }
    }
}
