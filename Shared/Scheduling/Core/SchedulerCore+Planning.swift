internal import Domain

/// The fleet, and when another plan is wanted.
extension SchedulerCore {
    mutating func fleetChanged(_ fleet: Fleet, at now: Double) {
        guard fleet != self.fleet else { return }
        let before = Set(self.fleet.usableDevices.map(\.id))
        self.fleet = fleet
        let ready = Set(fleet.usableDevices.map(\.id))
        if firstReadyAt == nil, !ready.isEmpty { firstReadyAt = now }
        if !ready.isSubset(of: before) { replan.hurry(at: now) }
        refreshTimes()
    }

    mutating func refreshTimes() {
        guard var plan = inForce?.plan else {
            times = nil
            return
        }
        // Replicas that come and go are routed to as well.
        plan.replicas = replicas.ordered.map(\.replica)
        times = ReplicaTimes(plan: plan, fleet: fleet, described: describedCost, configuration: configuration)
    }

    mutating func planFailed(_ fault: Fault, at now: Double) {
        guard replan.isAsking else { return }
        replan.fail(fault.message, at: now)
        // Better a device that failed than no plan at all.
        if !serves() { exclusions.forgiveAll() }
        note("no plan: \(fault.message)")
        emit(.publishState)
    }

    mutating func askForPlanIfNeeded(at now: Double) {
        guard adoption == nil, transition == nil else { return }
        guard let reason = replan.ask(reasonForPlan(at: now), usable: usableDevices(at: now), at: now) else { return }
        let excluded = exclusions.active(at: now).union(deadDevices(at: now)).sorted()
        let question = PlanRequest(
            reason: reason, workload: window.statistics(assumed: assumedWorkload, at: now), excludedDevices: excluded,
            fleetVersion: fleet.version, planInForce: inForce?.plan,
            contextTokens: promisedContext ?? configuration.contextTokens,
            slowdowns: slowDevices.factors.isEmpty
                ? nil
                : slowDevices.factors.sorted { $0.key < $1.key }.map {
                    DeviceSlowdown(device: $0.key, factor: $0.value)
                })
        askedSlow = slowDevices.factors
        askedLinks = fleet.links
        note("asking for a plan: \(reason)")
        emit(.requestPlan(question))
    }

    /// Devices that a plan made now could use.
    func usableDevices(at now: Double) -> Set<DeviceID> {
        Set(fleet.usableDevices.map(\.id)).subtracting(exclusions.active(at: now)).subtracting(deadDevices(at: now))
    }

    private func reasonForPlan(at now: Double) -> String? {
        let usable = usableDevices(at: now)
        guard !usable.isEmpty else { return nil }
        guard let inForce else { return isSettled(at: now) ? "no plan is in force" : nil }
        let unusable = deadDevices(at: now).union(exclusions.active(at: now))
        let missing = inForce.plan.replicas.flatMap(\.stages).map(\.device).filter { unusable.contains($0) }.sorted()
        if let device = missing.first { return "device \(device) cannot serve its stage" }
        let joined = usable.subtracting(replan.considered).sorted()
        if let device = joined.first, isSettled(at: now) { return "device \(device) can be used" }
        return slowReason ?? linkReason(inForce) ?? driftReason(inForce, at: now)
    }

    /// A device that has become slow loses requests by routing at once; the next plan gives it less to do.
    private var slowReason: String? {
        let now = slowDevices.factors
        for (device, factor) in now.sorted(by: { $0.key < $1.key })
        where (plannedSlow[device] ?? 1) < factor / 3 || plannedSlow[device] == nil {
            return "device \(device) takes \(Int(factor)) times as long as usual"
        }
        for (device, factor) in plannedSlow.sorted(by: { $0.key < $1.key }) where (now[device] ?? 1) < factor / 1.5 {
            return "device \(device) may be as fast as usual again"
        }
        return nil
    }

    /// A link between devices of the plan that carries much less, or much more, than when the plan was made.
    private func linkReason(_ inForce: PlanInForce) -> String? {
        let used = Set(inForce.plan.replicas.flatMap { $0.stages.map(\.device) })
        for before in plannedLinks where used.contains(before.from) && used.contains(before.to) {
            guard let now = fleet.link(from: before.from, to: before.to) else { continue }
            let factor = now.bytesPerSecond / before.bytesPerSecond
            guard factor > Self.linkFactor || factor < 1 / Self.linkFactor else { continue }
            return "the link from \(now.from) to \(now.to) carries \(Int(now.bytesPerSecond / 1000)) kB/s, "
                + "\(Int(before.bytesPerSecond / 1000)) when it was planned"
        }
        return nil
    }

    private static let linkFactor = 2.5

    private func driftReason(_ inForce: PlanInForce, at now: Double) -> String? {
        if let last = lastDriftPlan, now - last < configuration.driftPauseSeconds { return nil }
        guard let seen = seenWorkload else { return nil }
        return driftDetector.drift(planned: inForce.workload, seen: seen, steadiness: window.steadiness)
    }

    private var driftDetector: DriftDetector {
        DriftDetector(factor: configuration.driftFactor, samples: configuration.driftSamples)
    }

    /// Whether the profiler is done with the devices that it knows, or has taken long enough.
    func isSettled(at now: Double) -> Bool {
        guard let firstReadyAt else { return false }
        let isBusy = fleet.devices.contains { $0.state == .registered || $0.state == .measuring }
        let isComplete = !isBusy && fleet.usableDevices.count >= configuration.minimumDevices
        return isComplete || now - firstReadyAt >= configuration.settleSeconds
    }

