internal import Domain

/// A stage that a worker has loaded or loads, with the state of its sequences.
struct HeldStage: Sendable {
    /// How far it is.
    enum State: Sendable {
        /// The compute thread loads it; the message that asked for it is answered then.
        case loading(StageTicket)
        /// It takes sequences.
        case serving
    }

    /// A step that came from the stage before and waits until there is room on the links.
    struct WaitingStep: Sendable {
        /// The order that it becomes; its rows are kept under this name.
        var order: UInt64
        var number: UInt64
        var parts: [StepPart]
    }

    let slot: Int
    let layers: LayerRange
    /// How it keeps and sends keys and values, as the plan says that it was loaded for.
    let kvType: KVType
    var assignment: StageAssignment
    var replica: PlanReplica
    /// The epoch in which its replica was formed; messages of older ones are not for it.
    var formed: Epoch
    var state: State
    /// Blocks of KV cache that it can hold alone.
    var kvBlocks = 0
    var weightBytes: Int
    /// Drives the sequences, on the first stage.
    var driver: StageDriver
    /// The blocks that sequences may begin with, on the first stage.
    var prefixes: PrefixBook
    /// Parts of the steps that are under way, on the first stage.
    var underWay: [UInt64: [StepPart]] = [:]
    var sequences: [RequestID: HeldSequence] = [:]
    /// Blocks that they have reserved.
    var reservedBlocks = 0
    var counters = StageCounters()
    /// Steps on the compute thread, by their orders.
    var computing: [UInt64: StepOrder] = [:]
    /// Sequences that go on in another replica, until their KV cache has been sent.
    var leaving: [RequestID: LeavingSequence] = [:]
    /// Their KV cache that the compute thread reads, by its orders.
    var exporting: [UInt64: RequestID] = [:]
    var waiting: [WaitingStep] = []
    /// When the last step came back, or the oldest one that is under way was ordered; on the first stage.
    var stepAt = 0.0
    /// When leases of its sequences were last renewed.
    var keptAt: Double
    /// Tokens that every stage of its replica can hold, as the last route said.
    var replicaTokens: Int?
    /// The workers of its replica's first stage and of the one after this, as the last route named them.
    var firstEndpoint: String?
    var nextEndpoint: String?

    var index: Int { assignment.stage }
    var isFirst: Bool { index == 0 }
    var isLast: Bool { index == replica.stages.count - 1 }
    var isPrefill: Bool { replica.role == .prefill }
    var isServing: Bool { if case .serving = state { true } else { false } }

    /// The side of a route that this stage belongs to.
    func side(of route: Route) -> [RouteStage] { isPrefill ? route.prefill : route.decode }

    /// The stages of a route without which a sequence cannot go on here. What a prefill replica owes its decoder is lost with
    /// it, and the scheduler sees to that; what it has handed over is not.
    func needed(of route: Route) -> [RouteStage] { isPrefill ? route.prefill + route.decode : route.decode }

    /// The worker after this one on a sequence's way.
    func next(_ opening: SequenceOpening) -> String? {
        isLast ? nil : side(of: opening.route)[index + 1].endpoint
    }

    /// Decoder stages that need the KV cache of a sequence's prompt.
    func consumers(_ request: RequestID) -> [RouteStage] {
        guard isPrefill, let opening = sequences[request]?.opening else { return [] }
        return opening.route.consumers(of: layers)
    }

    /// The replica, or how it is driven, is new: the weights stay, nothing else does.
    mutating func forget(policy: BatchPolicy) {
        driver = StageDriver(policy: policy, replica: replica)
        _ = prefixes.forget()
        underWay = [:]
        sequences = [:]
        reservedBlocks = 0
        waiting = []
        computing = [:]
        leaving = [:]
        exporting = [:]
    }
}

/// What a worker knows about a sequence that has memory on its stage.
struct HeldSequence: Sendable {
    /// Route and limits; absent while only KV cache has come.
    var opening: SequenceOpening?
    /// Blocks that are reserved here.
    var blocks: Int
    /// Tokens that are reserved here.
    var reservedTokens: Int
    /// When it was last heard of; stages that do not drive it free it after a while.
    var heard: Double
    /// The transfer under way, on decoder stages.
    var arrival: KVArrival?
    /// Tokens generated so far, the continued ones included, on the first stage.
    var generated = 0
    /// Where it is to go on, as soon as no step of it is under way; on the first stage.
    var move: SequenceMove?
    /// What of its KV cache goes to the decoder replica; on prefill stages.
    var handover = Handover()

    /// Makes a record of a sequence that has just got its memory.
    init(blocks: Int, reservedTokens: Int, heard: Double) {
        self.blocks = blocks
        self.reservedTokens = reservedTokens
        self.heard = heard
    }
}

/// What a prefill stage hands over of a sequence. What it computes goes with the steps; what the sequence began with is
/// read and sent before the first of them, when it is known what the decoder replica has.
struct Handover: Sendable {
    /// Positions that the decoder replica has: what lies before stays here.
    var from = 0
    /// Whether that is known; until then everything is sent that is computed.
    var isSettled = false
    /// Positions that the sequence began with.
    var reused = 0
    /// Positions of these that have been sent or left out when what is ordered has been.
    var ordered = 0
    /// Whether the compute thread reads some of them.
    var isOrdered = false

    /// Whether steps may compute what follows: pieces travel in the order of their positions.
    var isReady: Bool { ordered >= reused }
}

/// A sequence that is not computed here any more, but whose KV cache another replica still needs.
struct LeavingSequence: Sendable {
    let move: SequenceMove
    /// Blocks that are reserved here.
    var blocks: Int
    /// Positions that have been sent.
    var sent = 0
    /// Positions that have been sent when what is ordered has been.
    var ordered = 0
    /// Whether the compute thread reads some of it.
    var isOrdered = false
    /// When something was last sent.
    var heard: Double
}

/// Requests that ended here lately, so that their late messages do not open them again.
struct RecentlyClosed: Sendable {
    private static let bound = 4096
    private var members: Set<RequestID> = []
    private var order: [RequestID] = []
    private var head = 0

    func contains(_ request: RequestID) -> Bool { members.contains(request) }

    mutating func insert(_ request: RequestID) {
        guard members.insert(request).inserted else { return }
        order.append(request)
        if order.count - head > Self.bound {
            members.remove(order[head])
            head += 1
        }
        if head > Self.bound {
            order.removeFirst(head)
            head = 0
        }
    }
}
