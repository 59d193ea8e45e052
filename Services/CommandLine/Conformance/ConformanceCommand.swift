import ArgumentParser
import Foundation
import Messaging
import Protocol
import ServiceRuntime

/// `e2llm conformance`: whether an implementation of a service keeps the rules of the protocol, as seen over its socket.
struct ConformanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Exercises an implementation of a service over its socket and reports what it breaks.",
        discussion:
            "Valid messages, unknown, damaged, repeated and out of range ones. Exit code 1 where a rule is broken.")

    @Option(help: "profiler, partitioner, clusterer, scheduler, gateway or worker (data socket).") var service: String
    @Option(
        help:
            "The service's ROUTER, such as tcp://127.0.0.1:5553; with ?key=... as it is announced, where keys are used."
    )
    var endpoint: String
    @OptionGroup var cluster: ClusterOptions
    @Option(help: "Seconds that an answer may take.") var timeout: Double = 30
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            guard let kind = ConformanceRules.Service(rawValue: service) else {
                let known = ConformanceRules.Service.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(.usage, "\(service) is none of \(known)")
            }
            guard timeout > 0, timeout < 3600 else { throw Failure(.usage, "--timeout is 0 to 3600 seconds") }
            let results = try await ConformanceRun(
                endpoint: KeyedEndpoint(endpoint), keyring: try cluster.addresses().keyring, seconds: timeout
            ).run(ConformanceRules.rules(kind))
            let broken = results.filter { $0.problem != nil }
            if json {
                try JSONOutput.print(results)
            } else {
                for result in results {
                    print(result.problem.map { "BROKEN  \(result.rule): \($0)" } ?? "kept    \(result.rule)")
                }
                print("\(results.count - broken.count) rules are kept, \(broken.count) are broken")
            }
            if !broken.isEmpty { throw ExitCode(1) }
        }
    }
}

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
    let keyring: Keyring?
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
        let options = try keyring?.connecting(.control, to: endpoint) ?? .control
        let dealer = try await DealerSocket.connect(
            to: endpoint.address, on: try context.makeThread(name: "rules"), options: options)
        let answers = Answers(dealer)
        guard await isAlive(dealer, answers, id: "first") else {
            throw Failure(.notReady, "nobody answers at \(endpoint.address)")
        }
        var results: [ConformanceResult] = []
        for (number, rule) in rules.enumerated() {
            try await dealer.send(rule.frames.map { Frame($0) })
            var problem: String?
            if case .survives = rule.expectation {
            } else {
                problem = rule.problem(
                    with: await answers.next(within: seconds) { $0.envelope.replyTo != "alive-\(number - 1)" })
            }
            if !(await isAlive(dealer, answers, id: "alive-\(number)")) {
                problem = (problem.map { $0 + "; then " } ?? "") + "no answer to ping afterwards"
                results.append(ConformanceResult(rule: rule.name, problem: problem))
                break
            }
            results.append(ConformanceResult(rule: rule.name, problem: problem))
        }
        await dealer.close()
        return results
    }

    private func isAlive(_ dealer: DealerSocket, _ answers: Answers, id: String) async -> Bool {
        let envelope = "{\"type\":\"ping\",\"id\":\"\(id)\",\"session\":\"conformance\"}"
        guard (try? await dealer.send([Frame("E2LLM/1"), Frame(envelope), Frame("{}")])) != nil else { return false }
        return await answers.next(within: min(seconds, 10)) { $0.envelope.replyTo == id && $0.type == .pong } != nil
    }

    /// What the service sends, readable messages only.
    private final class Answers: Sendable {
        private let queue = EventQueue<WireMessage?>(capacity: .max)

        init(_ dealer: DealerSocket) {
            Task { [queue] in
                for await message in dealer.messages {
                    if let decoded = try? WireMessage.decode(message) { queue.push(decoded) }
                }
                queue.close()
            }
        }

        /// The next message that is wanted; others are dropped.
        func next(within seconds: Double, where isWanted: (WireMessage) -> Bool) async -> WireMessage? {
            let deadline = Task { [queue] in
                try await Task.sleep(for: .seconds(seconds))
                queue.push(nil)
            }
            defer { deadline.cancel() }
            while let entry = await queue.next() {
                guard let message = entry else { return nil }
                if isWanted(message) { return message }
            }
            return nil
        }
    }
}
