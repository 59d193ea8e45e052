import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Collects all choices.
struct WholeAnswer {
    let request: GenerationRequest
    let shape: AnswerShape
    let group: RequestGroup

    /// Waits for every choice and answers with OpenAI's object.
    func response() async throws(APIError) -> Response {
        let (choices, usage) = try await collected()
        return .json(shape.whole(choices, usage: usage, of: request))
    }

    /// Waits for every choice.
    func collected() async throws(APIError) -> ([FinishedChoice], Usage) {
        var usage = Usage(promptTokens: request.promptTokens, choices: request.choices)
        // A request for no tokens is complete as it is.
        var choices = (0..<request.sequenceCount).map {
            FinishedChoice(text: request.echo($0), reason: .length)
        }
        var readers = choices.map { _ in request.reading.map(AnswerReader.init) }
        var running = group.ids.count
        var items = group.items
        while running > 0, let item = await items.next() {
            guard case .output(let index, let output) = item else { continue }
            switch output {
            case .accepted: break
            case .prompt(let scored): choices[index].promptScored = scored
            case .text(let text, let tokens, let scored):
                choices[index].scored += scored
                if let pieces = readers[index]?.append(text, tokens: tokens) {
                    for piece in pieces { choices[index].add(piece) }
                } else {
                    choices[index].text += text
                }
                usage.completionTokens += tokens
            case .ended(let reason, let stop, let times):
                for piece in readers[index]?.finish() ?? [] { choices[index].add(piece) }
                usage.reasoningTokens += readers[index]?.reasoningTokens ?? 0
                choices[index].reason = reason
                choices[index].stop = stop
                usage.times.append(times)
                running -= 1
            case .failed(let error):
                group.cancel()
                throw shape.error(error, for: request)
            }
        }
        guard running == 0 else { throw APIError.clientClosed }
        return (choices, usage)
    }
}

extension APIError {
    /// Nobody reads it; it is counted.
    static let clientClosed = APIError(
        status: 499, type: "client_closed_request", message: "the client closed the connection")
}
