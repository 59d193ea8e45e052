internal import Domain

/// Choosing a place for requests that wait.
extension SchedulerCore {
    /// Replicas of the plan in force with their loads. Reservations are sums over the requests, so none can leak.
    func situations(at now: Double) -> [ReplicaSituation] {
        var situations = replicas.ordered.map { record in
            let replica = record.replica
            return ReplicaSituation(
                replica: replica, kvType: record.kvType, routable: isUp(record),
                inhibited: (inhibited[replica.id] ?? now) > now,
                kvCapacity: kvCapacity(of: record), blockTokens: blockTokens(of: replica),
                kvReserved: grownTokens(of: replica, kvCapacity(of: record), at: now),
                grows: grows(replica), correction: correction(of: replica),
                handsOverPrefixes: configuration.reusesPrefixes && handsOverPrefixes(replica),
                usage: usage[replica.id] ?? ReplicaUsage())
        }
        var index: [ReplicaID: Int] = [:]
        for (position, situation) in situations.enumerated() { index[situation.replica.id] = position }
        let mean = assumedOutputTokens
        for record in requests.inOrder {
            if let position = index[record.placement.decode] {
                situations[position].reserve(record.placement.reserved)
                situations[position].sequences += 1
                situations[position].requests += 1
                situations[position].contextTokens += record.heldTokens
                situations[position].remainingTokens += record.expectedTokens(
                    mean: mean, configuration.lengthKnowledge)
            }
            if record.usesPrefill, let prefill = record.placement.prefill, let position = index[prefill] {
                situations[position].reserve(record.placement.prefillReserved)
                situations[position].requests += 1
            }
            if !record.prefillDone, let position = index[record.placement.prefill ?? record.placement.decode] {
                let elapsed = record.prefillBegan.map { now - $0 } ?? 0
                let work = record.placement.prefillWork * situations[position].correction.prefill
                situations[position].prefillBacklog += max(0, work - elapsed)
                situations[position].prompts += 1
                situations[position].promptTokens += record.promptTokens
            }
        }
        for closing in requests.closing.values {
            if let position = index[closing.replica] { situations[position].reserve(closing.reserved) }
        }
        return situations
    }

    /// Whether sequences may grow on a replica.
    func grows(_ replica: PlanReplica) -> Bool { replica.workers.allSatisfy { workers[$0]?.growsSequences == true } }

    /// Whether all stages of a replica can compute guessed tokens.
    private func guessesTokens(_ replica: PlanReplica) -> Bool {
        replica.workers.allSatisfy { workers[$0]?.guessesTokens == true }
    }

    /// Whether all stages of a replica know of constraints: they pass them on, and the last one samples by them.
    func constrainsSampling(_ replica: PlanReplica) -> Bool {
        replica.workers.allSatisfy { workers[$0]?.constrainsSampling == true }
    }

    /// Whether all stages of a replica know of biases and log probabilities.
    func readsLogits(_ replica: PlanReplica) -> Bool {
        replica.workers.allSatisfy { workers[$0]?.readsLogits == true }
    }

    /// The replicas that can serve a request; `nil` where none of the plan ever can.
    func able(_ situations: [ReplicaSituation], for request: SubmittedRequest) -> [ReplicaSituation]? {
        guard request.isConstrained || request.readsLogits else { return situations }
        let able = situations.filter {
            (!request.isConstrained || constrainsSampling($0.replica))
                && (!request.readsLogits || readsLogits($0.replica))
        }
        // What a worker can do is not known until it has said hello.
        let isKnown = situations.allSatisfy { $0.replica.workers.allSatisfy { workers[$0] != nil } }
        if isKnown, !able.contains(where: { $0.replica.role.phases.contains(.decode) }) { return nil }
        return able
    }

    /// Tokens that sequences have taken beyond what was reserved for them; all that there are right after one had to yield,
    /// until heartbeats tell how it is.
    private func grownTokens(of replica: PlanReplica, _ capacity: Int, at now: Double) -> Int {
        if let last = preemptedAt[replica.id], now - last < configuration.preemptionSeconds { return capacity }
        return replica.workers.first.flatMap { workers[$0]?.load?.kvGrownTokens } ?? 0
    }

    /// Tokens that requests have reserved on a replica.
    func reservedTokens(on id: ReplicaID) -> Int {
        var tokens = 0
        for record in requests.inOrder {
            if record.placement.decode == id { tokens += record.placement.reserved }
            if record.usesPrefill, record.placement.prefill == id { tokens += record.placement.prefillReserved }
        }
        return tokens
    }

