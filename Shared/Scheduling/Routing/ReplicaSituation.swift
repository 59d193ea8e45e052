internal import Domain

/// A replica with its load at the moment of a routing decision.
struct ReplicaSituation: Sendable {
    /// The replica.
    var replica: PlanReplica
    /// How it keeps keys and values: they go to replicas of the same type only.
    var kvType: KVType
    /// Whether new requests may go there.
    var routable: Bool
    /// Whether it failed a request a moment ago.
    var inhibited: Bool
    /// Tokens of KV cache that every stage can hold.
    var kvCapacity: Int
    /// Tokens of a block: what a sequence reserves is rounded up to it.
    var blockTokens = 1
    /// Tokens reserved.
    var kvReserved = 0
    /// Whether sequences there may grow beyond what is reserved.
    var grows = false
    /// Requests that it has in either phase.
    var requests = 0
    /// Seconds of prefill work that is assigned and not done, corrected by measured speed.
    var prefillBacklog = 0.0
    /// Prompts that are assigned and not done.
    var prompts = 0
    /// Their tokens.
    var promptTokens = 0
    /// Sequences that decode here or are on their way.
    var sequences = 0
    /// Tokens that they have still to generate, together.
    var remainingTokens = 0.0
    /// Tokens in the contexts of these sequences.
    var contextTokens = 0
    /// Measured over estimated time, per phase.
    var correction = SpeedCorrection()
    /// Whether it keeps KV cache of prompts that are handed over, and hands over, or is handed, only what is missing.
    var handsOverPrefixes = false
    /// Tokens of the prompt at hand whose KV cache it probably has, so that it need not compute them.
    var cachedTokens = 0
    /// Those of them that need not be handed over to it where another replica computes the prompt.
    var heldTokens = 0
    /// How much of it was in use lately.
    var usage = ReplicaUsage()

    /// Tokens that a mean sequence has still to generate.
    var meanRemaining: Double { sequences > 0 ? remainingTokens / Double(sequences) : 0 }

    /// Whether it can use another prompt now: one for every stage and one that waits, or short ones that make a full step; a
    /// replica that also decodes cuts its chunks by how many prompts wait, and gets one more. What is assigned sooner than
    /// that holds memory on its decoder for nothing, and cannot go elsewhere any more.
    var wantsPrompts: Bool {
        let enough = replica.stages.count + (replica.role == .mixed ? 1 : 0)
        return prompts <= enough || promptTokens <= Self.shortPromptTokens
    }

    /// Prompts together shorter than this are as good as one.
    private static let shortPromptTokens = 512

    /// Whether so many more tokens can be reserved.
    func hasRoom(_ tokens: Int) -> Bool { kvReserved + inBlocks(tokens) <= kvCapacity }

    /// A sequence has reserved so many tokens.
    mutating func reserve(_ tokens: Int) { kvReserved += inBlocks(tokens) }

    private func inBlocks(_ tokens: Int) -> Int { (tokens + blockTokens - 1) / blockTokens * blockTokens }

    /// How many sequences have to leave until so many tokens can be reserved; at least 1, since something is missing.
    func departures(for tokens: Int) -> Double {
        let missing = Double(kvReserved + inBlocks(tokens) - kvCapacity)
        let mean = Double(kvReserved) / Double(max(1, sequences))
        return max(1, (missing / max(1, mean)).rounded(.up))
    }

    /// Most sequences that may decode here at once.
    func sequenceLimit(overcommit: Double) -> Int {
        let target = max(1, replica.decodeConcurrency)
        return max(target, Int((Double(target) * max(1, overcommit)).rounded()))
    }
}

/// How much of a replica was in use when requests arrived, a mean over the last some dozen of them.
struct ReplicaUsage: Sendable, Hashable {
    /// Weight of the newest arrival.
    private static let newest = 1.0 / 32
    /// Means are not trusted beyond this: later arrivals would count without bound.
    private static let most = 0.88

    /// Share of arrivals that found prompts there.
    private(set) var prefill = 0.0
    /// Share of its places for decoding, or of its KV cache if that is more, that were taken.
    private(set) var decode = 0.0

    /// A request arrived and found the replica like this.
    mutating func note(prefillBacklog: Double, sequences: Int, places: Int, kvShare: Double) {
        prefill += Self.newest * ((prefillBacklog > 0 ? 1 : 0) - prefill)
        decode += Self.newest * (min(1, max(kvShare, Double(sequences) / Double(max(1, places)))) - decode)
    }

    /// What a second of queue costs all requests together, the later ones included that find it longer: at a utilisation u
    /// the queue is u / (1 - u) times as long a while later as it would be without it.
    var prefillWeight: Double { 1 / (1 - min(Self.most, prefill)) }
    /// The same for places to decode.
    var decodeWeight: Double { 1 / (1 - min(Self.most, decode)) }
}

/// Measured over estimated time of a replica; 1 means that the estimates are right.
struct SpeedCorrection: Sendable, Hashable {
    /// Of prefill.
    var prefill = 1.0
    /// Of decode.
    var decode = 1.0
}
