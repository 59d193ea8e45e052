import Domain
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore

/// `/health`, `/v1/models`, `/metrics`, `/version`, `/v1/cluster`.
struct StatusRoutes: Sendable {
    let service: GatewayService
    let model: ServedModel
    let metrics: GatewayMetrics
    let created: Int

    /// 200 only while a chat request would succeed.
    func health() throws(APIError) -> Response {
        guard let obstacle = service.nextObstacle else { return .json(["status": "ok"]) }
        throw APIError.unavailable(obstacle)
    }

    /// What clients are told under one of the model's names; `root` is the id (vLLM), `aliases` are the others (llama-server).
    private func card(_ name: String) -> JSONValue {
        let context = model.toldContext.map { JSONValue.integer($0) } ?? .null
        return [
            "id": .string(name), "object": "model", "created": .integer(created), "owned_by": "e2llm",
            "root": .string(model.names.id),
            "aliases": .array(model.names.told.filter { $0 != name }.map { .string($0) }), "max_model_len": context,
            "meta": [
                "n_vocab": .integer(model.vocabulary.count), "n_ctx": context,
                "n_ctx_train": .integer(model.trainedContext),
            ],
        ]
    }

    func models() async -> Response {
        await service.awaitFirstState()
        return .json(["object": "list", "data": .array(model.names.told.map(card))])
    }

    func model(_ path: String) async throws(APIError) -> Response {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let name = parts.drop { $0 != "models" }.dropFirst().joined(separator: "/").removingPercentEncoding ?? ""
        guard model.names.contain(name) else { throw model.names.unknown(name) }
        await service.awaitFirstState()
        return .json(card(model.names.told.contains(name) ? name : model.names.id))
    }

    func metricsText() -> Response {
        .bytes(
            Array(metrics.text(model: model.names.id, cacheUsage: service.cluster.cacheUsage).utf8),
            type: "text/plain; version=0.0.4; charset=utf-8")
    }

    func versionObject() -> Response { .json(["version": .string(ProductVersion.number)]) }

    func cluster() -> Response { .bytes(service.cluster.json(), type: "application/json") }
}
