import CostModel
import Domain
import Planning
import Scenarios
import Simulation

/// A system, a fleet and a stream of requests, ready to be simulated.
struct SimulationQuestion {
    var system: SimulatedSystem
    var fleet: SimulatedFleet
    var stream: RequestStream
    var rate: Double
    var conditions: SystemConditions
    var plan: SystemPlan
    /// Set where the fleet is planned in regions; `plan` is then all of them.
    var regions: RegionalSystem?

    /// Devices from which on a fleet is planned in regions, and of how many devices each.
    private static let regional = (from: 257, devices: 40)

    init(
        _ options: ScenarioOptions, _ conditions: SimulationConditions, policy: String, plan: String? = nil,
        requests: Int? = nil, replay: String? = nil, regionDevices: Int? = nil
    ) throws {
        guard let system = SimulatedSystem(rawValue: policy) else {
            let known = SimulatedSystem.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(.usage, "--policy \"\(policy)\" is not known; policies are \(known)")
        }
        let replayed = try replay.map { try ReplayedRun(path: $0) }
        var scenario = try options.read(replaying: replayed)
        if let requests {
            guard requests > 0 else { throw Failure(.usage, "--requests is \(requests), it must be positive") }
            scenario.stream = scenario.stream.prefix(requests)
        }
        self.system = system
        self.conditions = try conditions.read(isReplay: replayed != nil)
        stream = scenario.stream
        rate = scenario.rate
        fleet = SimulatedFleet(
            name: scenario.fleet.name, cost: try scenario.fleet.cost(scenario.model), types: scenario.fleet.types,
            sites: scenario.fleet.sites)
        if let replayed, plan == nil {
            self.plan = SystemPlan(plan: try replayed.plan(for: scenario))
        } else if let plan {
            let read = try InForcePlan(path: plan).read(scenario).completed(
                fleet.cost, requestTokens: Int(scenario.stream.statistics.total.mean),
                largestBatch: self.conditions.largestBatch)
            self.plan = SystemPlan(plan: read)
        } else {
            let devices = fleet.cost.devices.count
            let region = regionDevices ?? (devices < Self.regional.from ? 0 : Self.regional.devices)
            guard region >= 0 else { throw Failure(.usage, "--region-devices is \(region), it must not be negative") }
            do throws(SimulationError) {
                if region > 0, region < devices {
                    let regions = try RegionalSystem(
                        system, fleet, mostDevices: region, scenario.demand, self.conditions
                    ) { SimulateCommand.tell($0, $1, "regions planned", from: 2) }
                    self.regions = regions
                    self.plan = SystemPlan(plan: regions.plan)
                } else {
                    self.plan = try system.plan(fleet, scenario.demand, self.conditions)
                }
            } catch {
                throw Failure(error.code == .noPlan ? .failed : .usage, error.message)
            }
        }
    }

    /// Runs the stream.
    func run(_ progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws -> RunRecord {
        try run(at: rate) { progress($0, stream.requests.count) }
    }

    /// The largest rate at which queues stay bounded.
    func capacity() throws -> Double {
        let guess = plan.plan.predictedRequestsPerSecond > 0 ? plan.plan.predictedRequestsPerSecond : rate
        // Only the run itself is watched.
        var conditions = conditions
        conditions.timeline = nil
        return try CapacitySearch().capacity(from: guess) { rate throws(SimulationError) in
            let traffic = try SimulatedTraffic(stream, rate: rate).evenlySpaced
            if let regions { return try regions.run(traffic) }
            return try system.run(traffic, on: plan, fleet: fleet, conditions)
        }
    }

    private func run(at rate: Double, _ progress: (Int) -> Void) throws -> RunRecord {
        do throws(SimulationError) {
            let traffic = try SimulatedTraffic(stream, rate: rate)
            if let regions { return try regions.run(traffic, progress: progress) }
            return try system.run(traffic, on: plan, fleet: fleet, conditions, progress: progress)
        } catch {
            throw Failure(error.code == .invalidPlan ? .failed : .usage, error.message)
        }
    }
}
