import Domain
import Messaging
import Protocol

/// Names a measurement that is under way.
typealias RunID = UInt64

/// Who sent a message: the process, and the address that answers and requests go to.
struct Sender: Sendable, Hashable {
    /// The session of the process.
    var session: String
    /// Its address on the registry socket.
    var peer: PeerIdentity
}

/// What happens to the profiler.
enum ProfilerEvent: Sendable {
    /// A worker introduces itself.
    case register(RegisterDevice, Sender)
    /// A worker lives.
    case heartbeat(DeviceHeartbeat, Sender)
    /// The process with this session leaves.
    case leave(DeviceID, session: String)
    /// Somebody asks for the fleet.
    case fleetWanted
    /// A worker measured itself, or could not.
    case measured(RunID, Result<DeviceMeasurements, MeasurementFailure>)
    /// A worker measured a link, or could not.
    case linkMeasured(RunID, Result<LinkProfile, MeasurementFailure>)
    /// A message to this address could not be delivered.
    case unroutable(PeerIdentity)
    /// Time passes.
    case tick
}

/// Why a measurement failed.
struct MeasurementFailure: Error, Sendable, Hashable {
    /// For people.
    var problem: String
}

/// What the profiler does about it. Answers go to the message that is being handled.
enum ProfilerInstruction: Sendable, Hashable {
    /// The registration is accepted.
    case accept(DeviceRegistered)
    /// The heartbeat is answered.
    case acknowledge
    /// The message is answered with an error.
    case refuse(Fault)
    /// The message is answered with the fleet.
    case tell(Fleet)
    /// The fleet is published.
    case publish(Fleet)
    /// A worker is to measure itself; reported as `measured`.
    case measure(RunID, MeasureProfile, PeerIdentity)
    /// A worker is to measure a link; reported as `linkMeasured`.
    case measureLink(RunID, MeasureLink, PeerIdentity)
    /// A result is to be kept on disk.
    case keep(StoredDevice)
    /// A result is to be kept on disk.
    case keepLink(StoredLink)
    /// Something that people should read.
    case note(String)
}
