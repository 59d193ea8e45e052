import CZeroMQ

/// A peer that wants to connect to a CURVE server (ZAP, rfc.zeromq.org/spec/27).
public struct AuthenticationRequest: Sendable, Hashable {
    /// What the server's socket is called, `Security.curveServer`'s domain.
    public var domain: String
    /// The address that the peer connects from.
    public var address: String
    /// The peer's public key in Z85.
    public var publicKey: String
}

/// Answers libzmq's questions about who may connect to the CURVE servers of a context.
final class Authenticator: Sendable {
    /// `@unchecked Sendable`: the socket is used by the thread that makes it before the other one starts, and by that one only
    /// afterwards, which libzmq allows.
    private final class Handover: @unchecked Sendable {
        let socket: Socket
        init(_ socket: consuming Socket) { self.socket = socket }
    }

    private let thread: OperatingSystemThread

    /// Starts to answer; every server that is bound afterwards asks here.
    ///
    /// - Parameter admits: called on a thread of its own; whether a peer gets in.
    init(context: ContextCore, admits: @escaping @Sendable (AuthenticationRequest) -> Bool) throws(MessagingError) {
        let socket = try context.makeSocket(ZMQ_REP)
        try socket.set(ZMQ_LINGER, 0, "the linger time")
        try socket.bind("inproc://zeromq.zap.01")
        let handover = Handover(socket)
        thread = try OperatingSystemThread.start(name: "keys") { Self.answer(handover.socket, admits) }
    }

    /// Answers until the context ends.
    private static func answer(
        _ socket: borrowing Socket, _ admits: (AuthenticationRequest) -> Bool
    ) {
        while true {
            switch socket.wait() {
            case .ended: return
            case .nothing: continue
            case .readable: break
            }
            guard case .message(let frames, _) = socket.receive(maximumFrames: 8) else { continue }
            var isAdmitted = false
            if frames.count == 7, frames[0].bytes == Array("1.0".utf8), frames[5].bytes == Array("CURVE".utf8),
                let key = CurveKeyPair.text(frames[6].bytes)
            {
                isAdmitted = admits(
                    AuthenticationRequest(
                        domain: String(decoding: frames[2].bytes, as: UTF8.self),
                        address: String(decoding: frames[3].bytes, as: UTF8.self), publicKey: key))
            }
            let user = frames.count == 7 ? CurveKeyPair.text(frames[6].bytes) ?? "" : ""
            // 300, "try again later": a client that is told 400 gives up for ever, and its key may be let in later.
            let reply = [
                "1.0", nil, isAdmitted ? "200" : "300", isAdmitted ? "OK" : "unknown key", isAdmitted ? user : "", "",
            ]
            let parts = reply.map { text in text.map { Frame($0) } ?? (frames.count > 1 ? frames[1] : Frame("")) }
            _ = socket.send(identity: nil, frames: parts)
        }
    }
}
