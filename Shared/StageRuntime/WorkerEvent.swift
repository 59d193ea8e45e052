import Domain
import Protocol
import ServiceRuntime

/// Everything that a worker's run loop reacts to.
enum WorkerEvent: Sendable {
    /// From the scheduler.
    case control(WireMessage)
    /// From the profiler.
    case registry(WireMessage)
    /// From other stages.
    case data(WireMessage)
    /// A stage has been loaded, or not.
    case loaded(Result<LoadedStage, any Error>, reply: WireMessage, StageAssignment, PlanReplica, Epoch)
    /// A step has been computed.
    case stepped(Result<StageEngine.Outcome, any Error>, slot: Int, number: UInt64, parts: [StageEngine.Part])
    /// Memory for a sequence could not be had.
    case sequenceFailed(RequestID, slot: Int, ErrorBody)
    /// Once a second.
    case tick
}

/// What loading a stage gives.
struct LoadedStage: Sendable {
    var slot: Int
    var kvCapacityTokens: Int
    var weightBytes: Int
}

/// The part of a worker's state that its heartbeats tell.
struct WorkerSnapshot: Sendable {
    var epoch: Epoch = 0
    var assignment: StageAssignment?
    var kvCapacityTokens = 0
    var kvUsedTokens = 0
    var waiting = 0
    var running = 0
    var counters = StageCounters()
    var requests: [HeldRequest] = []
}
