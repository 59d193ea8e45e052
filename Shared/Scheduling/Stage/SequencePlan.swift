public import Domain

/// What the first stage of a replica needs to know to drive a sequence.
public struct SequencePlan: Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// Tokens that must be in the KV cache before the first token can be sampled (prompt and continued output).
    public var tokenCount: Int
    /// Whether this replica computes them; otherwise their KV cache arrives from a prefill replica.
    public var prefillsHere: Bool
    /// Whether this replica generates tokens after the first one.
    public var decodesHere: Bool
    /// Tokens for which KV cache is reserved, where it may grow beyond them; `nil`: what is reserved suffices to the end.
    public var growsFrom: Int?
    /// Tokens for which KV cache is reserved in any case.
    public var mostTokens: Int
    /// Tokens that are in the KV cache already, less than all.
    public var cachedTokens: Int
    /// Its tokens, where what follows may be guessed from them; `nil`: nothing is guessed.
    public var guessesFrom: [Int32]?

    /// Tokens that must be computed.
    var missingTokens: Int { tokenCount - cachedTokens }

    /// Makes a plan.
    public init(
        request: RequestID, tokenCount: Int, prefillsHere: Bool, decodesHere: Bool, growsFrom: Int? = nil,
        cachedTokens: Int = 0, mostTokens: Int = 0, guessesFrom: [Int32]? = nil
    ) {
        self.mostTokens = mostTokens
        self.guessesFrom = guessesFrom
        self.growsFrom = growsFrom
        self.cachedTokens = max(0, min(cachedTokens, tokenCount - 1))
        self.request = request
        self.tokenCount = tokenCount
        self.prefillsHere = prefillsHere
        self.decodesHere = decodesHere
    }
}

/// One engine iteration over a batch, which then travels through the stages of the replica.
public struct Step: Sendable, Hashable {
    /// Numbered from 1 by the first stage.
    public var number: UInt64
    /// The parts; a sequence is in a step at most once.
    public var parts: [StepPart]

    /// Makes a step.
    public init(number: UInt64, parts: [StepPart]) {
        self.number = number
        self.parts = parts
    }

    /// Rows of all parts.
    public var rows: Int { parts.reduce(0) { $0 + $1.count } }
    /// Rows that continue generated text.
    public var decodeRows: Int { parts.reduce(0) { $0 + ($1.inputToken == nil ? 0 : $1.count) } }
    /// Rows of prompts.
    public var promptRows: Int { rows - decodeRows }
}

/// What the first stage has to do after an input.
public enum DriverInstruction: Sendable, Hashable {
    /// Free the sequence on this and all later stages.
    case close(RequestID)
    /// The first prompt rows of the request are about to be computed.
    case prefillStarted(RequestID)
    /// The first token was sampled.
    case prefillFinished(RequestID)
    /// All stages hold the KV cache of the prompt.
    case kvComplete(RequestID)
    /// The first decode step is about to be computed.
    case decodeStarted(RequestID)
    /// A step with rows of the sequence was lost on its way.
    case lost(RequestID)
    /// The sequence needs KV cache for so many tokens on all stages.
    case grow(RequestID, tokens: Int)
    /// The sequence gives its KV cache up for older ones; it is closed right after this.
    case preempted(RequestID)
    /// The sequence goes on in another replica; nothing of it is under way here. What it has generated here; the last token is
    /// not in the KV cache yet.
    case left(RequestID, output: [Int32])
    /// The request ended here; nothing of it is left in this replica.
    case finished(RequestID, FinishReason)

    /// Whom it is about.
    public var request: RequestID {
        switch self {
        case .close(let request), .prefillStarted(let request), .prefillFinished(let request),
            .kvComplete(let request), .decodeStarted(let request), .lost(let request), .left(let request, _),
            .grow(let request, _), .preempted(let request), .finished(let request, _):
            request
        }
    }
}

/// KV cache that sequences of a replica may still take, on every stage.
public struct KVRoom: Sendable, Hashable {
    /// Blocks that nobody has reserved.
    public var freeBlocks: Int
    /// Tokens of a block.
    public var blockTokens: Int

    /// Makes a record.
    public init(freeBlocks: Int, blockTokens: Int) {
        self.freeBlocks = freeBlocks
        self.blockTokens = max(1, blockTokens)
    }

    /// Blocks of a sequence that holds so many tokens.
    func blocks(_ tokens: Int) -> Int { (tokens + blockTokens - 1) / blockTokens }
}
