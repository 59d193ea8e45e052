public import Domain

/// Everything known about one worker.
struct WorkerRecord: Sendable {
    /// The process.
    var address: WorkerAddress
    /// Its data endpoint.
    var endpoint: String
    /// When it was last heard.
    var lastHeard: Double
    /// When it was last found to have nothing to do.
    var idleUntil: Double?
    /// It is about to stop.
    var isLeaving = false
    /// When it was found lost; `nil` while signs of life come.
    var lostSince: Double?
    /// Stages that it reported on hello, from which a restarted scheduler learns.
    var stages: [ServedStage] = []
    /// Tokens of a block of its KV cache.
    var kvBlockTokens: Int
    /// Requests that it reported on hello.
    var held: [HeldRequest] = []
    /// Whether it can hand running sequences over to another replica.
    var movesSequences = false
    /// Whether it lets sequences grow beyond what was reserved for them.
    var growsSequences = false
    /// Whether it keeps KV cache of sequences that ended for others that begin with the same tokens.
    var reusesPrefixes = false
    /// Whether it does so with prompts that are handed over, too, and hands over, or is handed, only what is missing.
    var handsOverPrefixes = false
    var guessesTokens = false
    /// Whether it can sample only what follows a constraint.
    var constrainsSampling = false
    /// Whether it adds biases to logits and tells log probabilities.
    var readsLogits = false
    /// Its last heartbeat.
    var load: WorkerLoad?
    /// Measured speed.
    var pace = WorkerPace()
    /// Whether it has become slower.
    var watch = SpeedWatch()
    /// When its process said hello first.
    var since: Double
    /// When its last crashes were seen: ends of processes that had not lived for long.
    var crashes: [Double] = []
    /// Sessions of processes that were replaced; late messages of theirs are ignored.
    var superseded: [String] = []

    var isLive: Bool { lostSince == nil }
}

extension WorkerLoad {
    /// Whether the worker has nothing to do.
    public var isIdle: Bool { running == 0 && waiting == 0 && kvUsedTokens == 0 }
}

/// Speed of a worker from differences of its counters, smoothed.
struct WorkerPace: Sendable, Hashable {
    private(set) var secondsPerPrefillToken: Double?
    private(set) var secondsPerStep: Double?
    private(set) var rowsPerStep: Double?
    /// Tokens that a row gives: less than one where guesses are wrong.
    private(set) var tokensPerRow: Double?
    /// Sequences in a step.
    private(set) var sequencesPerStep: Double?

    /// Fewest prompt tokens between two reports that say something about speed.
    private static let fewestTokens = 16
    private static let fewestSteps = 4
    /// Weight of a new report.
    private static let weight = 0.3

    /// Takes the difference of two reports; counters that fell (a new epoch) say nothing.
    mutating func note(_ old: StageCounters, _ new: StageCounters) {
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
            let wrong = new.guessedTokens - old.guessedTokens - new.acceptedTokens + old.acceptedTokens
            Self.blend(&tokensPerRow, Double(max(1, rows - max(0, wrong))) / Double(rows))
            let sequences = rows - max(0, new.guessedTokens - old.guessedTokens)
            Self.blend(&sequencesPerStep, Double(max(1, sequences)) / Double(steps))
        }
    }

    private static func blend(_ value: inout Double?, _ new: Double) {
        value = value.map { $0 + weight * (new - $0) } ?? new
    }
}
