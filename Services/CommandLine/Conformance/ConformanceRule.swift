import Domain
import Planning
import Protocol
import ServiceRuntime

/// Something that a service must do, by one message to it.
struct ConformanceRule: Sendable {
    /// What must come back.
    enum Expectation: Sendable {
        /// A reply of a type that this accepts; a problem is a sentence.
        case reply(MessageType, check: @Sendable (WireMessage) -> String?)
        /// An error with one of these codes; any code where there are none.
        case error(Set<String>)
        /// A reply of the type, or an error with one of these codes; any code where there are none.
        case replyOrError(MessageType, codes: Set<String> = [], check: @Sendable (WireMessage) -> String?)
        /// Whatever it does, it answers the next `ping`.
        case survives
    }

    /// One sentence.
    let name: String
    /// The frames to send.
    let frames: [[UInt8]]
    /// The message's id, which replies repeat; `nil` where the message has none that can be read.
    let id: String?
    let expectation: Expectation

    /// A rule about a message of the protocol.
    init(
        _ name: String, _ type: String, _ body: String = "{}", id: String = "1", extra: String = "",
        tensors: [[UInt8]] = [],
        expect expectation: Expectation
    ) {
        self.name = name
        self.id = id
        self.expectation = expectation
        let envelope = "{\"type\":\"\(type)\",\"id\":\"\(id)\",\"session\":\"conformance\"\(extra)}"
        frames = [Array("E2LLM/1".utf8), Array(envelope.utf8), Array(body.utf8)] + tensors
    }

    /// A rule about frames that are no message.
    init(_ name: String, frames: [[UInt8]], id: String? = nil, expect expectation: Expectation) {
        self.name = name
        self.frames = frames
        self.id = id
        self.expectation = expectation
    }

    /// Why what came back breaks the rule; `nil` where it does not.
    func problem(with answer: WireMessage?) -> String? {
        if case .survives = expectation { return nil }
        guard let answer else { return "no answer" }
        if let id, answer.envelope.replyTo != id,
            !(answer.type == .error && answer.envelope.replyTo == nil && frames.count < 3)
        {
            return "the answer repeats the id \(answer.envelope.replyTo ?? "of no message"), not \(id)"
        }
        switch expectation {
        case .survives: return nil
        case .reply(let type, let check):
            if let error = answer.reportedError { return "the error \(error.code): \(error.message)" }
            return problem(with: answer, type, check)
        case .replyOrError(let type, let codes, let check):
            if let error = answer.reportedError {
                if !codes.isEmpty, !codes.contains(error.code) { return "the error \(error.code): \(error.message)" }
                return Self.problem(with: error)
            }
            return problem(with: answer, type, check)
        case .error(let codes):
            guard let error = answer.reportedError else { return "\(answer.type) instead of an error" }
            if !codes.isEmpty, !codes.contains(error.code) {
                return "the code \(error.code) instead of \(codes.sorted().joined(separator: " or "))"
            }
            return Self.problem(with: error)
        }
    }

    private func problem(
        with answer: WireMessage, _ type: MessageType, _ check: (WireMessage) -> String?
    ) -> String? {
        guard answer.type == type else { return "\(answer.type) instead of \(type)" }
        guard answer.envelope.status == .ok else { return "the status of the answer is not ok" }
        return check(answer)
    }

    private static func problem(with error: ErrorBody) -> String? {
        let isCode = !error.code.isEmpty && error.code.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7a) || $0 == 0x5f }
        if !isCode { return "the code \"\(error.code)\" is not in snake_case" }
        return error.message.isEmpty ? "an error without a message" : nil
    }
}
