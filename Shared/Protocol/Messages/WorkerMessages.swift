public import Domain

/// Messages between stages (workers' data sockets) and to the gateway's tokens socket.
extension MessageType {
    /// first stage -> next stages, and first prefill stage -> first decoder stage: `SequenceOpen` with tensor `tokens`
    /// i32 [n].
    public static let sequenceOpen: MessageType = "sequence.open"
    /// first stage -> next stages: free the sequence named in the envelope; `SequenceClose`.
    public static let sequenceClose: MessageType = "sequence.close"
    /// stage -> next stage of the replica that a sequence leaves: `SequenceMoveBody`; it follows all steps of the sequence
    /// (since 1.2).
    public static let sequenceMove: MessageType = "sequence.move"
    /// first stage -> next stages, four times per lease: `SequenceKeep`; sequences that no such message names for a lease (90 s) are
    /// freed.
    public static let sequenceKeep: MessageType = "sequence.keep"
    /// stage -> next stage: `StageForward` with tensor `hidden` f32 [rows, hidden].
    public static let stageForward: MessageType = "stage.forward"
    /// last stage -> first stage: `StageDone`, also the credit for one more step in flight.
    public static let stageDone: MessageType = "stage.done"
    /// prefill stage -> decoder stage: `KVChunk` with tensor `kv` f16 or q8_0 [layers, 2, kv heads, positions, head dim].
    public static let kvChunk: MessageType = "kv.chunk"
    /// decoder stage -> first decoder stage: `KVComplete`.
    public static let kvComplete: MessageType = "kv.complete"
    /// last prefill stage -> first decoder stage: `FirstToken`.
    public static let sequenceFirstToken: MessageType = "sequence.first_token"
    /// last stage -> gateway: `TokensEmitted`; the envelope's `seq` is the index of the first token in the output.
    public static let tokensEmitted: MessageType = "tokens.emitted"
    /// last stage -> gateway, before the first token: `PromptScored` with the tensors of `ScoreTensors` (since 1.2, where
    /// `prompt_logprobs` is asked for).
    public static let promptScored: MessageType = "prompt.scored"
    /// worker -> worker: `LinkEcho` with tensor `payload` u8 [n]; reply `link.echoed` with an empty body.
    public static let linkEcho: MessageType = "link.echo"
    /// Reply to `link.echo`.
    public static let linkEchoed: MessageType = "link.echoed"
}

/// A sequence goes on in another replica; the request is named in the envelope. The stages of `route.prefill` send their KV cache
/// to those of `route.decode` with `kv.chunk`, as after a prefill.
public struct SequenceMoveBody: Codable, Sendable, Hashable {
    /// From where (as the side that prefills) to where.
    public var route: Route
    /// Tokens, prompt and output, for which KV cache is reserved where it goes on.
    public var reservedTokens: Int
    /// Tokens of KV cache that every stage there can hold, where the sequence may grow (since 1.2).
    public var capacityTokens: Int?
    /// Positions of its KV cache; absent in `request.move`, since the first stage knows them.
    public var positions: Int?
    /// Whether the replica where it goes on may keep its KV cache for requests to come (since 1.2).
    public var prefixCache: Bool?

    /// Makes the body.
    public init(
        route: Route, reservedTokens: Int, capacityTokens: Int? = nil, positions: Int? = nil, prefixCache: Bool? = nil
    ) {
        self.prefixCache = prefixCache
        self.route = route
        self.reservedTokens = reservedTokens
        self.capacityTokens = capacityTokens
        self.positions = positions
    }

    private enum CodingKeys: String, CodingKey {
        case route, positions
        case reservedTokens = "reserved_tokens"
        case capacityTokens = "capacity_tokens"
        case prefixCache = "prefix_cache"
    }
}

/// Opens a sequence on a stage; the request is named in the envelope.
public struct SequenceOpen: Codable, Sendable, Hashable {
    /// Where the request is computed.
    public var route: Route
    /// How many of `tokens` were generated before (a continued request).
    public var generatedTokens: Int
    /// How tokens are chosen.
    public var sampling: SamplingParameters
    /// When generation ends.
    public var stop: StopConditions
    /// Tokens, prompt and output, for which KV cache is reserved. Without `capacityTokens` the sequence ends there.
    public var reservedTokens: Int
    /// Tokens of KV cache that every stage of the decoder replica can hold: the sequence may grow beyond what is reserved while
    /// there is room, and the youngest sequence yields when there is none (since 1.2).
    public var capacityTokens: Int?
    /// Tokens of KV cache that every stage of the replica that prefills can hold, where all workers of the route have
    /// `prefix.handover`: a prefill replica keeps what it computes, too, where there is room, and hands over only what the
    /// decoder replica does not have (since 1.2).
    public var prefillCapacityTokens: Int?
    /// Whether KV cache may be kept for requests to come and taken from earlier ones (since 1.2).
    public var prefixCache: Bool?
    /// Only requests with the same salt share KV cache (since 1.2).
    public var cacheSalt: String?
    /// With which blocks of KV cache the sequence begins and how its own are named; from the first stage on (since
    /// 1.2).
    public var prefix: SequencePrefix?
    /// Whether the decoder replica may guess tokens and compute them together (since 1.2).
    public var speculation: Bool?
    /// What the output must follow, where all workers of the route have `sampling.grammar` (since 1.2).
    public var constraint: SamplingConstraint?
    /// The tensor `tokens`, i32 [n]: prompt and already generated tokens.
    public var tensors: [TensorDescriptor]

