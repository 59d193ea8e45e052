import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import ServiceRuntime

/// Serves `/v1/chat/completions` and `/v1/completions`.
struct GenerationHandler: Sendable {
    let service: GatewayService
    let model: ServedModel
    let metrics: GatewayMetrics
    let reader: RequestReader
    let bodies: BodyReader
    let keepAlive: Duration?
    let writeTimeout: Duration

    /// Answers one request.
    func respond(
        _ request: Request, _ connection: ClientConnection, kind: GenerationKind
    ) async throws(APIError) -> Response {
        let body = try await bodies.json(request, connection)
        let generation = try reader.read(body, kind: kind)
        await service.awaitFirstState()
        // Looked up before anything is queued, so that overload and loading are answered at once.
        if let obstacle = service.obstacle {
            metrics.rejected("unavailable")
            throw APIError.unavailable(obstacle)
        }
        metrics.requested(
            parallel: generation.choices, maxTokens: min(generation.maxTokens, model.context))
        let name = Session.randomName(bytes: 12)
        let shape = AnswerShape(
            kind: kind, name: name, model: model, created: Int(Date().timeIntervalSince1970),
            syntax: generation.reading?.syntax)
        let demands =
            generation.maxTokens > 0 || generation.hidesOutput ? generation.demands(context: model.context) : []
        let shown = generation.reading?.shownTokens ?? []
        let group = service.open(demands, name: name) { model.vocabulary.makeText(showing: shown) }
        let watch = connection.onGone { group.cancel() }
        if generation.streams {
            let answer = StreamedAnswer(
                request: generation, shape: shape, group: group, keepAlive: keepAlive, writeTimeout: writeTimeout)
            return try await answer.response(connection, watch)
        }
        defer { watch.stop() }
        return try await WholeAnswer(request: generation, shape: shape, group: group).response()
    }
}

extension GenerationRequest {
    /// Tokens of all prompts.
    var promptTokens: Int { prompts.reduce(0) { $0 + $1.tokens.count } }

    /// The text that comes before the output of a choice.
    func echo(_ index: Int) -> String { echoes ? prompts[index / choices].text : "" }

    /// Choices of all prompts.
    var sequenceCount: Int { prompts.count * choices }
}
