public import Domain

/// Everything that can happen to a worker. Tensors stay with who holds the sockets: the core decides about them by what
/// their messages say.
public enum StageEvent: Sendable {
    // MARK: From the scheduler

    /// Load a stage of a replica that is formed in `epoch`, or take a plan note of where the stage is served already.
    case prepare(StageAssignment, epoch: Epoch, ticket: StageTicket)
    /// Give the stage of a replica back.
    /// Layers of it that the next stage here has, too, are worth keeping until then.
    case release(ReplicaID, epoch: Epoch, keeping: LayerRange?, ticket: StageTicket)
    /// Drive a sequence; this is the first stage of its replica.
    case start(SequenceOpening)
    /// Stop a sequence and free it on all stages of this replica.
    case cancel(RequestID)
    /// Hand a running sequence over to another replica with its KV cache; this is the first stage of its replica.
    case move(SequenceMove)

    // MARK: From the compute thread

    /// A stage has been loaded.
    case loaded(slot: Int, kvCapacityTokens: Int, weightBytes: Int)
    /// A stage could not be loaded.
    case loadFailed(slot: Int, Fault)
    /// A step has been computed.
    case computed(order: UInt64, StepOutcome)
    /// A step could not be computed at all.
    case computeFailed(order: UInt64, Fault)
    /// KV cache of a sequence that leaves has been read.
    case exported(order: UInt64, [StepOutcome.Export])
    /// It could not be read.
    case exportFailed(order: UInt64, Fault)
    /// A sequence cannot go on here.
    case sequenceFailed(RequestID, slot: Int, Fault)

    // MARK: From other stages

    /// A sequence was opened on the stage before, or on the prefill replica.
    case opened(SequenceOpening)
    /// A sequence was closed; these of its blocks stay.
    case closed(RequestID, keeping: [KVBlockRun] = [])
    /// Blocks that were kept are not needed any more.
    case dropped([KVBlockRun], replica: ReplicaID, epoch: Epoch)
    /// A sequence of which nothing has been computed begins with these blocks after all.
    case prefixFound(RequestID, SequencePrefix)
    /// A later stage does not have blocks that it should have kept.
    case prefixLost(replica: ReplicaID, epoch: Epoch)
    /// The decoder replica has the KV cache of so many positions of a sequence: they need not be handed over.
    case held(RequestID, tokens: Int)
    /// A sequence has left the stage before for another replica.
    case moved(SequenceMove)
    /// Sequences that the first stage still drives.
    case kept([RequestID])
    /// Rows of a step.
    case forwarded(ForwardedStep)
    /// A step has left the last stage.
    case stepDone(replica: ReplicaID, step: UInt64, [StepResult], epoch: Epoch)
    /// KV cache of some layers and positions.
    case kvArrived(ArrivedKV)
    /// A stage of the decoder replica holds the KV cache of all its layers.
    case kvComplete(RequestID, layers: LayerRange)
    /// The prefill replica sampled the first token.
    case firstToken(RequestID, token: Int32, FinishReason?)
    /// A peer has not taken anything for long; what goes over it is lost, and messages about these requests were dropped.
    case peerLost(endpoint: String, requests: [RequestID])
    /// What waits for a peer has become less.
    case drained
    /// Time passes; about once a second.
    case tick
}

/// Names a message of the scheduler that is answered later.
public typealias StageTicket = UInt64

/// A sequence as it is opened on a stage.
public struct SequenceOpening: Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// The epoch in which it was routed.
    public var epoch: Epoch
    /// Where it is computed.
    public var route: Route
    /// Prompt and already generated tokens.
    public var tokens: [Int32]
    /// How many of them were generated before.
    public var generatedTokens: Int
    /// How tokens are chosen.
    public var sampling: SamplingParameters
    /// When generation ends.
    public var stop: StopConditions
    /// Tokens, prompt and output, for which KV cache is reserved.
    public var reservedTokens: Int
    /// Tokens that every stage of the decoder replica can hold, where the sequence may grow; `nil`: it ends at what is reserved.
    public var capacityTokens: Int?
    /// Tokens that every stage of the replica that prefills can hold, where all stages of the route know of handovers that
    /// leave out what is held, and of blocks that are found before the first step.
    public var prefillCapacityTokens: Int?
    /// Whether KV cache may be kept for other requests and taken from others; all stages of the replica can do it then.
    public var reusesPrefixes: Bool
    /// Whether tokens may be guessed; all stages of the decoder replica can do it then.
    public var speculates = false
    /// What the output must follow.
    public var constraint: SamplingConstraint?
    /// Only requests with the same salt share KV cache.
    public var cacheSalt: String?
    /// With which blocks it begins and how its own are named; set by the first stage.
    public var prefix: SequencePrefix?

    /// Makes a record.
    public init(
        request: RequestID, epoch: Epoch, route: Route, tokens: [Int32], generatedTokens: Int,
        sampling: SamplingParameters, stop: StopConditions, reservedTokens: Int, capacityTokens: Int? = nil,
        prefillCapacityTokens: Int? = nil, reusesPrefixes: Bool = false, cacheSalt: String? = nil,
        prefix: SequencePrefix? = nil
    ) {
        self.capacityTokens = capacityTokens
        self.prefillCapacityTokens = prefillCapacityTokens
        self.reusesPrefixes = reusesPrefixes
        self.cacheSalt = cacheSalt
        self.prefix = prefix
        self.request = request
        self.epoch = epoch
        self.route = route
        self.tokens = tokens
        self.generatedTokens = generatedTokens
        self.sampling = sampling
        self.stop = stop
        self.reservedTokens = reservedTokens
    }
}

