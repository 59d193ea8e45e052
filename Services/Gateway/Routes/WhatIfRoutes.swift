import Domain
import Hummingbird
import Protocol

/// `/v1/cluster/what-if`.
struct WhatIfRoutes: Sendable {
    let service: GatewayService
    let bodies: BodyReader

    /// The plan that would be made beside the one in force; nothing changes in the fleet.
    ///
    /// - Throws: 400 naming the field, 409 with the planner's sentence where there would be no plan, 503 without a clusterer or while another
    ///   question is answered.
    func answer(_ request: Request, _ connection: ClientConnection) async throws(APIError) -> Response {
        let body = try await bodies.json(request, connection)
        let preview = try WhatIfReader(known: service.cluster.known).read(body)
        let previewed: PlanPreviewed
        do throws(Fault) {
            previewed = try await service.previews.ask(preview)
        } catch {
            throw APIError(whatIf: error)
        }
        let comparison = PlanComparison(
            inForce: preview.planInForce, preview: previewed.plan,
            inForceRequestsPerSecond: previewed.inForceRequestsPerSecond, move: previewed.move,
            searchSeconds: previewed.searchSeconds)
        guard let answer = JSONValue.of(comparison) else { throw APIError.server("the plan cannot be written") }
        return .json(answer)
    }
}

extension APIError {
    /// Why there is no answer to a what-if question.
    init(whatIf fault: Fault) {
        switch fault.code {
        case "invalid_input", "malformed": self = .invalid(fault.message, code: fault.code)
        case "no_devices", "model_does_not_fit", "no_plan":
            self = APIError(status: 409, type: "no_plan_error", message: fault.message, code: fault.code)
        case "unknown_type":
            self = APIError(
                status: 409, type: "not_supported_error",
                message: "the clusterer of this fleet does not say what plan it would make",
                code: "what_if_not_supported")
        case "overloaded": self = .overloaded(fault.message)
        case _ where fault.isRetriable:
            self = .unavailable(fault.message)
            code = fault.code == "unavailable" ? nil : fault.code
        default:
            self = .server(fault.message)
            code = fault.code
        }
    }
}
