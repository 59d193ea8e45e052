import Domain
import Protocol

/// Everything that can happen to the gateway's core. The time is given to `handle`.
enum GatewayEvent: Sendable {
    /// A client asks for sequences, which live and fail one by one.
    case opened([RequestID: SequenceStream])
    /// Nobody waits for a sequence any more.
    case abandoned(RequestID)
    /// Somebody wants a sequence ended that its client waits for.
    case cancelled(RequestID)
    /// The scheduler routed a submission.
    case accepted(RequestID, submission: Int, RequestAccepted)
    /// The scheduler refused a submission, or did not answer.
    case refused(RequestID, submission: Int, Fault)
    /// A last stage sent tokens; `index` is the number of the first one in the output.
    /// With the first ones after a prefill comes how many tokens were in the KV cache already.
    /// `guessed` says how many tokens were guessed for the step that gave them.
    /// `scores` are as many as tokens, where log probabilities are asked for.
    case tokens(
        RequestID, index: Int, [Int32], FinishReason?, cached: Int? = nil, guessed: Int? = nil,
        scores: [TokenLikelihood] = [])
    /// A last stage told how likely tokens of the prompt are, from a position on.
    case promptScored(RequestID, start: Int, [TokenLikelihood])
    /// The scheduler says that a request cannot go on where it was.
    case lost(RequestID, Fault)
    /// The scheduler says that a request goes on in another replica.
    case moved(RequestID, RequestMoved)
    /// A stage reported a moment of a request.
    case moment(RequestID, RequestEvent.Moment)
    /// The scheduler published its state.
    case schedulerState(SchedulerState, session: String)
    /// The scheduler sent anything else.
    case schedulerHeard(session: String)
    /// Time has passed; sent several times a second.
    case tick
    /// The process stops: what still runs is failed.
    case stopping
}

/// What the gateway's core wants done. Who performs it decides nothing.
enum GatewayInstruction: Sendable, Hashable {
    /// Hand a request to the scheduler; its answer is reported with the same id and submission number.
    case submit(Submission)
    /// Have the scheduler stop a request.
    case cancel(RequestID)
    /// Tell the scheduler which requests are waited for.
    case heartbeat([RequestID])
    /// Tell the client's side.
    case deliver(RequestID, RequestOutput)
}

/// A request as it is handed to the scheduler.
struct Submission: Sendable, Hashable {
    /// The id on the wire: a continued request gets a new one, so that late messages of the old route are ignored.
    var id: RequestID
    /// Counts the submissions of a sequence.
    var number: Int
    /// Prompt and emitted tokens.
    var tokens: [Int32]
    /// How many of them were generated.
    var generatedTokens: Int
    /// How tokens are chosen.
    var sampling: SamplingParameters
    /// When generation ends.
    var stop: StopConditions
    /// Only requests with the same salt share KV cache.
    var cacheSalt: String?
    /// What the output must follow.
    var constraint: SamplingConstraint?
}

/// What happens to one sequence, as its client sees it.
enum RequestOutput: Sendable, Hashable {
    /// It has been routed.
    case accepted(plan: PlanID)
    /// Text for so many new tokens, and those that are shown where their log probabilities are asked for.
    case text(String, tokens: Int, scored: [ScoredToken] = [])
    /// How likely the tokens of the prompt are; before any text.
    case prompt([ScoredToken])
    /// It is complete.
    case ended(FinishReason, stop: SequenceStream.StopCause?, SequenceTimes)
    /// It failed.
    case failed(Fault)
}

/// What is known about the course of a sequence; all times in seconds of the gateway's clock.
struct SequenceTimes: Sendable, Hashable {
    /// When the client's request came.
    var opened: Double
    /// When the scheduler had routed it (the last time).
    var accepted: Double?
    /// When the first prefill step began, as far as the scheduler has said so.
    var prefillStarted: Double?
    /// When the first token came.
    var firstToken: Double?
    /// When its KV cache was complete on the decoder that serves it last; absent where none travels.
    var kvComplete: Double?
    /// When its first decode step began.
    var decodeStarted: Double?
    /// When the last token came.
    var lastToken: Double?
    /// How long it waited in the scheduler, in milliseconds.
    var queueMilliseconds: Double = 0
    /// The plan that served it last.
    var plan: PlanID?
    /// The replica that prefilled it last.
    var prefillReplica: ReplicaID?
    /// The replica that decoded it last.
    var decodeReplica: ReplicaID?
    /// How many times it was continued elsewhere by computing it again.
    var continuations = 0
    /// Those of them before its first token.
    var restarts = 0
    /// How many times it was continued elsewhere with its KV cache.
    var moves = 0
    /// How many times it gave its KV cache up for older sequences, and was computed again when there was room.
    var preemptions = 0
    /// Prompt tokens.
    var promptTokens: Int
    /// Those of them whose KV cache was there already, at the first prefill; `nil` where nobody looked.
    var cachedTokens: Int?
    /// Tokens of the output, hidden ones included.
    var outputTokens = 0
    /// Tokens that were guessed, and those of them that were right.
    var guessedTokens = 0
    var acceptedTokens = 0
}
