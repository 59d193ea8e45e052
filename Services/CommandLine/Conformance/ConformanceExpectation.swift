import Domain
import Protocol
import ServiceRuntime

/// What must come back for a message.
enum ConformanceExpectation: Sendable {
    /// A reply of a type that this accepts; a problem is a sentence.
    case reply(MessageType, check: @Sendable (WireMessage) -> String?)
    /// An error with one of these codes; any code where there are none.
    case error(Set<String>)
    /// A reply of the type, or an error with one of these codes; any code where there are none.
    case replyOrError(MessageType, codes: Set<String> = [], check: @Sendable (WireMessage) -> String?)
    /// Whatever it does, it answers the next `ping`.
    case survives

    /// Why an answer is not what must come back for the message with an id; `nil` where it is.
    ///
    /// - Parameter mayLackID: whether an error need not repeat the id, because the message could not be read.
    func problem(with answer: WireMessage?, to id: String, mayLackID: Bool = false) -> String? {
        if case .survives = self { return nil }
        guard let answer else { return "no answer" }
        if answer.envelope.replyTo != id, !(mayLackID && answer.type == .error && answer.envelope.replyTo == nil) {
            return "the answer repeats the id \(answer.envelope.replyTo ?? "of no message"), not \(id)"
        }
        switch self {
        case .survives: return nil
        case .reply(let type, let check):
            if let error = answer.reportedError { return "the error \(error.code): \(error.message)" }
            return Self.problem(with: answer, type, check)
        case .replyOrError(let type, let codes, let check):
            guard let error = answer.reportedError else { return Self.problem(with: answer, type, check) }
            if !codes.isEmpty, !codes.contains(error.code) { return "the error \(error.code): \(error.message)" }
            return Self.problem(with: error)
        case .error(let codes):
            guard let error = answer.reportedError else { return "\(answer.type) instead of an error" }
            // Where keys are used, what this one may not send is refused before it is read.
            if !codes.isEmpty, !codes.contains(error.code), error.code != "not_permitted" {
                return "the code \(error.code) instead of \(codes.sorted().joined(separator: " or "))"
            }
            return Self.problem(with: error)
        }
    }

    private static func problem(
        with answer: WireMessage, _ type: MessageType, _ check: (WireMessage) -> String?
    ) -> String? {
        guard answer.type == type else { return "\(answer.type) instead of \(type)" }
        guard answer.envelope.status == .ok else { return "the status of the answer is not ok" }
        return check(answer)
    }

    private static func problem(with error: Fault) -> String? {
        let isCode = !error.code.isEmpty && error.code.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7a) || $0 == 0x5f }
        if !isCode { return "the code \"\(error.code)\" is not in snake_case" }
        return error.message.isEmpty ? "an error without a message" : nil
    }
}
