import Domain
import Foundation

/// What became of one request; times in seconds.
struct ServeOutcome: Sendable, Hashable {
    /// When it was sent, from the start of the run.
    var sent: Double = 0
    /// Tokens of the prompt, counted by the server where it does.
    var inputTokens = 0
    /// Tokens that came.
    var outputTokens = 0
    /// From sending to the first token.
    var firstToken: Double = 0
    /// Between one piece of the answer and the next one.
    var gaps: [Double] = []
    /// From sending to the end of the answer.
    var latency: Double = 0
    /// Why it did not finish.
    var problem: String?
    /// Whether the server counted tokens itself.
    var isCounted = false
    /// Tokens that were asked for.
    var wantedTokens = 0

    /// Seconds a token behind the first one; `nil` where there is none.
    var perToken: Double? { outputTokens > 1 ? (latency - firstToken) / Double(outputTokens - 1) : nil }
}

/// Reads the answer to one request as it comes.
struct ServeAnswer: Sendable {
    private struct Chunk: Decodable {
        struct Choice: Decodable {
            struct Delta: Decodable {
                var role: String?
                var content: String?
                var reasoning: String?
                enum CodingKeys: String, CodingKey {
                    case role, content
                    case reasoning = "reasoning_content"
                }
            }
            var text: String?
            var delta: Delta?
            var finish: String?
            enum CodingKeys: String, CodingKey {
                case text, delta
                case finish = "finish_reason"
            }

            /// Whether it brings a piece of the answer. The first token may have no text yet: half of a character. What
            /// only names the role, or only the end, brings none.
            var isPiece: Bool {
                let piece = delta.map { ($0.content ?? "") + ($0.reasoning ?? "") } ?? text ?? ""
                return !piece.isEmpty || finish == nil && delta?.role == nil
            }
        }
        struct Usage: Decodable {
            var inputTokens: Int?
            var outputTokens: Int?
            enum CodingKeys: String, CodingKey {
                case inputTokens = "prompt_tokens"
                case outputTokens = "completion_tokens"
            }
        }
        struct Problem: Decodable { var message: String }
        var choices: [Choice]?
        var usage: Usage?
        var error: Problem?
    }

    private let request: ServeRequest
    private var status = 0
    private var refusal = ""
    private var problem: String?
    private var isEnded = false
    private var pieces: [Double] = []
    private var end: Double = 0
    private var usage: Chunk.Usage?

    init(_ request: ServeRequest) { self.request = request }

    /// Takes what the connection gave.
    ///
    /// - Parameter seconds: since the request was sent.
    mutating func take(_ event: HTTPClient.Event, at seconds: Double) {
        switch event {
        case .status(let code): status = code
        case .failed(let message): problem = problem ?? message
        case .line(let line) where status != 200: refusal += line
        case .line(let line):
            guard line.hasPrefix("data:") else { return }
            let data = line.dropFirst("data:".count).drop { $0 == " " }
            if data == "[DONE]" {
                isEnded = true
                return
            }
            do {
                take(try JSONDecoder().decode(Chunk.self, from: Data(data.utf8)), at: seconds)
            } catch let error as DecodingError {
                problem = problem ?? "an event cannot be read: \(DecodingText.text(error))"
            } catch {
                problem = problem ?? "an event cannot be read: \(error)"
            }
        }
    }

    private mutating func take(_ chunk: Chunk, at seconds: Double) {
        if let error = chunk.error { problem = problem ?? error.message }
        // Some servers count in every chunk: the last count holds.
        usage = chunk.usage ?? usage
        guard let choice = chunk.choices?.first else { return }
        if choice.isPiece { pieces.append(seconds) }
        if choice.finish != nil { isEnded = true }
        end = seconds
    }

    /// What became of the request, once nothing more comes.
    ///
    /// - Parameter sent: seconds from the start of the run.
    func outcome(sent: Double) -> ServeOutcome {
        var outcome = ServeOutcome(
            sent: sent, inputTokens: usage?.inputTokens ?? request.inputTokens, wantedTokens: request.outputTokens)
        outcome.problem = reason
        guard let first = pieces.first else { return outcome }
        outcome.isCounted = usage?.outputTokens != nil
        outcome.outputTokens = usage?.outputTokens ?? pieces.count
        outcome.firstToken = first
        outcome.gaps = zip(pieces.dropFirst(), pieces).map { $0 - $1 }
        outcome.latency = end
        return outcome
    }

    private var reason: String? {
        if status == 0 { return problem ?? "the server did not answer" }
        if status != 200 {
            let message = HTTPClient.Response(status: status, body: refusal).errorMessage
            return "the server answered \(status)" + (message.map { ": \($0)" } ?? "")
        }
        if let problem { return problem }
        if pieces.isEmpty { return "the answer has no token: is it a stream of events of this interface?" }
        return isEnded ? nil : "the answer broke off"
    }
}
