public import Domain

/// What became of single requests, as every process that had to do with them remembers it (since 1.2).
extension MessageType {
    /// Asks a service for moments of requests: `TraceQuestion`; answered with `trace`.
    public static let traceGet: MessageType = "trace.get"
    /// Reply to `trace.get`: `ServiceTrace`.
    public static let trace: MessageType = "trace"
}

/// Which moments are asked for: those of a request, those of the last seconds, else those of the newest request.
public struct TraceQuestion: Codable, Sendable, Hashable {
    /// A request as the wire names it, or the beginning of its name up to a `-` or `~`: all choices of an answer
    /// have one name in front of `-`, all continuations of a choice one in front of `~`.
    public var request: String?
    /// All moments of so many last seconds.
    public var seconds: Double?
    /// At most so many moments, the newest ones.
    public var limit: Int?

    /// Makes the body.
    public init(request: String? = nil, seconds: Double? = nil, limit: Int? = nil) {
        self.request = request
        self.seconds = seconds
        self.limit = limit
    }

    /// Whether a request is one of those that are asked for by a name.
    public static func names(_ name: String, _ request: RequestID) -> Bool {
        let (name, request) = (name.utf8, request.rawValue.utf8)
        guard request.starts(with: name) else { return false }
        let rest = request.dropFirst(name.count)
        return rest.first.map { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "~") } ?? true
    }

    /// The name that all choices and continuations of a request's answer have in common.
    public static func name(of request: RequestID) -> String {
        String(request.rawValue.prefix { $0 != "-" && $0 != "~" })
    }
}

/// What a process remembers.
public struct ServiceTrace: Codable, Sendable, Hashable {
    /// The name of its executable.
    public var service: String
    /// The device of a worker.
    public var device: DeviceID?
    /// The wall clock of the process, microseconds since 1970, when it read its memory.
    public var clockMicroseconds: Int
    /// What was asked for by its name; of the newest request where none was named, absent where there is none.
    public var request: String?
    /// The oldest moment that the process remembers: what happened before is forgotten. Absent where nothing is.
    public var sinceMicroseconds: Int?
    /// The moments in the order of their time; with those of a request come the computations of others in between.
    public var moments: [TraceMoment]

    /// Makes the body.
    public init(
        service: String, device: DeviceID? = nil, clockMicroseconds: Int, request: String? = nil,
        sinceMicroseconds: Int? = nil, moments: [TraceMoment]
    ) {
        self.service = service
        self.device = device
        self.clockMicroseconds = clockMicroseconds
        self.request = request
        self.sinceMicroseconds = sinceMicroseconds
        self.moments = moments
    }

    private enum CodingKeys: String, CodingKey {
        case service, device, request, moments
        case clockMicroseconds = "clock_us"
        case sinceMicroseconds = "since_us"
    }
}

/// Something that happened to a request in a process. It holds no tokens and no text.
public struct TraceMoment: Codable, Sendable, Hashable {
    /// What happened; one that a reader does not know is shown by its name.
    public struct Kind: RawRepresentable, Codable, Sendable, Hashable {
        /// The name on the wire.
        public let rawValue: String

        /// Makes a kind; any name is accepted.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The gateway took a client's request.
        public static let received = Kind(rawValue: "received")
        /// The gateway handed it to the scheduler, or the scheduler got it.
        public static let submitted = Kind(rawValue: "submitted")
        /// The gateway heard where it is computed.
        public static let accepted = Kind(rawValue: "accepted")
        /// The scheduler, or the gateway for its clients, would not have it.
        public static let refused = Kind(rawValue: "refused")
        /// The scheduler sent it to its first stage.
        public static let routed = Kind(rawValue: "routed")
        /// It goes on in another replica.
        public static let moved = Kind(rawValue: "moved")
        /// It could not go on where it was.
        public static let lost = Kind(rawValue: "lost")
        /// Nobody waits for it any more.
        public static let cancelled = Kind(rawValue: "cancelled")
        /// The first token came to the gateway.
        public static let firstToken = Kind(rawValue: "first_token")
        /// Another token came to the gateway.
        public static let token = Kind(rawValue: "token")
        /// The gateway has told its client the end.
        public static let ended = Kind(rawValue: "ended")
        /// It failed for its client.
        public static let failed = Kind(rawValue: "failed")
        /// The scheduler heard that its first prefill step began.
        public static let prefillStarted = Kind(rawValue: "prefill_started")
        /// The scheduler heard that its first token was sampled.
        public static let prefillFinished = Kind(rawValue: "prefill_finished")
        /// The scheduler heard that all decoder stages have its KV cache.
        public static let kvComplete = Kind(rawValue: "kv_complete")
        /// The scheduler heard that its first decode step began.
        public static let decodeStarted = Kind(rawValue: "decode_started")
        /// The scheduler heard that all stages were told to free it.
        public static let finished = Kind(rawValue: "finished")
        /// A stage opened the sequence.
        public static let opened = Kind(rawValue: "opened")
        /// Rows of a step came from the stage before.
        public static let rowsReceived = Kind(rawValue: "rows_received")
        /// A stage computed rows of a step.
        public static let computed = Kind(rawValue: "computed")
        /// Rows of a step were handed to the link to the next stage.
        public static let rowsSent = Kind(rawValue: "rows_sent")
        /// A first stage heard that a step has left the last one.
        public static let stepDone = Kind(rawValue: "step_done")
        /// KV cache was handed to the link to a decoder stage.
        public static let kvSent = Kind(rawValue: "kv_sent")
        /// KV cache came from a prefill stage.
        public static let kvReceived = Kind(rawValue: "kv_received")
        /// The first token was handed to the decoder replica.
        public static let firstTokenSent = Kind(rawValue: "first_token_sent")
        /// The decoder replica got the first token.
        public static let firstTokenReceived = Kind(rawValue: "first_token_received")
        /// A token was handed to the link to the gateway.
        public static let emitted = Kind(rawValue: "emitted")
        /// A stage freed the sequence.
        public static let closed = Kind(rawValue: "closed")
    }

    /// When it happened, or began: microseconds since 1970.
    public var atMicroseconds: Int
    /// How long it took, where it does take time.
    public var tookMicroseconds: Int?
    /// What happened.
    public var kind: Kind
    /// To which request.
    public var request: RequestID
    /// In which replica.
    public var replica: ReplicaID?
    /// On which of its stages, from 0.
    public var stage: Int?
    /// In which of its steps.
    public var step: UInt64?
    /// Rows, or tokens, of the request.
    public var rows: Int?
    /// The position of the first row in the sequence, or the number of a token in the output.
    public var position: Int?
    /// Bytes that were sent or received.
    public var bytes: Int?
    /// Whether the rows continue generated text; absent where they are a prompt's.
    public var decode: Bool?

    /// Makes a moment.
    public init(
        at atMicroseconds: Int, took tookMicroseconds: Int? = nil, _ kind: Kind, _ request: RequestID,
        replica: ReplicaID? = nil, stage: Int? = nil, step: UInt64? = nil, rows: Int? = nil, position: Int? = nil,
        bytes: Int? = nil, decode: Bool? = nil
    ) {
        self.atMicroseconds = atMicroseconds
        self.tookMicroseconds = tookMicroseconds
        self.kind = kind
        self.request = request
        self.replica = replica
        self.stage = stage
        self.step = step
        self.rows = rows
        self.position = position
        self.bytes = bytes
        self.decode = decode
    }

    private enum CodingKeys: String, CodingKey {
        case kind, request, replica, stage, step, rows, position, bytes, decode
        case atMicroseconds = "at_us"
        case tookMicroseconds = "took_us"
    }
}