    /// The longest sequence that any replica of the plan could hold when all is well; more than that is cut, where devices
    /// were lost that held more.
    private var largestCapacity: Int {
        replicas.ordered.lazy.filter { $0.replica.role != .prefill }
            .map { $0.kvCapacity ?? $0.replica.kvCapacityTokens }.max() ?? .max
    }

    /// The longest sequence that a request may ask for: what was promised, whatever the plan; before the first plan what the
    /// model can do.
    var longestSequence: Int? { promisedContext ?? fleet.model?.maxContext }

    /// Mean output length, for requests whose end nobody knows.
    var assumedOutputTokens: Double { max(1, window.meanOutputTokens ?? assumedWorkload.meanOutputTokens) }

    private var router: Router {
        Router(
            policy: configuration.policy, localPrefillTokens: configuration.localPrefillTokens,
            overcommit: configuration.overcommit)
    }

    /// Requests without room that others are tried for.
    private static let mostBlocked = 8

    /// Routes requests in order of their arrival; where there is no room for one, some later ones are tried.
    mutating func dispatch(at now: Double) {
        guard adoption == nil, let inForce, let times else {
            noteServing(false, at: now)
            return
        }
        let serving = serves()
        noteServing(serving, at: now)
        guard serving, !requests.waiting.isEmpty else { return }
        if let measure = configuration.policy.measure {
            return dispatch(by: LoadRouting(measure), inForce: inForce, times: times, at: now)
        }
        var situations = situations(at: now)
        var blocked = 0
        for waiting in requests.waiting {
            let request = waiting.request
            var need = need(of: request)
            need.behind = requests.waiting.count - 1 - blocked
            notePrefix(of: request, in: &situations)
            guard let able = able(situations, for: request) else {
                let fault = request.isConstrained ? Fault.constraintsNotSupported : .samplingNotSupported
                if requests.dequeue(request.id) != nil { refuse(request, fault, at: now) }
                continue
            }
            switch router.decide(need, able, times, turn: requests.turn) {
            case .unservable: continue
            case .wait:
                blocked += 1
                if blocked > Self.mostBlocked || waiting.overtaken >= configuration.mostOvertakers { return }
            case .route(let prefill, let decode, let reserved, let firstToken):
                for situation in situations {
                    usage[situation.replica.id, default: ReplicaUsage()].note(
                        prefillBacklog: situation.prefillBacklog, sequences: situation.sequences,
                        places: times.mostSequences(situation.replica),
                        kvShare: Double(situation.kvReserved + reserved) / Double(max(1, situation.kvCapacity)))
                }
                start(
                    waiting, prefill: prefill, decode: decode, reserved: reserved, total: need.totalTokens,
                    firstToken: firstToken,
                    inForce: inForce, times: times, at: now)
                requests.noteOvertaken(first: blocked)
                situations = self.situations(at: now)
            }
        }
    }

    /// What a request that waits needs.
    func need(of request: SubmittedRequest) -> Router.Need {
        let maxContext = min(longestSequence ?? .max, largestCapacity)
        let total = max(request.promptTokens + 1, Admission.totalTokens(request, maxContext: maxContext))
        let remaining = total - request.promptTokens
        let expected = configuration.lengthKnowledge.expected(limit: Double(remaining), mean: assumedOutputTokens)
        return Router.Need(
            promptTokens: request.promptTokens, totalTokens: total,
            likelyTokens: min(total, request.promptTokens + max(1, Int(expected.rounded(.up)))),
            remainingTokens: remaining, expectedTokens: expected)
    }

