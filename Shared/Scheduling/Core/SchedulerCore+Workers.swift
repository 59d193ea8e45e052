internal import Domain

/// Signs of life of workers, and what follows when they end.
extension SchedulerCore {
    mutating func workerSaidHello(_ report: WorkerReport, at now: Double) {
        highestEpoch = max(highestEpoch, report.epoch)
        let key = report.address.key
        let before = workers[key]
        let arrival = workers.arrive(report, at: now)
        if arrival == .stale { return }
        emit(.welcome(report.address))
        switch arrival {
        case .stale: break
        case .restarted:
            note("worker \(key) has restarted")
            breakReplicas(of: key, why: "worker \(key) has restarted", at: now)
            excludeIfCrashing(key, at: now)
        case .returned: note("worker \(key) is back")
        case .new: note("worker \(key) is here, at \(report.endpoint)")
        case .again:
            // Stages that it no longer has were lost without a word.
            if before?.endpoint != report.endpoint { breakReplicas(of: key, why: "worker \(key) has moved", at: now) }
        }
        guard adoption == nil else {
            adoption?.note(report, at: now)
            return
        }
        breakMissing(report, at: now)
        releaseStrays(on: report.address, at: now)
        reconcileHeld(report, isNew: arrival == .new, at: now)
        replan.hurry(at: now)
    }

    /// Replicas that count on a stage that the worker does not report.
    private mutating func breakMissing(_ report: WorkerReport, at now: Double) {
        for record in replicas.of(report.address.key) where record.isServing || record.isDraining {
            let isThere = report.stages.contains {
                $0.assignment.replica == record.id && $0.formed == record.formed
            }
            if !isThere { breakDown(record.id, why: "worker \(report.address.key) has lost its stage", at: now) }
        }
    }

    /// The connection of a worker is gone: its process has ended. A network that failed brings the same process back.
    mutating func workerGone(_ address: WorkerAddress, at now: Double) {
        guard workers.lose(address, at: now) else { return }
        note("worker \(address.key) is gone: its connection was closed")
        breakReplicas(of: address.key, why: "worker \(address.key) is gone", at: now)
    }

    /// Workers from which nothing has come for too long. Of a worker that drives requests that is less long, as it has been told of
    /// them; one that only gets hidden states or KV cache reports when they come.
    mutating func loseSilentWorkers(at now: Double) -> [(key: WorkerKey, limit: Double)] {
        let limit = configuration.workerLostSeconds
        guard let idle = configuration.idleWorkerLostSeconds, idle > limit else {
            return workers.loseSilent(limit: limit, idle: limit, driving: [], at: now)
        }
        let driving = Set(requests.inOrder.flatMap { firstStages(of: $0) })
        return workers.loseSilent(limit: limit, idle: idle, driving: driving, at: now)
    }

    mutating func workerBeat(_ address: WorkerAddress, _ load: WorkerLoad, at now: Double) {
        guard workers.hear(address, at: now) else {
            emit(.refuseHeartbeat(address))
            return
        }
        emit(.acknowledgeHeartbeat(address))
        guard var record = workers[address.key] else { return }
        if let old = record.load {
            record.pace.note(old.counters, load.counters)
            if let ratio = slowness(of: address.key, old.counters, load.counters) { record.watch.note(ratio) }
        }
        record.load = load
        workers[address.key] = record
    }

    /// Measured over estimated time of what a worker did between two reports; `nil` where that says nothing.
    private func slowness(of key: WorkerKey, _ old: StageCounters, _ new: StageCounters) -> Double? {
        let serving = replicas.of(key).filter(\.isServing)
        guard let times, let inForce, serving.count == 1, let replica = serving.first?.replica,
            let index = replica.workers.firstIndex(of: key)
        else { return nil }
        let (prompt, steps) = (new.prefillTokens - old.prefillTokens, new.decodeSteps - old.decodeSteps)
        let taken = new.prefillSeconds - old.prefillSeconds + new.decodeSeconds - old.decodeSeconds
        guard prompt >= 0, steps >= 0, taken > 0,
            let estimated = times.seconds(
                replica.stages[index], prefillTokens: prompt, decodeSteps: steps,
                decodeRows: new.decodeRows - old.decodeRows,
                contextTokens: Int(inForce.workload.meanPromptTokens + inForce.workload.meanOutputTokens / 2)),
            // Little work says little.
            estimated >= Self.leastWork
        else { return nil }
        return taken / estimated
    }

    private static let leastWork = 0.02

    /// Devices that have become slow are known to the next plan.
    mutating func watchSpeeds(at now: Double) {
        var factors: [DeviceID: Double] = [:]
        for record in workers.live {
            guard let factor = record.watch.factor else { continue }
            factors[record.address.key.device] = max(factor, factors[record.address.key.device] ?? 0)
        }
        slowDevices.note(factors, at: now)
    }

    /// Requests that a worker holds and that are not routed over it were lost or cancelled while it could not be told.
    private mutating func reconcileHeld(_ report: WorkerReport, isNew: Bool, at now: Double) {
        let key = report.address.key
        for held in report.held {
            if let record = requests[held.request], firstStages(of: record).contains(key) {
                continue
            }
            if isNew, adoptHeld(held, on: key, at: now) { continue }
            emit(.cancel(held.request, report.address))
        }
    }

    private mutating func excludeIfCrashing(_ key: WorkerKey, at now: Double) {
        guard let record = workers[key], record.crashes.count >= configuration.crashLimit else { return }
        exclusions.exclude(key.device, at: now)
        workers[key]?.crashes = []
        note("device \(key.device) is not used for a while: its \(key.kind.rawValue) worker keeps restarting")
    }

    /// Devices that cannot serve: one of their workers has been lost for long, or the profiler agrees that it is lost.
    func deadDevices(at now: Double) -> Set<DeviceID> {
        var dead: Set<DeviceID> = []
        for (key, record) in workers.records {
            if record.isLeaving { dead.insert(key.device) }
            guard let since = record.lostSince else { continue }
            if now - since >= configuration.deviceLostSeconds || fleet.device(key.device)?.state == .lost {
                dead.insert(key.device)
            }
        }
        if let inForce, now - inForce.since >= configuration.deviceLostSeconds {
            for key in inForce.plan.replicas.flatMap(\.workers) where workers[key] == nil { dead.insert(key.device) }
        }
        return dead
    }
}
