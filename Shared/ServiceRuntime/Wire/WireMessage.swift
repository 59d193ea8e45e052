public import Domain
public import Messaging
public import Protocol

/// A received message of the protocol: header checked, tensors as they came.
public struct WireMessage: Sendable {
    /// Envelope, body and tensor descriptions.
    public let header: DecodedHeader
    /// The tensor frames, in the order of `header.tensors`; their sizes have been checked.
    public let tensors: [Frame]
    /// Who sent it, on a ROUTER.
    public let peer: PeerIdentity?
    /// The public key (Z85) that the sender's connection was made with, where keys are asked for.
    public let user: String?
    /// When it was taken from the socket.
    public let arrived = ContinuousClock.now

    /// The message type.
    public var type: MessageType { header.envelope.type }
    /// The envelope.
    public var envelope: Envelope { header.envelope }
    /// Decodes the body.
    public func body<Body: Decodable>(as type: Body.Type = Body.self) throws(ProtocolError) -> Body {
        try header.body(as: type)
    }

    /// The error that a reply reports, if it does.
    public var reportedError: Fault? {
        guard envelope.status == .error else { return nil }
        return (try? body(as: Fault.self))
            ?? Fault("malformed", "the peer's error cannot be read", isRetriable: false)
    }

    /// The tensor with a name, checked for element type and number of dimensions.
    public func tensor(
        _ name: String, _ dtype: ElementType, dimensions: Int
    ) throws(ProtocolError) -> (shape: [Int], frame: Frame) {
        guard let index = header.tensors.firstIndex(where: { $0.name == name }) else {
            throw ProtocolError(.badTensor, "\(type): tensor \(name) is missing")
        }
        let description = header.tensors[index]
        guard description.dtype == dtype, description.shape.count == dimensions else {
            throw ProtocolError(
                .badTensor, "\(type): tensor \(name) is \(description.dtype.rawValue) \(description.shape)")
        }
        return (description.shape, tensors[index])
    }

    /// The values of a one-dimensional i32 tensor.
    public func tokens(_ name: String) throws(ProtocolError) -> [Int32] {
        let frame = try tensor(name, .i32, dimensions: 1).frame
        return frame.elements(as: Int32.self) ?? []
    }

    /// Decodes what a socket received.
    public static func decode(_ message: Message) throws(ProtocolError) -> WireMessage {
        let frames = message.frames
        guard frames.count >= 3 else {
            throw ProtocolError(.malformed, "a message has at least 3 frames, this one \(frames.count)")
        }
        guard frames[0].count <= 32, frames[1].count <= WireLimits.maximumEnvelopeBytes,
            frames[2].count <= WireLimits.maximumBodyBytes
        else { throw ProtocolError(.tooLarge, "the header frames are too large") }
        let header = try Codec.decode(
            version: frames[0].bytes, envelope: frames[1].bytes, body: frames[2].bytes,
            tensorByteCounts: frames.dropFirst(3).map(\.count))
        return WireMessage(header: header, tensors: Array(frames.dropFirst(3)), peer: message.peer, user: message.user)
    }
}

/// What is to be sent: the type, what it is about, the body, the tensors.
public struct Outgoing: Sendable {
    /// The message type.
    public var type: MessageType
    /// The request that it is about.
    public var request: RequestID?
    /// The plan's epoch.
    public var epoch: Epoch?
    /// Position in a sequence of messages.
    public var seq: UInt64?
    /// Set on the last message of a sequence.
    public var final: Bool?
    /// How long the sender waits for an answer; `nil` leaves it to the receiver.
    public var deadline: Duration?
    /// The body.
    public var body: any Encodable & Sendable
    /// Tensor frames in the order in which the body lists them.
    public var tensors: [Frame]

    /// Makes a message.
    public init(
        _ type: MessageType, request: RequestID? = nil, epoch: Epoch? = nil, seq: UInt64? = nil, final: Bool? = nil,
        deadline: Duration? = nil, body: any Encodable & Sendable = EmptyBody(), tensors: [Frame] = []
    ) {
        self.type = type
        self.request = request
        self.epoch = epoch
        self.seq = seq
        self.final = final
        self.deadline = deadline
        self.body = body
        self.tensors = tensors
    }

    func frames(
        id: String, session: String, replyTo: String? = nil, status: ReplyStatus? = nil
    ) throws(ProtocolError) -> [Frame] {
        let envelope = Envelope(
            type: type, id: id, replyTo: replyTo, session: session, request: request, epoch: epoch, seq: seq,
            status: status, final: final,
            deadlineMilliseconds: deadline.map { UInt64(max(0, $0 / .milliseconds(1))) })
        return try encodeFrames(envelope, body)
    }

    private func encodeFrames(
        _ envelope: Envelope, _ body: some Encodable
    ) throws(ProtocolError) -> [Frame] {
        try Codec.encode(envelope, body: body).map { Frame($0) } + tensors
    }
}
