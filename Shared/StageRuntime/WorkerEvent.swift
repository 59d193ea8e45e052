import Scheduling
import ServiceRuntime

/// Everything that a worker's run loop reacts to.
enum WorkerEvent: Sendable {
    /// From the scheduler.
    case control(WireMessage)
    /// From the profiler.
    case registry(WireMessage)
    /// From other stages.
    case data(WireMessage)
    /// A step has been computed.
    case computed(OrderedStep, Result<TimedOutcome, any Error>)
    /// KV cache of a sequence that leaves has been read.
    case exported(order: UInt64, Result<StageEngine.Exported, any Error>)
    /// Something else for the core.
    case core(StageEvent)
    /// The process was asked to stop.
    case leave
    /// Once a second.
    case tick
}
