internal import Domain

/// The state as others see it.
extension SchedulerCore {
    /// The state at `now`.
    public func snapshot(at now: Double) -> SchedulerSnapshot {
        let situations = situations(at: now)
        var window = window
        let ready = adoption == nil && unservableSince == nil && inForce != nil
        return SchedulerSnapshot(
            ready: ready, reason: statusText(at: now), plan: inForce?.plan, epoch: inForce?.epoch ?? 0,
            replicas: situations.map { replica($0) }, waiting: requests.waiting.count,
            running: requests.running.count,
            workload: window.statistics(assumed: assumedWorkload, at: now) ?? assumedWorkload)
    }

    private func replica(_ situation: ReplicaSituation) -> SchedulerSnapshot.Replica {
        var backlog = situation.prefillBacklog
        let places = situation.sequenceLimit(overcommit: 1)
        if situation.replica.role != .prefill, situation.sequences >= places, let times {
            let context = Int(assumedWorkload.meanPromptTokens)
            let gap = times.tokenGap(situation.replica, sequences: situation.sequences, contextTokens: context)
            backlog += situation.meanRemaining * gap * Double(situation.sequences - places + 1) / Double(places)
        }
        return SchedulerSnapshot.Replica(
            id: situation.replica.id, serving: situation.routable, requests: situation.requests,
            kvReservedTokens: situation.kvReserved, kvCapacityTokens: situation.kvCapacity, backlogSeconds: backlog,
            stages: situation.replica.workers.map { key in
                SchedulerSnapshot.Stage(worker: key, alive: workers.isLive(key), load: workers[key]?.load)
            })
    }

    /// One sentence about what is going on.
    func statusText(at now: Double) -> String {
        if adoption != nil { return "waiting for workers to report" }
        if let transition {
            let missing = transition.orderedKeys.filter { transition.steps[$0]?.progress != .done }
            let phase =
                switch transition.phase {
                case .draining: "waiting for requests on replicas that change"
                case .preparing: "loading stages; not done: \(missing.map(\.description).joined(separator: ", "))"
                case .committing: "committing"
                }
            return "putting plan \(transition.plan.id) in force as epoch \(transition.epoch): \(phase)"
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
