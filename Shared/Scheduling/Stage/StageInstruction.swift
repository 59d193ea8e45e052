public import Domain

/// What a worker's core wants done. Who performs it decides nothing; the order matters.
public enum StageInstruction: Sendable {
    // MARK: For the compute thread

    /// Load layers into a slot; the KV cache is kept in this type and may take so many bytes. Layers that other
    /// slots have, or that were kept, are shared; others that were kept are freed before.
    case load(slot: Int, LayerRange, KVType, kvBytes: Int)
    /// Free a slot with everything in it, but for the weights of some layers, which the next load will ask for.
    case free(slot: Int, keeping: LayerRange?)
    /// Free the weights that were kept.
    case freeKept
    /// Reserve KV cache for a sequence; where it is opened with it, what it begins with.
    case reserve(RequestID, slot: Int, tokens: Int, prefix: SequencePrefix? = nil)
    /// Get ready to sample for a sequence.
    case sample(SequenceOpening, slot: Int)
    /// Free a sequence, but for some of its blocks.
    case close(RequestID, slot: Int, keeping: [KVBlockRun] = [])
    /// Free blocks that were kept.
    case dropBlocks([KVBlockRun], slot: Int)
    /// Free all blocks that were kept and give their memory back.
    case dropAllBlocks(slot: Int)
    /// Compute a step.
    case step(StepOrder)
    /// Read KV cache of a sequence that leaves.
    case export(ExportOrder)
    /// Write the tensor of the message at hand into the KV cache.
    case importKV(RequestID, slot: Int, layers: LayerRange, positions: Range<Int>)

    // MARK: Messages whose tensors are at hand

    /// Keep the rows of the message at hand for a step that is ordered later.
    case hold(order: UInt64)
    /// Forget the rows that were kept for a step.
    case drop(order: UInt64)
    /// Send the rows that the step at hand gave to the next stage.
    case forward(ForwardedStep, to: String)
    /// Send the `export`-th piece of KV cache that the step or the export at hand gave.
    case sendKV(KVSending, export: Int, to: String)

    // MARK: Other messages

    /// Open a sequence on another stage.
    case open(SequenceOpening, to: String)
    /// Close a sequence on the next stage.
    case closeNext(RequestID, epoch: Epoch, keeping: [KVBlockRun] = [], to: String)
    /// Tell the next stage to free blocks that were kept.
    case dropNext([KVBlockRun], replica: ReplicaID, epoch: Epoch, to: String)
    /// Tell the next stage that a sequence begins with these blocks after all.
    case prefixFound(RequestID, SequencePrefix, epoch: Epoch, to: String)
    /// Tell the first stage that blocks which should have been kept are not here.
    case prefixLost(replica: ReplicaID, epoch: Epoch, to: String)
    /// Tell a prefill stage how many positions of a sequence the decoder replica has.
    case held(RequestID, tokens: Int, epoch: Epoch, to: String)
    /// Tell the next stage that a sequence leaves for another replica.
    case moveNext(SequenceMove, to: String)
    /// Renew leases on the next stage.
    case keep([RequestID], epoch: Epoch, to: String)
    /// Tell the first stage that a step is done.
    case stepDone(replica: ReplicaID, step: UInt64, [StepResult], epoch: Epoch, to: String)
    /// Tell the first stage that this one has the KV cache of its layers.
    case kvComplete(RequestID, layers: LayerRange, epoch: Epoch, to: String)
    /// Hand the first token to the decoder replica.
    case firstToken(RequestID, token: Int32, FinishReason?, epoch: Epoch, to: String)
    /// Give tokens to the gateway, `index` is that of the first one.
    /// `cached` comes with the first token after a prefill: how many tokens were in the KV cache already; `guessed` says how many
    /// tokens were guessed for the step: those behind the first are guesses that were right. `scores` are as many as tokens, where they
    /// are asked for.
    case emit(
        RequestID, index: Int, tokens: [Int32], FinishReason?, epoch: Epoch, cached: Int? = nil, guessed: Int? = nil,
        scores: [TokenLikelihood] = [], to: String)
    /// Tell the gateway how likely tokens of the prompt were, from position `start` on.
    case emitPrompt(RequestID, start: Int, scores: [TokenLikelihood], epoch: Epoch, to: String)
    /// Tell the scheduler what happened to a request.
    case report(RequestReport, epoch: Epoch)
    /// Answer a prepare message.
    case prepared(StageTicket, kvCapacityTokens: Int, kvBlockTokens: Int, weightBytes: Int, epoch: Epoch)
    /// Answer a release message.
    case released(StageTicket)
    /// Answer a prepare message with an error.
    case refuse(StageTicket, Fault)
    /// Answer the message at hand with an error.
    case refuseMessage(Fault)
    /// Write a line to the log.
    case note(String)
}

/// A step for the compute thread.
public struct StepOrder: Sendable, Hashable {
    /// One sequence's part.
    public struct Part: Sendable, Hashable {
        /// What is computed.
        public var part: StepPart
        /// Decoder stages that need this part's KV cache.
        public var consumers: [RouteStage]
        /// Positions that these will hold of the sequence.
        public var total: Int
        /// The first position that they need.
        public var from = 0
        /// Its rows in the tensor that came; the same as `part.count` rows.
        public var rows: Range<Int>
    }

    /// Where the input is.
    public enum Input: Sendable, Hashable {
        /// Token ids, on a first stage.
        case tokens([Int32])
        /// The message at hand.
        case received
        /// What was held for this order.
        case held
    }

    /// Names the order; no two of a worker have the same.
    public var id: UInt64
    /// The loaded stage.
    public var slot: Int
    /// The step's number, given by the first stage.
    public var number: UInt64
    /// Its parts; none where all sequences were closed meanwhile: the step goes on for the sake of the driver.
    public var parts: [Part]
    /// Its input.
    public var input: Input
}

/// KV cache that the compute thread is to read for the stages of another replica.
public struct ExportOrder: Sendable, Hashable {
    /// Names the order; no two of a worker have the same.
    public var id: UInt64
    /// The loaded stage.
    public var slot: Int
    /// The sequence.
    public var request: RequestID
    /// The positions.
    public var positions: Range<Int>
    /// The stages that need them.
    public var consumers: [RouteStage]
    /// Positions that these will hold of the sequence.
    public var total: Int
}

/// What goes with KV cache to a decoder stage.
public struct KVSending: Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// The decoder replica.
    public var replica: ReplicaID
    /// The epoch in which the request was routed.
    public var epoch: Epoch
    /// The layers.
    public var layers: LayerRange
    /// How its values are stored.
    public var type: KVType
    /// The first position.
    public var start: Int
    /// Positions.
    public var count: Int
    /// Positions of the whole transfer.
    public var total: Int
    /// The first position that is sent at all.
    public var from = 0
    /// Longest sequence.
    public var reservedTokens: Int
    /// The first stage of the decoder replica.
    public var firstStage: String
}
