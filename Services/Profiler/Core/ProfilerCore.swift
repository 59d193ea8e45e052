import Domain
import Messaging
import Protocol

/// The profiler's decisions: who belongs to the fleet, what is measured when, what is published.
///
/// No clock, no socket, no file: time comes with every event, instructions go out.
struct ProfilerCore: Sendable {
    /// A measurement that is under way.
    struct Run: Sendable {
        enum Subject: Sendable, Hashable {
            case profile(DeviceID, WorkerKind)
            case link(DevicePair)
        }

        var subject: Subject
        /// The worker that measures.
        var sender: Sender
        /// Machines on which nothing else is measured meanwhile.
        var hosts: Set<String>
    }

    /// A direction between two devices.
    struct DevicePair: Sendable, Hashable {
        var from: DeviceID
        var to: DeviceID
    }

    let limits: ProfilerLimits
    var model: ModelDescription?
    var devices: [DeviceID: DeviceRecord] = [:]
    var stored: StoredProfiles
    var linkRetries: [DevicePair: Retry] = [:]
    /// When a link was last looked at again.
    var lastLinkLook = -Double.infinity
    /// Looks at measured links.
    var linkWatches: [DevicePair: LinkWatch] = [:]
    var runs: [RunID: Run] = [:]
    private var lastRun: RunID = 0
    private var published: Fleet
    private var publishedAt = -Double.infinity
    private var output: [ProfilerInstruction] = []

    /// Starts with what is on disk.
    ///
    /// - Parameter version: the fleet's first version; larger than that of any earlier process.
    init(limits: ProfilerLimits = ProfilerLimits(), stored: StoredProfiles = StoredProfiles(), version: UInt64 = 1) {
        self.limits = limits
        self.stored = stored
        published = Fleet(version: version)
    }

    /// Decides; does nothing itself. `now` is in seconds of any clock that only grows.
    mutating func handle(_ event: ProfilerEvent, at now: Double) -> [ProfilerInstruction] {
        output = []
        switch event {
        case .register(let body, let sender): register(body, sender, at: now)
        case .heartbeat(let body, let sender):
            // The common case changes nothing that is published.
            if heartbeat(body, sender, at: now) { return output }
        case .leave(let device, let session): leave(device, session: session, at: now)
        case .fleetWanted:
            refresh(at: now)
            emit(.tell(published))
            return output
        case .measured(let id, let result): measured(id, result, at: now)
        case .linkMeasured(let id, let result): linkMeasured(id, result, at: now)
        case .unroutable(let peer): endRuns(of: peer, at: now)
        case .tick: tick(at: now)
        }
        startMeasurements(at: now)
        releaseDevices(at: now)
        refresh(at: now)
        if case .tick = event, now - publishedAt >= 0.9 * limits.publishSeconds { publish(at: now) }
        return output
    }

    mutating func emit(_ instruction: ProfilerInstruction) { output.append(instruction) }

    mutating func nextRun() -> RunID {
        lastRun += 1
        return lastRun
    }

    /// Publishes the fleet if it is another than the one last published.
    private mutating func refresh(at now: Double) {
        var fleet = currentFleet()
        fleet.version = published.version
        guard fleet != published else { return }
        fleet.version += 1
        published = fleet
        publish(at: now)
    }

    private mutating func publish(at now: Double) {
        publishedAt = now
        emit(.publish(published))
    }
}
