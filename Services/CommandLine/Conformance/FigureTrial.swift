import Protocol
import ServiceRuntime

/// Varies every figure of a message that is sound otherwise: it must be refused or taken, and the service must go on.
struct FigureTrial: Sendable {
    /// The sound message; where its envelope names a request, each message gets one of its own.
    var sound: ConformanceMessage
    /// What answers it; `nil` where only errors are answered.
    var reply: MessageType?
    /// Figures of the body that may be left out, their keys joined by dots.
    var optional: Set<String> = []
    /// Makes the service listen to the message; a problem is a sentence.
    var introduction: (@Sendable (ConformanceConversation) async -> Introduction)?
    /// Sent after the message, with its request.
    var afterwards: MessageType?

    /// What came of an introduction.
    enum Introduction: Sendable {
        case welcome
        /// The key that is used may not send such messages: nothing can be learnt.
        case notPermitted
        case problem(String)
    }

    /// Where a figure is.
    private enum Place: Sendable {
        case body(WireValue.Path)
        case envelope(WireValue.Path)

        var name: String {
            switch self {
            case .body(let path): path.joined(separator: ".")
            case .envelope(let path): "envelope." + path.joined(separator: ".")
            }
        }
    }

    /// A rule for every figure.
    var rules: [ConformanceRule] {
        let places = sound.envelope.figures.map { Place.envelope($0) } + sound.body.figures.map { Place.body($0) }
        return places.map { place in
            ConformanceRule("\(sound.type) is taken or refused, whatever its \(place.name) is") { conversation in
                await problem(of: place, conversation)
            }
        }
    }

    private func problem(of place: Place, _ conversation: ConformanceConversation) async -> String? {
        switch await introduction?(conversation) {
        case .notPermitted?: return nil
        case .problem(let problem)?: return problem
        case .welcome?, nil: break
        }
        for edge in FigureEdge.all {
            if let problem = await problem(of: place, edge, conversation) { return "\(edge.name): \(problem)" }
        }
        return nil
    }

    private func problem(
        of place: Place, _ edge: FigureEdge, _ conversation: ConformanceConversation
    ) async -> String? {
        let message = varied(place, edge)
        let id = await conversation.send(message)
        if let afterwards { _ = await conversation.send(ConformanceMessage(afterwards, envelope: message.envelope)) }
        guard await conversation.settle() else { return "health.get is not answered afterwards" }
        let mustFail = edge.isMistyped || edge.value == nil && isNeeded(place)
        var answer = await conversation.answered(id)
        if answer == nil, mustFail || reply != nil { answer = await conversation.answer(to: id) }
        if mustFail { return ConformanceExpectation.error([]).problem(with: answer, to: id) }
        if let reply {
            let expectation = ConformanceExpectation.replyOrError(reply, check: { _ in nil })
            return expectation.problem(with: answer, to: id)
        }
        guard let answer else { return nil }
        return ConformanceExpectation.error([]).problem(with: answer, to: id)
    }

    private func varied(_ place: Place, _ edge: FigureEdge) -> ConformanceMessage {
        var message = sound
        let request = "conformance-\(Session.randomName(bytes: 8))"
        message.envelope = message.envelope.setting(["request"], to: .text(request))
        switch place {
        case .body(let path): message.body = message.body.setting(path, to: edge.value)
        case .envelope(let path): message.envelope = message.envelope.setting(path, to: edge.value)
        }
        return message
    }

    /// Whether a message without the figure cannot be read. Lists may be shorter, and every figure of the envelope is
    /// optional.
    private func isNeeded(_ place: Place) -> Bool {
        guard case .body(let path) = place, let last = path.last else { return false }
        return Int(last) == nil && !optional.contains(place.name)
    }
}
