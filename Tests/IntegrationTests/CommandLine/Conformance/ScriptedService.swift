import Domain
import Messaging
import Protocol
import ServiceRuntime

@testable import CommandLineTool

/// A service in one closure, without sockets.
enum ScriptedService {
    /// A conversation with a service that says what the closure returns, for every message that can be read; others are
    /// refused as the protocol asks for.
    static func conversation(
        seconds: Double = 60, _ answers: @escaping @Sendable (WireMessage) throws -> [WireMessage]
    ) -> ConformanceConversation {
        let received = EventQueue<ConformanceConversation.Entry>(capacity: .max)
        return ConformanceConversation(seconds: seconds, received: received) { frames in
            let message: WireMessage
            do throws(ProtocolError) {
                message = try WireMessage.decode(Message(frames: frames.map { Frame($0) }))
            } catch {
                let id = frames.count > 1 ? Codec.messageID(envelope: frames[1]) : nil
                if let refused = try? refusal(of: id, error.fault) { received.push(.message(refused)) }
                return
            }
            for answer in try answers(message) { received.push(.message(answer)) }
        }
    }

    /// An answer to the message with an id; to none where there is no id.
    static func answer(
        to id: String?, _ type: MessageType, _ body: some Encodable = EmptyBody()
    ) throws -> WireMessage {
        try message(Envelope(type: type, id: "of-the-service", replyTo: id, session: "service", status: .ok), body)
    }

    /// An error about the message with an id.
    static func refusal(of id: String?, _ error: Fault) throws -> WireMessage {
        try message(
            Envelope(type: .error, id: "of-the-service", replyTo: id, session: "service", status: .error), error)
    }

    /// The answer to `ping` and `health.get`; `nil` to other messages.
    static func sign(of message: WireMessage) throws -> WireMessage? {
        let id = message.envelope.id
        switch message.type {
        case .ping: return try answer(to: id, .pong)
        case .healthGet:
            return try answer(to: id, .health, ServiceHealth(service: "scripted", problems: [], uptimeSeconds: 1))
        default: return nil
        }
    }

    private static func message(_ envelope: Envelope, _ body: some Encodable) throws -> WireMessage {
        try WireMessage.decode(Message(frames: try Codec.encode(envelope, body: body).map { Frame($0) }))
    }
}