    /// Makes the body; `tokenCount` is the length of the tensor.
    public init(
        route: Route, generatedTokens: Int, sampling: SamplingParameters, stop: StopConditions, reservedTokens: Int,
        capacityTokens: Int? = nil, prefillCapacityTokens: Int? = nil, prefixCache: Bool? = nil,
        cacheSalt: String? = nil, prefix: SequencePrefix? = nil, speculation: Bool? = nil,
        constraint: SamplingConstraint? = nil, tokenCount: Int
    ) {
        self.constraint = constraint
        self.prefillCapacityTokens = prefillCapacityTokens
        self.speculation = speculation
        self.prefixCache = prefixCache
        self.cacheSalt = cacheSalt
        self.prefix = prefix
        self.route = route
        self.generatedTokens = generatedTokens
        self.sampling = sampling
        self.stop = stop
        self.reservedTokens = reservedTokens
        self.capacityTokens = capacityTokens
        self.tensors = [TensorDescriptor(name: "tokens", dtype: .i32, shape: [tokenCount])]
    }

    private enum CodingKeys: String, CodingKey {
        case route, sampling, stop, prefix, speculation, constraint, tensors
        case prefillCapacityTokens = "prefill_capacity_tokens"
        case prefixCache = "prefix_cache"
        case cacheSalt = "cache_salt"
        case generatedTokens = "generated_tokens"
        case reservedTokens = "reserved_tokens"
        case capacityTokens = "capacity_tokens"
    }
}

/// A sequence ends on a stage.
public struct SequenceClose: Codable, Sendable, Hashable {
    /// Blocks of KV cache that are kept for sequences to come (since 1.2).
    public var keep: [KVBlockRun]?

    /// Makes the body.
    public init(keep: [KVBlockRun]? = nil) { self.keep = keep }
}

/// The sequences that the first stage of a replica still drives: a lease, so that stages free what a lost first stage left.
public struct SequenceKeep: Codable, Sendable, Hashable {
    /// The requests.
    public var requests: [RequestID]

    /// Makes the body.
    public init(requests: [RequestID]) { self.requests = requests }
}

/// Hidden states on their way to the next stage; rows of the entries follow each other in the tensor `hidden`.
public struct StageForward: Codable, Sendable, Hashable {
    /// The step, numbered by the first stage.
    public var step: UInt64
    /// The replica.
    public var replica: ReplicaID
    /// Index of the receiving stage.
    public var stage: Int
    /// The parts.
    public var entries: [StepPart]
    /// The tensor `hidden`, f32 [rows, hidden].
    public var tensors: [TensorDescriptor]

    /// Makes the body.
    public init(step: UInt64, replica: ReplicaID, stage: Int, entries: [StepPart], hidden: Int) {
        self.step = step
        self.replica = replica
        self.stage = stage
        self.entries = entries
        let rows = entries.reduce(0) { $0 + $1.count }
        self.tensors = [TensorDescriptor(name: "hidden", dtype: .f32, shape: [rows, hidden])]
    }

    init(step: UInt64, replica: ReplicaID, stage: Int, entries: [StepPart], tensors: [TensorDescriptor]) {
        self.step = step
        self.replica = replica
        self.stage = stage
        self.entries = entries
        self.tensors = tensors
    }
}

/// A step has left the last stage.
public struct StageDone: Codable, Sendable, Hashable {
    /// The step.
    public var step: UInt64
    /// The replica.
    public var replica: ReplicaID
    /// What was sampled in it.
    public var tokens: [StepResult]

    /// Makes the body.
    public init(step: UInt64, replica: ReplicaID, tokens: [StepResult]) {
        self.step = step
        self.replica = replica
        self.tokens = tokens
    }
}

