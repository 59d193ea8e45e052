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
        guard let obstacle = service.obstacle else { return .json(["status": "ok"]) }
        throw APIError.unavailable(obstacle)
    }

    private var card: JSONValue {
        [
            "id": .string(model.name), "object": "model", "created": .integer(created), "owned_by": "e2llm",
            "max_model_len": .integer(model.context),
            "meta": ["n_vocab": .integer(model.vocabulary.count), "n_ctx": .integer(model.context)],
        ]
    }

    func models() -> Response { .json(["object": "list", "data": .array([card])]) }

    func model(_ path: String) throws(APIError) -> Response {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let name = parts.drop { $0 != "models" }.dropFirst().joined(separator: "/").removingPercentEncoding ?? ""
        guard model.answers(to: name) else {
            throw APIError.notFound("the model \(name.prefix(128)) does not exist", code: "model_not_found", "model")
        }
        return .json(card)
    }

    func metricsText() -> Response {
        .bytes(
            Array(metrics.text(model: model.name, cacheUsage: service.cluster.cacheUsage).utf8),
            type: "text/plain; version=0.0.4; charset=utf-8")
    }

    func versionObject() -> Response { .json(["version": .string(ProductVersion.number)]) }

    func cluster() -> Response { .bytes(service.cluster.json(), type: "application/json") }
}
