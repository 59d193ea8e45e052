internal import CostModel
internal import Domain
internal import Planning
internal import Scenarios

/// Names a drawn fleet and its model so that it can be drawn again: `FleetGenerator(deviceCount: devices, seed: seed)`.
public struct SuiteFleet: Codable, Sendable, Hashable {
    /// Its devices.
    public var devices: Int
    /// The seed of the generator.
    public var seed: UInt64
    /// The model's name in `ModelCatalogue`.
    public var model: String
    /// A line about the fleet.
    public var title: String
    /// Fleets that were drawn before it and cannot hold the model.
    public var redraws: Int

    /// Names a fleet.
    public init(devices: Int, seed: UInt64, model: String, title: String, redraws: Int = 0) {
        self.devices = devices
        self.seed = seed
        self.model = model
        self.title = title
        self.redraws = redraws
    }

    /// A short text from which it can be drawn again.
    public var label: String { "\(devices) devices, seed \(seed), \(model)" }
}

/// A fleet that holds its model, with everything that planning takes.
struct DrawnFleet {
    /// Seeds that are tried before a model counts as too large for fleets of a size.
    static let mostDraws: UInt64 = 200

    let name: SuiteFleet
    let cost: FleetCost
    let types: [DeviceID: String]
    let sites: [DeviceID: String]

    /// Draws fleets, starting with `seed`, until one holds the model.
    ///
    /// - Throws: `unknownModel`, `noFleet`, `invalidSettings`.
    init(devices: Int, seed: UInt64, model name: String) throws(ExperimentError) {
        guard let model = ModelCatalogue.named(name) else {
            let names = ModelCatalogue.models.map(\.name).joined(separator: ", ")
            throw ExperimentError(.unknownModel, "there is no model \(name); there are \(names)")
        }
        for draw in 0..<Self.mostDraws {
            do {
                let fleet = try FleetGenerator(deviceCount: devices, seed: seed &+ draw).fleet()
                let cost = try fleet.cost(model)
                // What a plan needs room for does not depend on the mode.
                _ = try PlanningInstance(cost: cost, demand: SuiteTraffic.demand(rate: 1))
                self.name = SuiteFleet(
                    devices: devices, seed: seed &+ draw, model: name, title: fleet.title, redraws: Int(draw))
                self.cost = cost
                types = Dictionary(fleet.devices.map { ($0.id, $0.type) }, uniquingKeysWith: { first, _ in first })
                sites = Dictionary(fleet.devices.map { ($0.id, $0.site) }, uniquingKeysWith: { first, _ in first })
                return
            } catch let error as PlanningError where error.code == .modelDoesNotFit {
                continue
            } catch {
                throw ExperimentError(.invalidSettings, "\(devices) devices, seed \(seed &+ draw): \(error)")
            }
        }
        throw ExperimentError(
            .noFleet, "none of \(Self.mostDraws) fleets of \(devices) devices from seed \(seed) on holds \(name)")
    }

    /// The question of a mode at a rate.
    func instance(_ limits: PlanningLimits, kvType: KVType, rate: Double) throws(PlanningError) -> PlanningInstance {
        try PlanningInstance(cost: cost, demand: SuiteTraffic.demand(rate: rate), limits: limits, kvType: kvType)
    }
}
