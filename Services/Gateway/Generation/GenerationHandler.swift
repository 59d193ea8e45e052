import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import ServiceRuntime

/// Serves `/v1/chat/completions`, `/v1/completions`, and what other interfaces make of them.
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
        let (shape, group) = try await begin(generation)
        let watch = connection.onGone { group.cancel() }
        if generation.streams {
            let answer = StreamedAnswer(
                request: generation, shape: shape, group: group, keepAlive: keepAlive, writeTimeout: writeTimeout)
            return try await answer.response(connection, watch)
        }
        defer { watch.stop() }
        return try await WholeAnswer(request: generation, shape: shape, group: group).response()
    }

    /// Answers one request of another interface.
    func respond(
        _ request: Request, _ connection: ClientConnection, through interface: Interface
    ) async throws(APIError) -> Response {
        let translation: Translation
        switch try interface.read(try await bodies.json(request, connection)) {
        case .answer(let value): return .json(value)
        case .request(let request): translation = request
        }
        let generation = try translation.request(reader)
        let (shape, group) = try await begin(generation)
        let watch = connection.onGone { group.cancel() }
        let encoder = translation.encoder(AnswerContext(shape: shape, request: generation))
        if generation.streams {
            let stream = ChoiceStream(encoder, request: generation, shape: shape, keepAlive: keepAlive)
            let answer = StreamedAnswer(
                request: generation, shape: shape, group: group, keepAlive: keepAlive, writeTimeout: writeTimeout,
                headers: encoder.headers, stream: stream)
            return try await answer.response(connection, watch)
        }
        defer { watch.stop() }
        let answer = WholeAnswer(request: generation, shape: shape, group: group)
        let (choices, usage) = try await answer.collected()
        guard let choice = choices.first else { throw APIError.clientClosed }
        return .json(encoder.whole(choice, AnswerEnd(choice, usage: usage)))
    }

    /// Starts the sequences of a checked request.
    private func begin(_ generation: GenerationRequest) async throws(APIError) -> (AnswerShape, RequestGroup) {
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
            kind: generation.kind, name: name, model: model, created: Int(Date().timeIntervalSince1970),
            syntax: generation.reading?.syntax)
        let demands =
            generation.maxTokens > 0 || generation.hidesOutput ? generation.demands(context: model.context) : []
        let shown = generation.reading?.shownTokens ?? []
        let group = service.open(demands, name: name) { model.vocabulary.makeText(showing: shown) }
        return (shape, group)
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