    /// Weighs the newest proposal once nothing else is under way.
    mutating func weighHeldProposal(at now: Double) {
        guard transition == nil, adoption == nil, let (plan, reason, move) = heldProposal else { return }
        heldProposal = nil
        // A plan that comes by itself while devices are still being measured would be replaced at once.
        if inForce == nil, !isSettled(at: now), !replan.isAsking { return }
        let wasAsking = replan.isAsking
        guard replan.weigh(plan, usable: usableDevices(at: now)) else { return }
        if wasAsking {
            plannedSlow = askedSlow
            plannedLinks = askedLinks
        }
        if let problem = problem(with: plan, at: now) {
            note("plan \(plan.id) is refused: \(problem)")
            if wasAsking || inForce == nil { replan.fail(problem, at: now) }
            return
        }
        if let inForce, isHealthy(at: now) {
            let hasDrifted = driftReason(inForce, at: now) != nil
            if hasDrifted { lastDriftPlan = now }
            if case .keep(let why) = verdict(plan, move, against: inForce, hasDrifted: hasDrifted, at: now) {
                note("plan \(plan.id) does not replace the one in force: \(why)")
                replan.settle()
                if hasDrifted { self.inForce?.workload = plan.workload }
                return
            }
        }
        let judgement = move.map { move in
            let (gain, cost) = (Int(move.gainRequestSeconds.rounded()), Int(move.costRequestSeconds.rounded()))
            return "gain \(gain) request seconds, cost \(cost), over \(Int(move.horizonSeconds)) s"
        }
        begin(plan, reason: reason, judgement: judgement, at: now)
    }

    /// Whether a plan is to replace a healthy one.
    private func verdict(
        _ plan: PlacementPlan, _ move: PlanMove?, against inForce: PlanInForce, hasDrifted: Bool, at now: Double
    ) -> PlanComparison.Verdict {
        if let problem = broken(promiseOf: plan) { return .keep(problem) }
        if let seconds = history.sinceLeft(plan, devices: usableDevices(at: now), at: now) {
            return .keep("it was left \(Int(seconds)) s ago, and the devices are the same")
        }
        return stated(move, about: plan, against: inForce) ?? weighed(plan, against: inForce, hasDrifted: hasDrifted)
    }

    /// What the clusterer found, if it weighed the plan that is in force now.
    private func stated(
        _ move: PlanMove?, about plan: PlacementPlan, against inForce: PlanInForce
    ) -> PlanComparison.Verdict? {
        guard let move, move.planInForce == inForce.plan.id, !PlanMatching.isSame(inForce.plan, plan) else {
            return nil
        }
        return move.replaces ? .replace : .keep(move.reason)
    }

    private func weighed(
        _ plan: PlacementPlan, against inForce: PlanInForce, hasDrifted: Bool
    ) -> PlanComparison.Verdict {
        let comparison = PlanComparison(minimumGain: configuration.minimumGain)
        guard hasDrifted, let times else {
            return comparison.verdict(
                current: inForce.plan, currentRate: inForce.plan.predictedRequestsPerSecond, proposal: plan,
                proposalRate: plan.predictedRequestsPerSecond, comparableObjectives: true)
        }
        // The rate of the plan in force was predicted for other traffic, so both are estimated for the new one.
        return comparison.verdict(
            current: inForce.plan, currentRate: times.capacity(inForce.plan, workload: plan.workload), proposal: plan,
            proposalRate: times.capacity(plan, workload: plan.workload), comparableObjectives: false)
    }

    /// Why a proposal cannot be put in force at all.
    private func problem(with plan: PlacementPlan, at now: Double) -> String? {
        if let model = fleet.model, plan.model != model.digest {
            return "it places model \(plan.model), the fleet serves \(model.digest)"
        }
        let layers = fleet.model?.layers ?? plan.replicas.first?.stages.last?.layers.end ?? 0
        if let problem = plan.problem(layers: layers) { return problem }
        if let model = fleet.model, !model.allows(plan.kvType) {
            return "it keeps KV as \(plan.kvType.rawValue), which heads of \(model.headDim) components do not fit"
        }
        let unusable = exclusions.active(at: now).union(deadDevices(at: now))
        let used = plan.replicas.flatMap(\.stages).map(\.device).filter { unusable.contains($0) }.sorted()
        return used.first.map { "it uses device \($0), which cannot serve at the moment" }
    }

    /// What was promised must hold under every plan that replaces a healthy one; where devices are lost, less is better than
    /// nothing.
    private func broken(promiseOf plan: PlacementPlan) -> String? {
        guard let promised = promisedContext else { return nil }
        let largest = plan.replicas(for: .decode).map(\.kvCapacityTokens).max() ?? 0
        guard largest < promised else { return nil }
        return "it holds sequences of \(largest) tokens, \(promised) were promised"
    }

    /// Whether every replica of the plan in force serves, or will after a repair.
    private func isHealthy(at now: Double) -> Bool {
        guard let inForce else { return false }
        let unusable = deadDevices(at: now).union(exclusions.active(at: now))
        return !inForce.plan.replicas.flatMap(\.stages).contains { unusable.contains($0.device) }
    }
}
