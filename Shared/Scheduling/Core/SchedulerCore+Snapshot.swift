public import Domain

/// The state as others see it.
extension SchedulerCore {
    /// The state at `now`.
    public func snapshot(at now: Double) -> SchedulerState {
        let situations = situations(at: now)
        var window = window
        // A moment without a replica is not worth turning requests away: they wait for it.
        let isAway = unservableSince.map { now - $0 >= configuration.awaySeconds } ?? false
        let ready = adoption == nil && inForce != nil && !isAway && hasServed
        return SchedulerState(
            ready: ready, reason: statusText(at: now), plan: inForce?.plan,
            replicas: situations.map { replica($0) }, waiting: requests.waiting.count,
            running: requests.running.count,
            workload: window.statistics(assumed: assumedWorkload, at: now) ?? assumedWorkload,
            contextTokens: promisedContext)
    }

    private func replica(_ situation: ReplicaSituation) -> ReplicaLoad {
        var backlog = situation.prefillBacklog
        let places = situation.sequenceLimit(overcommit: 1)
        if situation.replica.role != .prefill, situation.sequences >= places, let times {
            let context = Int(assumedWorkload.meanPromptTokens)
            let gap = times.tokenGap(situation.replica, sequences: situation.sequences, contextTokens: context)
            backlog += situation.meanRemaining * gap * Double(situation.sequences - places + 1) / Double(places)
        }
        return ReplicaLoad(
            replica: situation.replica.id, requests: situation.requests,
            kvReservedTokens: situation.kvReserved, kvCapacityTokens: situation.kvCapacity, backlogSeconds: backlog,
            state: stateText(situation.replica.id),
            stages: situation.replica.workers.map { key in
                StageLoad(
                    device: key.device, alive: workers.isLive(key),
                    status: workers[key]?.load.map { WorkerHeartbeat(device: key.device, worker: key.kind, load: $0) })
            })
    }

    private func stateText(_ id: ReplicaID) -> String {
        switch replicas[id]?.state {
        case .waiting, nil: "broken"
        case .loading: "loading"
        case .serving: isWanted(id) ? "serving" : "leaving"
        case .draining, .releasing: "draining"
        }
    }

    /// One sentence about what is going on.
    func statusText(at now: Double) -> String {
        if adoption != nil { return "waiting for workers to report" }
        if let transition {
            let missing = transition.plan.replicas.filter { replicas[$0.id]?.isServing != true }.map(\.id.rawValue)
            return "putting plan \(transition.plan.id) in force; not loaded: \(missing.joined(separator: ", "))"
        }
        if let problem = replan.problem, inForce == nil || unservableSince != nil { return problem }
        if inForce == nil {
            guard !fleet.devices.isEmpty else { return "no device has registered" }
            if replan.isAsking { return "waiting for a plan" }
            return isSettled(at: now) ? "no plan is in force" : "devices are being measured"
        }
        if unservableSince != nil { return "no decoder replica serves: its workers are lost or restarting" }
        let down = situations(at: now).filter { !$0.routable }.map(\.replica.id.rawValue)
        return down.isEmpty ? "serving" : "serving; replicas down: \(down.joined(separator: ", "))"
    }
}
