import Domain
import Foundation
import Planning
import ServiceRuntime

/// A plan that somebody gives instead of having one searched.
enum GivenPlan {
    /// Largest file that is read, bytes.
    private static let byteLimit = 16 << 20

    /// Reads a plan from a file.
    ///
    /// - Throws: `badSetting`, naming the file and what is wrong.
    static func read(_ path: String) throws(RuntimeError) -> PlacementPlan {
        func refuse(_ why: String) -> RuntimeError { RuntimeError(.badSetting, "clusterer.plan: \(path) \(why)") }
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        } catch {
            throw refuse("cannot be read: \(error.localizedDescription)")
        }
        guard data.count <= byteLimit else { throw refuse("has more than \(byteLimit) bytes") }
        do {
            return try JSONDecoder().decode(PlacementPlan.self, from: data)
        } catch let error as DecodingError {
            throw refuse("is no plan: \(DecodingText.text(error))")
        } catch {
            throw refuse("is no plan: \(error)")
        }
    }

    /// The plan as the answer to a question.
    ///
    /// - Throws: `no_plan` where it is none for the model, or where one of its devices is not there yet.
    static func outcome(_ plan: PlacementPlan, _ order: SearchOrder) throws(Fault) -> SearchOutcome {
        let model = order.problem.model
        guard plan.model == model.digest else {
            throw Fault("no_plan", "the given plan is for model \(plan.model), the fleet has \(model.digest)")
        }
        if let problem = plan.problem(layers: model.layers) {
            throw Fault("no_plan", "the given plan: \(problem)")
        }
        let present = Set(order.problem.devices.map(\.id))
        let missing = Set(plan.replicas.flatMap(\.stages).map(\.device)).subtracting(present).sorted()
        guard missing.isEmpty else {
            let names = missing.map(\.rawValue).joined(separator: ", ")
            throw Fault("no_plan", "the given plan needs \(names), not measured or not usable yet", isRetriable: true)
        }
        var answer = plan
        answer.fleetVersion = order.fleetVersion
        guard let inForce = order.inForce else { return SearchOutcome(plan: answer, seconds: 0) }
        let isThere = inForce.replicas == plan.replicas && inForce.kvType == plan.kvType
        let move = PlanMove(
            planInForce: inForce.id, replaces: !isThere, horizonSeconds: order.settings.moving.horizonSeconds,
            gainRequestSeconds: 0, costRequestSeconds: 0,
            reason: isThere ? "it is the given plan" : "another plan was given")
        return SearchOutcome(plan: isThere ? order.keeping(inForce, rate: nil) : answer, move: move, seconds: 0)
    }
}
