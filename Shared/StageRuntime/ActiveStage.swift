import Domain
import Protocol
import Scheduling

/// The stage that a worker serves (or has prepared), with the state of its sequences.
struct ActiveStage {
    let assignment: StageAssignment
    let replica: PlanReplica
    let index: Int
    /// The engine on the compute thread.
    let slot: Int
    /// Tokens of KV cache that it can hold.
    let kvCapacityTokens: Int
    /// Bytes of its weights.
    let weightBytes: Int
    /// The epoch in which it was loaded; messages of older epochs are not for it.
    let loadedIn: Epoch
    /// Drives the sequences, on the first stage.
    var driver: StageDriver
    var sequences: [RequestID: HeldSequence] = [:]
    var counters = StageCounters()
    /// The worker before and after this one in the pipeline as the last route named them, and the first.
    var firstEndpoint: String?
    var nextEndpoint: String?

    var layers: LayerRange { replica.stages[index].layers }
    var stageCount: Int { replica.stages.count }
    var isFirst: Bool { index == 0 }
    var isLast: Bool { index == replica.stages.count - 1 }

    init(
        assignment: StageAssignment, replica: PlanReplica, slot: Int, kvCapacityTokens: Int, weightBytes: Int,
        loadedIn: Epoch, maxBatchedTokens: Int
    ) {
        self.assignment = assignment
        self.replica = replica
        self.index = assignment.stage
        self.slot = slot
        self.kvCapacityTokens = kvCapacityTokens
        self.weightBytes = weightBytes
        self.loadedIn = loadedIn
        self.driver = StageDriver(
            policy: BatchPolicy(
                maxBatchedTokens: maxBatchedTokens,
                maxSequences: BatchPolicy.mostSequences(planned: replica.decodeConcurrency)),
            replica: replica)
    }

    /// The stage under a new plan in which it is unchanged: same engine, same sequences.
    func renewed(_ assignment: StageAssignment, _ replica: PlanReplica, maxBatchedTokens: Int) -> ActiveStage {
        var next = ActiveStage(
            assignment: assignment, replica: replica, slot: slot, kvCapacityTokens: kvCapacityTokens,
            weightBytes: weightBytes, loadedIn: loadedIn, maxBatchedTokens: maxBatchedTokens)
        let policy = next.driver.policy
        next.driver = driver
        next.driver.adopt(policy, replica)
        next.sequences = sequences
        next.counters = counters
        next.firstEndpoint = firstEndpoint
        next.nextEndpoint = nextEndpoint
        return next
    }

    /// Whether another plan leaves this stage, and the replica around it, as it is.
    func isUnchanged(in other: PlanReplica, index: Int) -> Bool {
        index == self.index && other.role == replica.role
            && other.stages.map(\.layers) == replica.stages.map(\.layers)
            && other.stages.map(\.device) == replica.stages.map(\.device)
    }

    /// The side of a route that this stage belongs to.
    func side(of route: Route) -> [RouteStage] { replica.role == .prefill ? route.prefill : route.decode }
}
