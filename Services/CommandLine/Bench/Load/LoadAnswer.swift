import Domain
import Foundation

/// How one request ended, as the gateway told it.
enum LoadOutcome: Sendable, Hashable {
    /// All of its tokens came.
    case finished(LoadMoments, outputTokens: Int)
    /// It was not taken.
    case refused(String)
    /// It was taken, and broke off.
    case failed(String)
}

/// The moments of a request in milliseconds since the gateway took it, as `e2llm` in its usage chunk; see the gateway's
/// README.
struct LoadMoments: Decodable, Sendable, Hashable {
    var prefillStarted: Double?
    var firstToken: Double
    var kvComplete: Double?
    var decodeStarted: Double?
    var end: Double
    var plan: PlanID?
    var prefillReplica: ReplicaID?
    var decodeReplica: ReplicaID?
    var migrations: Int

    private enum CodingKeys: String, CodingKey {
        case migrations
        case prefillStarted = "prefill_started_ms"
        case firstToken = "ttft_ms"
        case kvComplete = "kv_complete_ms"
        case decodeStarted = "decode_started_ms"
        case end = "end_ms"
        case plan = "plan_id"
        case prefillReplica = "prefill_replica"
        case decodeReplica = "decode_replica"
    }
}

/// Reads the answer to one request as it comes.
struct LoadAnswer: Sendable {
    private struct Chunk: Decodable {
        struct Usage: Decodable {
            var outputTokens: Int
            enum CodingKeys: String, CodingKey { case outputTokens = "completion_tokens" }
        }
        struct Problem: Decodable { var message: String }
        var usage: Usage?
        var e2llm: LoadMoments?
        var error: Problem?
    }

    private var status = 0
    private var refusal = ""
    private var moments: LoadMoments?
    private var outputTokens: Int?
    private var problem: String?

    /// Takes what the connection gave.
    mutating func take(_ event: HTTPClient.Event) {
        switch event {
        case .status(let code): status = code
        case .failed(let message): problem = problem ?? message
        case .line(let line) where status != 200: refusal += line
        case .line(let line):
            guard line.hasPrefix("data: "), line != "data: [DONE]" else { return }
            do {
                let chunk = try JSONDecoder().decode(Chunk.self, from: Data(line.dropFirst(6).utf8))
                if let error = chunk.error { problem = problem ?? error.message }
                moments = chunk.e2llm ?? moments
                outputTokens = chunk.usage?.outputTokens ?? outputTokens
            } catch let error as DecodingError {
                problem = problem ?? "an event cannot be read: \(DecodingText.text(error))"
            } catch {
                problem = problem ?? "an event cannot be read: \(error)"
            }
        }
    }

    /// What became of the request, once nothing more comes.
    var outcome: LoadOutcome {
        if status == 0 { return .refused(problem ?? "the server did not answer") }
        if status != 200 {
            let message = HTTPClient.Response(status: status, body: refusal).errorMessage
            return .refused("\(status)" + (message.map { ": \($0)" } ?? ""))
        }
        if let problem { return .failed(problem) }
        guard let moments, let outputTokens else {
            return .failed("the answer ended without timings: is the server a gateway of this version?")
        }
        return .finished(moments, outputTokens: outputTokens)
    }
}