    mutating func start(
        _ waiting: WaitingRequest, prefill: ReplicaID?, decode: ReplicaID, reserved: Int, total: Int,
        firstToken: Double,
        inForce: PlanInForce, times: ReplicaTimes, at now: Double
    ) {
        let request = waiting.request
        guard let decoder = replicas[decode]?.replica,
            let prefiller = prefill.map({ replicas[$0]?.replica }) ?? decoder,
            let first = prefiller.workers.first.flatMap({ workers.liveAddress($0) }),
            requests.dequeue(request.id) != nil
        else { return }
        let routed = RoutedRequest(
            request: request.id, plan: inForce.plan.id, epoch: highestEpoch,
            route: Route(
                prefillReplica: prefill, prefill: prefill == nil ? [] : route(prefiller), decodeReplica: decode,
                decode: route(decoder), gateway: request.gateway),
            first: first, reservedTokens: reserved,
            capacityTokens: grows(decoder) ? replicas[decode].map(kvCapacity(of:)) : nil,
            prefillCapacityTokens: request.scoresPrompt
                ? nil : prefillCapacity(prefiller, handingOverTo: decoder),
            reusesPrefixes: keepsPrefixes(decoder) && !request.scoresPrompt,
            speculates: configuration.speculates && guessesTokens(decoder),
            maxTokens: request.generatedTokens + total - request.promptTokens,
            queuedSeconds: now - waiting.since, estimatedFirstTokenSeconds: firstToken)
        let isCached = routed.reusesPrefixes && prefill == nil || routed.prefillCapacityTokens != nil
        let cached = isCached ? cachedTokens(of: request, on: prefiller) : 0
        if prefill != nil, routed.prefillCapacityTokens != nil { notePrefix(of: request, on: prefiller) }
        if !request.scoresPrompt, prefill == nil || keepsWhatIsHandedOver { notePrefix(of: request, on: decoder) }
        let placement = Placement(
            prefill: prefill, decode: decode, reserved: reserved, prefillReserved: request.promptTokens,
            prefillWork: times.prefill(prefiller, tokens: request.promptTokens - cached).cycle,
            epoch: highestEpoch)
        requests.start(
            RequestRecord(
                id: request.id, gateway: request.gateway, promptTokens: request.promptTokens,
                continuedTokens: request.generatedTokens, maxTokens: routed.maxTokens,
                isConstrained: request.isConstrained, readsLogits: request.readsLogits, placement: placement,
                routed: routed, generated: request.generatedTokens, lastEvent: now))
        emit(.start(routed))
    }

    func route(_ replica: PlanReplica) -> [RouteStage] {
        zip(replica.workers, replica.stages).map { key, stage in
            RouteStage(device: stage.device, endpoint: workers[key]?.endpoint ?? "", layers: stage.layers)
        }
    }

    /// Measured over estimated speed of a replica, where all of its stages have been measured at work.
    private func correction(of replica: PlanReplica) -> SpeedCorrection {
        // Workers that have a part in another replica, too, say nothing about this one.
        guard let times, let inForce, replicas.unsettled == 0 else { return SpeedCorrection() }
        let paces = replica.workers.compactMap { workers[$0]?.pace }
        var correction = SpeedCorrection()
        let perToken = paces.compactMap(\.secondsPerPrefillToken)
        if perToken.count == replica.stages.count, let slowest = perToken.max() {
            let tokens = max(1, Int(inForce.workload.meanPromptTokens))
            let estimated = times.prefill(replica, tokens: tokens).cycle / Double(tokens)
            correction.prefill = SpeedCorrection.bounded(slowest / estimated)
        }
        let steps = paces.compactMap(\.secondsPerStep)
        if steps.count == replica.stages.count, let slowest = steps.max(), let pace = paces.first,
            let rows = pace.sequencesPerStep
        {
            // Guesses make a step longer, and those that are right give more than one token of a sequence.
            let tokens = max(1, (pace.tokensPerRow ?? 1) * (pace.rowsPerStep ?? rows) / rows)
            let running = max(1, workers[replica.workers[0]]?.load?.running ?? 1)
            let microBatches = min(Double(replica.stages.count), max(1, Double(running) / max(1, rows)))
            let gap = max(steps.reduce(0, +), microBatches * slowest)
            let sequences = max(1, Int((rows * microBatches).rounded()))
            let context = Int(inForce.workload.meanPromptTokens + inForce.workload.meanOutputTokens / 2)
            correction.decode = SpeedCorrection.bounded(
                gap / tokens / times.tokenGap(replica, sequences: sequences, contextTokens: context))
        }
        return correction
    }

    private mutating func noteServing(_ serving: Bool, at now: Double) {
        if serving {
            hasServed = true
            unservableSince = nil
        } else if unservableSince == nil {
            unservableSince = now
        }
    }
}

extension SpeedCorrection {
    /// Estimates may be wrong, but not by more than this; beyond it the measurement is.
    static func bounded(_ ratio: Double) -> Double { ratio.isFinite && ratio > 0 ? min(8, max(0.25, ratio)) : 1 }
}
