import Protocol

/// Something that a service must do.
struct ConformanceRule: Sendable {
    /// One sentence.
    let name: String
    /// Tries it: how it is broken, `nil` where it is kept.
    let problem: @Sendable (ConformanceConversation) async -> String?

    /// A rule that takes several messages.
    init(_ name: String, _ problem: @escaping @Sendable (ConformanceConversation) async -> String?) {
        self.name = name
        self.problem = problem
    }

    /// A rule about one message.
    ///
    /// - Parameter prefix: what the message's id begins with.
    init(
        _ name: String, _ message: ConformanceMessage, prefix: String = "", expect expectation: ConformanceExpectation
    ) {
        self.init(name) { conversation in
            let id = await conversation.send(message, prefix: prefix)
            if case .survives = expectation { return nil }
            return expectation.problem(with: await conversation.answer(to: id), to: id)
        }
    }

    /// A rule about frames that are no sound message; they are made for an id, which not all of them carry.
    init(
        _ name: String, frames: @escaping @Sendable (_ id: String) -> [[UInt8]],
        expect expectation: ConformanceExpectation
    ) {
        self.init(name) { conversation in
            let id = await conversation.send(frames: frames)
            if case .survives = expectation { return nil }
            return expectation.problem(with: await conversation.answer(to: id), to: id, mayLackID: true)
        }
    }
}
