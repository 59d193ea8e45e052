import Messaging
import ServiceRuntime

/// What came of a rule.
struct ConformanceResult: Codable, Sendable {
    /// The rule, a sentence.
    var rule: String
    /// How it was broken.
    var problem: String?
}

/// Tries rules on a socket, one after the other.
struct ConformanceRun {
    let endpoint: KeyedEndpoint
    /// The service's socket, whose key the list of keys has where the endpoint names none; `nil` for workers.
    let setting: EndpointSetting?
    let keyring: Keyring?
    /// How long an answer may take.
    let seconds: Double

    /// - Throws: `Failure` where nobody answers at all.
    func run(_ rules: [ConformanceRule]) async throws -> [ConformanceResult] {
        let context = try MessagingContext()
        let result: Result<[ConformanceResult], any Error>
        do { result = .success(try await run(rules, context)) } catch { result = .failure(error) }
        await context.terminate()
        return try result.get()
    }

    private func run(_ rules: [ConformanceRule], _ context: MessagingContext) async throws -> [ConformanceResult] {
        var options = SocketOptions.control
        if let keyring, let setting, endpoint.serverKey == nil {
            options = try keyring.connecting(options, to: setting)
        } else if let keyring {
            options = try keyring.connecting(options, to: endpoint)
        }
        let dealer = try await DealerSocket.connect(
            to: endpoint.address, on: try context.makeThread(name: "rules"), options: options)
        let conversation = ConformanceConversation(seconds: seconds, received: Self.readable(dealer)) { frames in
            try await dealer.send(frames.map { Frame($0) })
        }
        guard await conversation.isAlive() else {
            await dealer.close()
            throw Failure(.notReady, "nobody answers at \(endpoint.address)")
        }
        var results: [ConformanceResult] = []
        for rule in rules {
            var problem = await rule.problem(conversation)
            let isAlive = await conversation.isAlive()
            if !isAlive { problem = (problem.map { $0 + "; then " } ?? "") + "no answer to ping afterwards" }
            results.append(ConformanceResult(rule: rule.name, problem: problem))
            if !isAlive { break }
        }
        await dealer.close()
        return results
    }

    /// What the service sends, readable messages only.
    private static func readable(_ dealer: DealerSocket) -> EventQueue<ConformanceConversation.Entry> {
        let queue = EventQueue<ConformanceConversation.Entry>(capacity: .max)
        Task {
            for await message in dealer.messages {
                if let decoded = try? WireMessage.decode(message) { queue.push(.message(decoded)) }
            }
            queue.close()
        }
        return queue
    }
}
