internal import CostModel
internal import Domain
internal import Planning
internal import Scheduling

/// A run under the reference behaviour, with which baselines are judged.
///
/// Both groups of a request are chosen when it arrives. Prompts are computed one at a time in order, whole; KV moves when
/// prefill has ended and the decoder has room for prompt and output (first come, first served), or with streaming piece by
/// piece from the start of prefill on; sequences join at the next step.
final class ReferenceRun {
    private enum Event {
        case arrival(Int)
        case boundary(Int)
        case stepDone(Int)
        case prefilled(Int)
        case piece(Int, stage: Int, share: Double, isLast: Bool)
        case arrived(Int, target: Int)
        case network(UInt64)
    }

    private struct Routed {
        var prefill: Int
        var decode: Int
        var interval = 0.0
        var latency = 0.0
        var transfer: KVTransfer?
        var isGranted = false
        var isPrefilled = false
    }

    private let cost: FleetCost
    private let settings: ReferenceSettings
    private let traffic: SimulatedTraffic
    private var calendar = EventCalendar<Event>()
    private(set) var network: TransferNetwork
    private var now = 0.0
    private(set) var groups: [ReferenceGroup] = []
    private(set) var times: [RequestTimes]
    private var routed: [Int: Routed] = [:]
    private var flowOwner: [TransferNetwork.FlowID: (request: Int, target: Int, latency: Double)] = [:]
    private var networkVersion: UInt64 = 0
    private var open: Int
    private var pools: MixedPools?
    /// Collects the timeline, where one was asked for.
    let recorder: TimelineRecorder?

    init(
        plan: PlacementPlan, cost: FleetCost, traffic: SimulatedTraffic, settings: ReferenceSettings
    ) throws(SimulationError) {
        if let problem = settings.problem { throw SimulationError(.invalidSetting, problem) }
        if let problem = PlanCheck.problem(plan, cost) { throw SimulationError(.invalidPlan, problem) }
        let cost = cost.keeping(plan.kvType)
        self.cost = cost
        self.settings = settings
        self.traffic = traffic
        network = TransferNetwork(cost.network)
        recorder = settings.timeline.map { TimelineRecorder($0, start: traffic.requests.first?.arrival ?? 0) }
        network.recorder = recorder
        times = traffic.requests.map {
            RequestTimes(id: $0.id, arrival: $0.arrival, promptTokens: $0.promptTokens, outputTokens: $0.outputTokens)
        }
        open = times.count
        let count = max(1, traffic.requests.count)
        let context = traffic.requests.reduce(0) { $0 + $1.promptTokens + $1.outputTokens / 2 } / count
        for replica in plan.replicas {
            let planned = settings.keepsConcurrency ? replica.decodeConcurrency : 0
            let largest = planned > 0 ? min(planned, settings.largestBatch) : settings.largestBatch
            guard let group = ReferenceGroup(replica, cost, largestBatch: largest, contextTokens: context) else {
                throw SimulationError(.invalidPlan, "replica \(replica.id): a device is not measured for its phase")
            }
            groups.append(group)
        }
        if settings.routing == .mixedPools {
            pools = MixedPools(
                homes: groups.map { $0.replica.role == .decode ? .token : .prompt }, queueTokens: settings.queueTokens)
        }
        for number in times.indices { calendar.add(.arrival(number), at: times[number].arrival) }
    }

    func run(progress: (Int) -> Void) {
        var reported = open
        while open > 0, let (time, event) = calendar.next() {
            now = max(now, time)
            handle(event)
            if reported - open >= 1000 {
                reported = open
                progress(times.count - open)
            }
        }
        progress(times.count - open)
    }

    private func handle(_ event: Event) {
        switch event {
        case .arrival(let number): arrive(number)
        case .boundary(let index):
            groups[index].isWatched = false
            advance(index)
        case .stepDone(let index): stepDone(index)
        case .prefilled(let number): prefilled(number)
        case .piece(let number, let stage, let share, let isLast): computed(number, stage, share, isLast)
        case .arrived(let number, let target): arrived(number, target)
        case .network(let version): if version == networkVersion { networkMoved() }
        }
    }

    // MARK: - Routing

    private func arrive(_ number: Int) {
        guard let (prefill, decode) = choose(number) else {
            times[number].outcome = .refused
            open -= 1
            return
        }
        let estimate = cost.prefillEstimate(groups[prefill].replica.stages, tokens: times[number].promptTokens)
        routed[number] = Routed(
            prefill: prefill, decode: decode, interval: estimate?.cycleSeconds ?? 0,
            latency: estimate?.latencySeconds ?? 0)
        times[number].prefillReplica = groups[prefill].replica.id
        times[number].decodeReplica = groups[decode].replica.id
        groups[prefill].prompts.append(number)
        groups[prefill].pendingTokens += times[number].promptTokens
        groups[prefill].pendingSeconds += estimate?.cycleSeconds ?? 0
        groups[decode].assigned.insert(number)
        advance(prefill)
    }

