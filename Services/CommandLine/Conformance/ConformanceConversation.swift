import Protocol
import ServiceRuntime

/// What is said to a service and what it answers. Every message has an id of its own, and answers are kept by the id
/// that they repeat, so that a late one is never taken for the answer to something else.
actor ConformanceConversation {
    /// What comes in.
    enum Entry: Sendable {
        case message(WireMessage)
        /// The wait with this number is over.
        case deadline(Int)
    }

    /// The session of all messages: it names this process, so a second run must not have the same.
    let session = Session.randomName(bytes: 16)
    /// How long an answer may take.
    let seconds: Double

    private let transmit: @Sendable ([[UInt8]]) async throws -> Void
    private let received: EventQueue<Entry>
    private var issued: Set<String> = []
    /// Answers that came while another one was waited for.
    private var kept: [String: WireMessage] = [:]
    /// Messages whose id may be unreadable and that were not answered: as many errors may repeat none.
    private var unreadable: Set<String> = []
    private var waits = 0

    /// - Parameters:
    ///   - received: what the service sends; the conversation is its only consumer.
    ///   - transmit: sends the frames of one message.
    init(
        seconds: Double, received: EventQueue<Entry>, transmit: @escaping @Sendable ([[UInt8]]) async throws -> Void
    ) {
        self.seconds = seconds
        self.received = received
        self.transmit = transmit
    }

    /// Sends a message.
    ///
    /// - Parameter prefix: what its id begins with.
    /// - Returns: its id.
    func send(_ message: ConformanceMessage, prefix: String = "") async -> String {
        let id = nextID(prefix)
        try? await transmit(message.frames(id: id, session: session))
        return id
    }

    /// Sends frames that are no sound message; `frames` is given the id.
    ///
    /// - Returns: the id, which the answer may lack.
    func send(frames: @Sendable (_ id: String) -> [[UInt8]]) async -> String {
        let id = nextID("")
        unreadable.insert(id)
        try? await transmit(frames(id))
        return id
    }

    /// The answer to a message; `nil` where none came in time. Answers that repeat no id, or one that was never sent,
    /// are returned as well: the service must have meant this message.
    func answer(to id: String, within limit: Double? = nil) async -> WireMessage? {
        if let answer = kept.removeValue(forKey: id) { return answer }
        waits += 1
        let wait = waits
        let deadline = Task { [received, limit = limit ?? seconds] in
            try await Task.sleep(for: .seconds(limit))
            received.push(.deadline(wait))
        }
        defer { deadline.cancel() }
        while let entry = await received.next() {
            switch entry {
            // A deadline of an earlier wait may have come with the answer to it.
            case .deadline(let number): if number == wait { return nil }
            case .message(let message): if isAnswer(message, to: id) { return message }
            }
        }
        return nil
    }

    /// Sends a message and waits for its answer.
    func ask(
        _ message: ConformanceMessage, prefix: String = "", within limit: Double? = nil
    ) async -> (id: String, answer: WireMessage?) {
        let id = await send(message, prefix: prefix)
        return (id, await answer(to: id, within: limit))
    }

    /// Waits until the run loop has taken everything that was sent before: only `health.get` is answered there, `ping`
    /// may be answered before it.
    ///
    /// - Returns: whether it has.
    func settle() async -> Bool {
        let (id, answer) = await ask(ConformanceMessage(.healthGet))
        return answer?.type == .health && answer?.envelope.replyTo == id
    }

    /// Whether the service answers `ping`.
    func isAlive() async -> Bool {
        let (id, answer) = await ask(ConformanceMessage(.ping), within: min(seconds, 10))
        return answer?.type == .pong && answer?.envelope.replyTo == id
    }

    /// The answer to a message, where it is here already.
    func answered(_ id: String) -> WireMessage? { kept.removeValue(forKey: id) }

    /// Whether a message is the answer to what was sent under an id; what answers something else is kept for it.
    private func isAnswer(_ message: WireMessage, to id: String) -> Bool {
        // Without a status it is no answer, but something that the service asks or tells by itself.
        guard message.envelope.status != nil else { return message.envelope.replyTo == id }
        if let named = message.envelope.replyTo {
            unreadable.remove(named)
            guard named != id, issued.contains(named) else { return true }
            kept[named] = message
            return false
        }
        guard message.reportedError != nil, let first = unreadable.min() else { return true }
        let isMine = unreadable.contains(id)
        unreadable.remove(isMine ? id : first)
        return isMine
    }

    private func nextID(_ prefix: String) -> String {
        let id = "\(prefix)\(issued.count + 1)"
        issued.insert(id)
        return id
    }
}
