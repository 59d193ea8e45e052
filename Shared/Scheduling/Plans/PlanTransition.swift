internal import Domain

/// A plan on its way into force.
///
/// ```
/// draining -> preparing -> committing -> (done)
///                 |
///                 +-> aborted: the old plan stays in force
/// ```
struct PlanTransition: Sendable {
    /// Why the transition is made.
    enum Kind: Sendable, Hashable {
        /// A new plan; it needs all of its workers.
        case proposal
        /// The plan in force once more, for workers that restarted or were told otherwise; it goes on without replicas
        /// whose workers are lost.
        case repair
    }

    /// How far it is.
    enum Phase: Sendable, Hashable {
        case draining
        case preparing
        case committing
    }

    /// What one worker has to do.
    struct Step: Sendable {
        /// The stage, or `nil` for a worker that gives its stage back.
        var assignment: AssignedStage?
        var progress: Progress = .waiting

        /// How far the worker is in the phase.
        enum Progress: Sendable, Hashable {
            case waiting
            case asked
            case done
        }
    }

    let plan: PlacementPlan
    let epoch: Epoch
    let kind: Kind
    let reason: String
    /// Replicas of the plan before that change; no new request goes there.
    var leaving: Set<ReplicaID>
    var phase: Phase
    /// When the phase began.
    var phaseBegan: Double
    var steps: [WorkerKey: Step]
    /// Tokens of KV cache that prepared workers can hold.
    var kvCapacity: [WorkerKey: Int] = [:]

    /// Steps in order of their workers.
    var orderedKeys: [WorkerKey] { steps.keys.sorted() }
    /// Whether every worker has done its part of the phase.
    var isPhaseDone: Bool { steps.values.allSatisfy { $0.progress == .done } }

    /// Starts the next phase.
    mutating func enter(_ phase: Phase, at now: Double) {
        self.phase = phase
        phaseBegan = now
        for key in steps.keys { steps[key]?.progress = .waiting }
    }

    /// A worker answered.
    mutating func finish(_ key: WorkerKey, in phase: Phase) -> Bool {
        guard self.phase == phase, steps[key]?.progress == .asked else { return false }
        steps[key]?.progress = .done
        return true
    }

    /// A worker restarted: what its old process had prepared is gone.
    mutating func restart(_ key: WorkerKey) {
        guard steps[key] != nil else { return }
        if phase == .committing {
            steps[key] = nil
        } else {
            steps[key]?.progress = .waiting
        }
    }

    /// Takes a replica out; its workers keep what they have.
    mutating func drop(_ replica: ReplicaID) {
        for (key, step) in steps where step.assignment?.replica == replica { steps[key] = nil }
    }
}