    private func choose(_ number: Int) -> (Int, Int)? {
        let (prompt, output) = (times[number].promptTokens, times[number].outputTokens)
        if var pools {
            defer { self.pools = pools }
            return pools.choose(
                prompt: prompt, output: output,
                groups.map { group in
                    MixedPools.Load(
                        tokens: group.pendingTokens + group.assigned.count, hasQueue: !group.prompts.isEmpty,
                        held: group.held, capacity: group.capacity, isIdle: group.isIdle)
                })
        }
        guard let measure = settings.routing.measure else { return nil }
        return LoadRouting(measure).choose(
            prompt: prompt, total: prompt + output, groups.indices.map { load($0, measure) }
        ) { kvSeconds($0, $1, prompt) }
    }

    private func load(_ index: Int, _ measure: LoadRouting.Measure) -> LoadRouting.Load {
        let group = groups[index]
        var load = LoadRouting.Load(role: group.replica.role, capacityTokens: group.capacity)
        switch measure {
        case .tokens:
            load.promptTokens = group.pendingTokens
            load.contextTokens = contextTokens(index)
        case .backlog:
            load.promptSeconds = prefillBacklog(index)
            load.decodeSeconds = decodeBacklog(index)
        }
        return load
    }

    private func prefillBacklog(_ index: Int) -> Double {
        max(0, groups[index].busyUntil - now) + groups[index].pendingSeconds
    }

    private func decodeBacklog(_ index: Int) -> Double {
        var tokens = 0.0
        var generated: [Int: Int] = [:]
        for sequence in groups[index].running { generated[sequence.request] = sequence.generated }
        for number in groups[index].assigned {
            let done = Double(generated[number] ?? 0)
            let mean = settings.meanOutputTokens
            switch settings.lengthKnowledge {
            case .exact: tokens += Double(times[number].outputTokens) - done
            case .mean, .limit: tokens += done < mean ? mean - done : mean
            }
        }
        return tokens * groups[index].secondsPerToken
    }

    private func contextTokens(_ index: Int) -> Int {
        var tokens = groups[index].assigned.reduce(0) { $0 + times[$1].promptTokens }
        for sequence in groups[index].running { tokens += sequence.generated }
        return tokens
    }

    private func kvSeconds(_ prefill: Int, _ decode: Int, _ tokens: Int) -> Double {
        cost.kvTransferSeconds(
            cost.kvFlows(
                from: groups[prefill].replica.stages, to: groups[decode].replica.stages, tokens: tokens))
    }

    // MARK: - Groups

    /// Starts what a group can do now: a prompt before a step.
    private func advance(_ index: Int) {
        guard now >= groups[index].busyUntil else {
            watch(index)
            return
        }
        if let number = groups[index].prompts.first, startPrompt(number, on: index) { return }
        startStep(index)
    }

    private func watch(_ index: Int) {
        guard !groups[index].isWatched else { return }
        groups[index].isWatched = true
        calendar.add(.boundary(index), at: groups[index].busyUntil)
    }

    private func startPrompt(_ number: Int, on index: Int) -> Bool {
        guard let route = routed[number] else { return false }
        let isAlone = route.prefill == route.decode
        let need = times[number].promptTokens + (isAlone ? times[number].outputTokens : 0)
        guard groups[index].held + need <= groups[index].capacity else { return false }
        groups[index].prompts.removeFirst()
        groups[index].held += need
        groups[index].pendingTokens -= times[number].promptTokens
        groups[index].pendingSeconds -= route.interval
        times[number].prefillStart = now
        groups[index].busyUntil = now + route.interval
        groups[index].promptSeconds += route.interval
        let seconds = cost.prefillEstimate(groups[index].replica.stages, tokens: times[number].promptTokens)
        for (stage, busy) in (seconds?.stageSeconds ?? []).enumerated() { groups[index].busy[stage] += busy }
        if let seconds { recorder?.computed(groups[index].replica, seconds, times[number], at: now) }
        calendar.add(.prefilled(number), at: now + route.latency)
        watch(index)
        if settings.streams, !isAlone, times[number].outputTokens > 1 { ask(number) }
        return true
    }

    private func startStep(_ index: Int) {
        while let number = groups[index].joining.first, groups[index].running.count < groups[index].places {
            groups[index].joining.removeFirst()
            times[number].decodeStart = now
            groups[index].running.append(
                ReferenceGroup.Sequence(
                    request: number, generated: 1, delayedBefore: groups[index].promptSeconds))
        }
        let running = groups[index].running
        guard !running.isEmpty else { return }
        let contexts = running.reduce(0) { $0 + times[$1.request].promptTokens + $1.generated }
        guard
            let estimate = cost.decodeEstimate(
                groups[index].replica.stages, concurrency: running.count, contextTokens: contexts / running.count)
        else { return }
        for (stage, busy) in estimate.stageSeconds.enumerated() {
            groups[index].busy[stage] += busy * Double(estimate.microBatches)
        }
        recorder?.computed(groups[index].replica, estimate, at: now)
        groups[index].busyUntil = now + estimate.tokenGapSeconds
        calendar.add(.stepDone(index), at: groups[index].busyUntil)
    }