/// A sequence that goes on in another replica: the stages that it leaves send their KV cache as prefill stages do.
public struct SequenceMove: Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// The epoch in which the way was found.
    public var epoch: Epoch
    /// Where it comes from (as the side that prefills) and where it goes on.
    public var route: Route
    /// Tokens, prompt and output, for which KV cache is reserved where it goes on.
    public var reservedTokens: Int
    /// Tokens that every stage there can hold, where it may grow.
    public var capacityTokens: Int?
    /// Positions of its KV cache; the first stage knows them.
    public var positions: Int
    /// Whether the replica where it goes on may keep its KV cache for other requests.
    public var reusesPrefixes: Bool

    /// Makes a record.
    public init(
        request: RequestID, epoch: Epoch, route: Route, reservedTokens: Int, capacityTokens: Int? = nil,
        positions: Int = 0, reusesPrefixes: Bool = false
    ) {
        self.reusesPrefixes = reusesPrefixes
        self.capacityTokens = capacityTokens
        self.request = request
        self.epoch = epoch
        self.route = route
        self.reservedTokens = reservedTokens
        self.positions = positions
    }
}

/// What a message with the rows of a step says.
public struct ForwardedStep: Sendable, Hashable {
    /// The replica.
    public var replica: ReplicaID
    /// The index of this stage.
    public var stage: Int
    /// The epoch in which the replica was formed, as the sender knows it.
    public var epoch: Epoch
    /// The step.
    public var number: UInt64
    /// Its parts; their rows follow each other in the tensor.
    public var parts: [StepPart]

    /// Makes a record.
    public init(replica: ReplicaID, stage: Int, epoch: Epoch, number: UInt64, parts: [StepPart]) {
        self.replica = replica
        self.stage = stage
        self.epoch = epoch
        self.number = number
        self.parts = parts
    }
}

/// What a message with KV cache says.
public struct ArrivedKV: Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// The decoder replica, where the sender names it.
    public var replica: ReplicaID?
    /// The epoch in which the request was routed.
    public var epoch: Epoch
    /// The layers.
    public var layers: LayerRange
    /// The first position.
    public var start: Int
    /// Positions.
    public var count: Int
    /// Positions of the whole transfer.
    public var total: Int
    /// The first position that is sent at all: those before are known to be here.
    public var from: Int
    /// Longest sequence.
    public var reservedTokens: Int
    /// Bytes of the tensor.
    public var bytes: Int
    /// How its values are stored.
    public var type: KVType
    /// Where the first stage is told that the transfer is complete.
    public var firstStage: String

    /// Makes a record.
    public init(
        request: RequestID, replica: ReplicaID?, epoch: Epoch, layers: LayerRange, start: Int, count: Int, total: Int,
        from: Int = 0, reservedTokens: Int, bytes: Int, type: KVType = .f16, firstStage: String
    ) {
        self.from = from
        self.request = request
        self.replica = replica
        self.epoch = epoch
        self.layers = layers
        self.start = start
        self.count = count
        self.total = total
        self.reservedTokens = reservedTokens
        self.bytes = bytes
        self.type = type
        self.firstStage = firstStage
    }
}

/// What became of a step.
public struct StepOutcome: Sendable {
    /// A sampled token and its place in the output.
    public struct Sampled: Sendable, Hashable {
        /// The token.
        public var result: StepResult
        /// Its index in the output.
        public var index: Int
        /// How likely it was, where that is asked for.
        public var score: TokenLikelihood?

        /// Makes a record.
        public init(result: StepResult, index: Int, score: TokenLikelihood? = nil) {
            self.result = result
            self.index = index
            self.score = score
        }
    }

    /// How likely tokens of a prompt were.
    public struct ScoredPrompt: Sendable, Hashable {
        /// The request.
        public var request: RequestID
        /// The position of the first one.
        public var start: Int
        /// Their scores.
        public var scores: [TokenLikelihood]

        /// Makes a record.
        public init(request: RequestID, start: Int, scores: [TokenLikelihood]) {
            self.request = request
            self.start = start
            self.scores = scores
        }
    }

    /// KV cache that a prefill stage made for a decoder stage.
    public struct Export: Sendable, Hashable {
        /// The request.
        public var request: RequestID
        /// The layers.
        public var layers: LayerRange
        /// The first position.
        public var start: Int
        /// Positions.
        public var count: Int
        /// Where it goes.
        public var endpoint: String
        /// Its bytes.
        public var bytes: Int

        /// Makes a record.
        public init(
            request: RequestID, layers: LayerRange, start: Int, count: Int, endpoint: String, bytes: Int
        ) {
            self.request = request
            self.layers = layers
            self.start = start
            self.count = count
            self.endpoint = endpoint
            self.bytes = bytes
        }
    }

    /// The parts that were computed, in the order of their rows.
    public var parts: [StepPart]
    /// On the last stage.
    public var sampled: [Sampled]
    /// On the last stage, of prompts whose scores are asked for.
    public var scored: [ScoredPrompt] = []
    /// On a prefill stage.
    public var exports: [Export]
    /// Parts that could not be computed, and why; the others went on without them.
    public var failed: [RequestID: Fault]
    /// Seconds, with the rest of the duty cycle.
    public var seconds: Double

    /// Makes a record.
    public init(
        parts: [StepPart], sampled: [Sampled] = [], exports: [Export] = [], failed: [RequestID: Fault] = [:],
        seconds: Double = 0
    ) {
        self.parts = parts
        self.sampled = sampled
        self.exports = exports
        self.failed = failed
        self.seconds = seconds
    }
}
