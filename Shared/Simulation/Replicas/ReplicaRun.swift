internal import CostModel
internal import Domain
internal import Scheduling

/// A replica at work: the services' own driver decides what is computed, a clock how long it takes. A step passes the stages
/// one after the other; a stage takes steps in their order.
struct ReplicaRun {
    /// A step on its way.
    struct Passage {
        var step: Step
        /// When each stage is done with it.
        var ends: [Double]
        /// Seconds by which prompts in it delay the sequences of the replica.
        var promptSeconds: Double
    }

    let replica: PlanReplica
    let clock: ReplicaClock
    var driver: StageDriver
    /// Steps that have not left, by number.
    var passages: [UInt64: Passage] = [:]
    /// When each stage is free.
    private(set) var freeAt: [Double]
    /// Seconds that each stage has computed.
    private(set) var busy: [Double]
    /// Seconds by which prompts have delayed sequences so far.
    var promptSeconds = 0.0
    /// Whether an event to ask for the next step is in the calendar.
    var isWoken = false
    /// Whether all of its devices work.
    var isAlive = true
    /// Times as long as the clock says, by device.
    var slowdown: [Double]
    /// What the heartbeats of its stages say.
    private(set) var loads: [WorkerLoad]
    /// Who wants to know what is computed when.
    var recorder: TimelineRecorder?

    init?(_ replica: PlanReplica, _ cost: FleetCost, _ policy: BatchPolicy) {
        guard let clock = ReplicaClock(replica.stages, cost) else { return nil }
        self.replica = replica
        self.clock = clock
        let count = replica.stages.count
        driver = StageDriver(policy: policy, replica: replica)
        freeAt = [Double](repeating: -.infinity, count: count)
        busy = [Double](repeating: 0, count: count)
        slowdown = [Double](repeating: 1, count: count)
        loads = [WorkerLoad](repeating: WorkerLoad(), count: count)
    }

    /// The worker of its first stage.
    var first: WorkerKey { WorkerKey(replica.stages[0].device, replica.role.workerKind) }
    /// When its first stage can take the next step.
    var firstFree: Double { freeAt[0] }

    /// Sends a step through the stages from `now` on.
    mutating func pass(_ step: Step, at now: Double) -> Passage {
        var load = ReplicaClock.Load()
        for part in step.parts {
            if part.inputToken != nil {
                load.decodeRows += 1
                load.decodeContext += part.start
            } else {
                load.promptRows += part.count
                load.promptContext += Double(part.count) * Double(part.start)
            }
            if part.sample { load.samples += 1 }
        }
        let rows = load.promptRows + load.decodeRows
        var ready = now
        var ends: [Double] = []
        var delay = 0.0
        for stage in freeAt.indices {
            let seconds = clock.seconds(stage, load)
            let taken = seconds.all * slowdown[stage]
            let end = max(ready, freeAt[stage]) + taken
            freeAt[stage] = end
            busy[stage] += taken
            delay = max(delay, (seconds.all - seconds.decode) * slowdown[stage])
            note(stage, load, taken)
            recorder?.computed(replica, step, stage, from: end - taken, to: end)
            ends.append(end)
            ready = end + clock.hopSeconds(after: stage, rows: rows)
        }
        let passage = Passage(step: step, ends: ends, promptSeconds: load.decodeRows > 0 || delay > 0 ? delay : 0)
        passages[step.number] = passage
        return passage
    }

    private mutating func note(_ stage: Int, _ load: ReplicaClock.Load, _ seconds: Double) {
        if load.promptRows > 0 {
            loads[stage].counters.prefillTokens += load.promptRows
            loads[stage].counters.prefillSeconds += seconds
        } else {
            loads[stage].counters.decodeSteps += 1
            loads[stage].counters.decodeRows += load.decodeRows
            loads[stage].counters.decodeSeconds += seconds
        }
    }
}