    private func stepDone(_ index: Int) {
        var left: [ReferenceGroup.Sequence] = []
        for var sequence in groups[index].running {
            sequence.generated += 1
            if sequence.generated < times[sequence.request].outputTokens {
                left.append(sequence)
                continue
            }
            let number = sequence.request
            let span = now - (times[number].decodeStart ?? now)
            times[number].stall = min(span, groups[index].promptSeconds - sequence.delayedBefore)
            end(number)
        }
        groups[index].running = left
        grant(index)
        advance(index)
    }

    private func end(_ number: Int) {
        guard let route = routed.removeValue(forKey: number) else { return }
        times[number].end = now
        times[number].outcome = .finished
        groups[route.decode].assigned.remove(number)
        groups[route.decode].held -= times[number].promptTokens + times[number].outputTokens
        open -= 1
    }

    // MARK: - From prefill to decoding

    private func prefilled(_ number: Int) {
        guard let route = routed[number] else { return }
        routed[number]?.isPrefilled = true
        times[number].firstToken = now
        let isAlone = route.prefill == route.decode
        if times[number].outputTokens == 1 {
            // Nothing is left to decode, so nothing is sent.
            if isAlone {
                end(number)
            } else {
                groups[route.decode].held += times[number].promptTokens + times[number].outputTokens
                end(number)
                groups[route.prefill].held -= times[number].promptTokens
            }
            advance(route.prefill)
        } else if isAlone {
            join(number, route.decode)
        } else if !settings.streams {
            ask(number)
        }
    }

    private func join(_ number: Int, _ index: Int) {
        groups[index].joining.append(number)
        if groups[index].running.isEmpty { advance(index) }
    }

    /// Waits for room on the decoder.
    private func ask(_ number: Int) {
        guard let route = routed[number] else { return }
        groups[route.decode].transfers.append(number)
        grant(route.decode)
    }

    private func grant(_ index: Int) {
        while let number = groups[index].transfers.first {
            let need = times[number].promptTokens + times[number].outputTokens
            guard groups[index].held + need <= groups[index].capacity else { return }
            groups[index].transfers.removeFirst()
            groups[index].held += need
            send(number)
        }
    }

    private func send(_ number: Int) {
        guard var route = routed[number] else { return }
        route.isGranted = true
        let (from, to) = (groups[route.prefill].replica.stages, groups[route.decode].replica.stages)
        let transfer = KVTransfer(
            from: from, to: to, tokens: times[number].promptTokens, cost: cost, &network)
        for part in transfer.parts {
            guard let flow = part.flow else { continue }
            flowOwner[flow] = (number, part.target, part.latency)
            recorder?.owns(flow, times[number].id)
        }
        if transfer.travels { times[number].kvStart = now }
        route.transfer = transfer
        routed[number] = route
        let start = times[number].prefillStart ?? now
        let estimate = cost.prefillEstimate(from, tokens: times[number].promptTokens)
        var before = 0.0
        for stage in from.indices {
            let seconds = estimate?.stageSeconds[stage] ?? 0
            let pieces = settings.streams ? settings.pieces : 1
            for piece in 1...pieces {
                let ready = route.isPrefilled ? now : start + before + seconds * Double(piece) / Double(pieces)
                calendar.add(
                    .piece(number, stage: stage, share: 1 / Double(pieces), isLast: piece == pieces),
                    at: max(now, ready))
            }
            before += seconds + (stage < (estimate?.hopSeconds.count ?? 0) ? estimate?.hopSeconds[stage] ?? 0 : 0)
        }
    }

    private func computed(_ number: Int, _ stage: Int, _ share: Double, _ isLast: Bool) {
        guard let transfer = routed[number]?.transfer else { return }
        let tokens = Double(times[number].promptTokens)
        for part in transfer.parts where part.source == stage {
            if let flow = part.flow {
                network.add(part.bytesPerToken * tokens * share, isLast: isLast, to: flow, at: now)
                if network.endIfEmpty(flow) { flowEnded(flow) }
            } else if isLast {
                arrived(number, part.target)
            }
        }
        watchNetwork()
    }

    private func networkMoved() {
        for flow in network.ended(at: now) { flowEnded(flow) }
        watchNetwork()
    }

    private func flowEnded(_ flow: TransferNetwork.FlowID) {
        guard let (number, target, latency) = flowOwner.removeValue(forKey: flow) else { return }
        calendar.add(.arrived(number, target: target), at: now + latency)
    }

    private func watchNetwork() {
        networkVersion += 1
        if let end = network.nextEnd() { calendar.add(.network(networkVersion), at: max(now, end)) }
    }

    private func arrived(_ number: Int, _ target: Int) {
        guard routed[number]?.transfer?.arrived(target) == true, let route = routed[number],
            route.transfer?.missing.allSatisfy({ $0 == 0 }) == true
        else { return }
        if times[number].kvStart != nil { times[number].kvComplete = now }
        groups[route.prefill].held -= times[number].promptTokens
        join(number, route.decode)
        advance(route.prefill)
    }
}