/// KV cache of some layers and positions of the request named in the envelope.
public struct KVChunk: Codable, Sendable, Hashable {
    /// The layers.
    public var layers: LayerRange
    /// The first position.
    public var start: Int
    /// Positions.
    public var count: Int
    /// Positions of the whole transfer.
    public var total: Int
    /// Longest sequence for which KV cache must be reserved; lets a chunk arrive before `sequence.open`.
    public var reservedTokens: Int
    /// The first decoder stage, which is told when the transfer is complete.
    public var firstStage: String
    /// The decoder replica; absent where the receiving worker serves only one.
    public var replica: ReplicaID?
    /// The first position that is sent at all, where the decoder replica has those before (since 1.2).
    public var from: Int?
    /// The tensor `kv`, f16 or q8_0 [layers, 2, kv heads, positions, head dim].
    public var tensors: [TensorDescriptor]

    /// Makes the body.
    public init(
        layers: LayerRange, start: Int, count: Int, total: Int, reservedTokens: Int, firstStage: String, kvHeads: Int,
        headDim: Int, type: KVType = .f16, replica: ReplicaID? = nil, from: Int? = nil
    ) {
        self.from = from
        self.replica = replica
        self.layers = layers
        self.start = start
        self.count = count
        self.total = total
        self.reservedTokens = reservedTokens
        self.firstStage = firstStage
        self.tensors = [
            TensorDescriptor(
                name: "kv", dtype: ElementType(type), shape: [layers.count, 2, kvHeads, count, headDim])
        ]
    }

    private enum CodingKeys: String, CodingKey {
        case layers, start, count, total, replica, from, tensors
        case reservedTokens = "reserved_tokens"
        case firstStage = "first_stage"
    }
}

/// A decoder stage has the KV cache of all its layers for the request named in the envelope.
public struct KVComplete: Codable, Sendable, Hashable {
    /// The stage's layers.
    public var layers: LayerRange

    /// Makes the body.
    public init(layers: LayerRange) { self.layers = layers }
}

/// The token that prefill sampled for the request named in the envelope.
public struct FirstToken: Codable, Sendable, Hashable {
    /// The token; a prefill that fails sends no such message.
    public var token: Int32
    /// Set where the sequence ends with it.
    public var finishReason: FinishReason?

    /// Makes the body.
    public init(token: Int32, finishReason: FinishReason? = nil) {
        self.token = token
        self.finishReason = finishReason
    }

    private enum CodingKeys: String, CodingKey {
        case token
        case finishReason = "finish_reason"
    }
}

/// Tokens for the client of the request named in the envelope; `final` is set on the last message.
public struct TokensEmitted: Codable, Sendable, Hashable {
    /// The tokens.
    public var tokens: [Int32]
    /// Set on the last message.
    public var finishReason: FinishReason?
    /// With the first token after a prefill: tokens whose KV cache was there already (since 1.2).
    public var cachedTokens: Int?
    /// Tokens that were guessed for the step; those here behind the first one are guesses that were right (since 1.2).
    public var guessedTokens: Int?
    /// Where log probabilities are asked for, the tensors `logprobs` f32 [tokens], `top_tokens` i32 [tokens, k] and `top_logprobs` f32
    /// [tokens, k] (since 1.2).
    public var tensors: [TensorDescriptor]?

    /// Makes the body.
    public init(
        tokens: [Int32], finishReason: FinishReason? = nil, cachedTokens: Int? = nil, guessedTokens: Int? = nil,
        tensors: [TensorDescriptor]? = nil
    ) {
        self.tensors = tensors
        self.guessedTokens = guessedTokens
        self.tokens = tokens
        self.finishReason = finishReason
        self.cachedTokens = cachedTokens
    }

    private enum CodingKeys: String, CodingKey {
        case tokens, tensors
        case finishReason = "finish_reason"
        case cachedTokens = "cached_tokens"
        case guessedTokens = "guessed_tokens"
    }
}

/// Log probabilities of some tokens of the prompt of the request named in the envelope.
public struct PromptScored: Codable, Sendable, Hashable {
    /// The position of the first of them, at least 1.
    public var start: Int
    /// The tensors `logprobs` f32 [n], n at most 512, `top_tokens` i32 [n, k] and `top_logprobs` f32 [n, k].
    public var tensors: [TensorDescriptor]

    /// Makes the body.
    public init(start: Int, tensors: [TensorDescriptor]) {
        self.start = start
        self.tensors = tensors
    }
}

/// Measures a link; the payload comes in the tensor `payload`.
public struct LinkEcho: Codable, Sendable, Hashable {
    /// The tensor `payload`, u8 [n].
    public var tensors: [TensorDescriptor]

    /// Makes the body.
    public init(payloadBytes: Int) {
        tensors = [TensorDescriptor(name: "payload", dtype: .u8, shape: [payloadBytes])]
    }
}
