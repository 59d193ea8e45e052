import Domain
import Protocol

/// What the gateway knows about the scheduler.
struct SchedulerView: Sendable {
    /// After this many seconds of silence new requests are refused.
    static let silence = 3.0

    /// The model that this gateway has the vocabulary of; empty where it is not known.
    let model: ModelDigest
    /// When the scheduler was last heard.
    private(set) var lastHeard: Double?
    /// Its process; a restart changes it.
    private(set) var session: String?
    /// Its last state.
    private(set) var state: SchedulerState?
    /// When it last said that it serves, and in which process.
    private var served: (time: Double, session: String)?

    /// A scheduler that served and has gone is likely to be back after fewer seconds than this: requests wait for it.
    private static let bridge = 6.0

    /// Knows nothing.
    init(model: ModelDigest) { self.model = model }

    /// Takes a sign of life; `true` where it comes from a new process.
    mutating func heard(session: String, state: SchedulerState? = nil, at now: Double) -> Bool {
        let isNew = self.session != nil && self.session != session
        self.session = session
        lastHeard = now
        if isNew { self.state = nil }
        if let state { self.state = state }
        if state?.ready == true { served = (now, session) }
        return isNew
    }

    /// Seconds since the last sign of life.
    func silence(at now: Double) -> Double { lastHeard.map { now - $0 } ?? .infinity }

    /// Why a request would not be served now; `nil` where it would.
    func obstacle(at now: Double) -> String? {
        // What the process that served says itself counts at once.
        if let served, now - served.time <= Self.bridge, served.session != session || state?.ready != false,
            fits(state?.plan?.model)
        {
            return nil
        }
        guard let lastHeard else { return "Loading model: the scheduler has not been heard yet" }
        guard now - lastHeard <= Self.silence else { return "the scheduler is not reachable" }
        guard let state else { return "Loading model: the scheduler has just started" }
        guard state.ready else { return state.reason.isEmpty ? "Loading model" : "Loading model: \(state.reason)" }
        guard let plan = state.plan else { return "Loading model: there is no plan in force" }
        guard fits(plan.model) else { return "the fleet serves another model file than the gateway" }
        return nil
    }

    private func fits(_ other: ModelDigest?) -> Bool {
        guard let other else { return true }
        return other == model || other.rawValue.isEmpty || model.rawValue.isEmpty
    }
}
