internal import Domain

/// What a worker is known to serve.
struct Commitment: Sendable, Hashable {
    /// The epoch that it works in.
    var epoch: Epoch
    /// The replica.
    var replica: ReplicaID
    /// Its layers.
    var layers: LayerRange
}

/// Everything known about one worker.
struct WorkerRecord: Sendable {
    /// The process.
    var address: WorkerAddress
    /// Its data endpoint.
    var endpoint: String
    /// When it was last heard.
    var lastHeard: Double
    /// When it was found lost; `nil` while signs of life come.
    var lostSince: Double?
    /// What it serves.
    var commitment: Commitment?
    /// Whether it was told to prepare something else than it serves, so that it must be told again what holds.
    var isDirty = false
    /// Tokens of KV cache that its stage can hold.
    var kvCapacityTokens: Int
    /// The plan that it reported on hello, from which a restarted scheduler learns.
    var reported: AssignedStage?
    /// Requests that it reported on hello.
    var held: [WorkerReport.Held] = []
    /// Its last heartbeat.
    var load: WorkerLoad?
    /// Measured speed.
    var pace = WorkerPace()
    /// When its last restarts were seen.
    var restarts: [Double] = []
    /// Sessions of processes that were replaced; late messages of theirs are ignored.
    var superseded: [String] = []

    var isLive: Bool { lostSince == nil }

    /// Whether it serves these layers of a replica, whatever the epoch.
    func holds(_ layers: LayerRange, of replica: ReplicaID) -> Bool {
        isLive && !isDirty && commitment?.replica == replica && commitment?.layers == layers
    }
}

/// Speed of a worker from differences of its counters, smoothed.
struct WorkerPace: Sendable, Hashable {
    private(set) var secondsPerPrefillToken: Double?
    private(set) var secondsPerStep: Double?
    private(set) var rowsPerStep: Double?

    /// Fewest prompt tokens between two reports that say something about speed.
    private static let fewestTokens = 16
    private static let fewestSteps = 4
    /// Weight of a new report.
    private static let weight = 0.3

    /// Takes the difference of two reports; counters that fell (a new epoch) say nothing.
    mutating func note(_ old: WorkerLoad, _ new: WorkerLoad) {
        let tokens = new.prefillTokens - old.prefillTokens
        let prefill = new.prefillSeconds - old.prefillSeconds
        if tokens >= Self.fewestTokens, prefill > 0, prefill.isFinite {
            Self.blend(&secondsPerPrefillToken, prefill / Double(tokens))
        }
        let steps = new.decodeSteps - old.decodeSteps
        let rows = new.decodeRows - old.decodeRows
        let decode = new.decodeSeconds - old.decodeSeconds
        if steps >= Self.fewestSteps, rows >= steps, decode > 0, decode.isFinite {
            Self.blend(&secondsPerStep, decode / Double(steps))
            Self.blend(&rowsPerStep, Double(rows) / Double(steps))
        }
    }

    private static func blend(_ value: inout Double?, _ new: Double) {
        value = value.map { $0 + weight * (new - $0) } ?? new
    }
}
