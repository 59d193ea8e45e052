internal import CostModel
public import Domain
public import Planning

/// A fleet that is too large for one plan and one scheduler: regions that plan and schedule for themselves behind a splitter,
/// which deals requests out in proportion to what the regions' plans sustain, whatever they hold at the moment.
public struct RegionalSystem: Sendable {
    /// One region with its plan.
    public struct Region: Sendable {
        /// Its devices.
        public var fleet: SimulatedFleet
        /// Its plan.
        public var plan: SystemPlan
    }

    /// The system that every region runs.
    public let system: SimulatedSystem
    /// The regions that a plan could be made for.
    public let regions: [Region]
    /// Names of those that hold no replica.
    public let idleRegions: [String]
    private let conditions: SystemConditions
    private let name: String

    /// Plans every region for its share of the demand by memory bandwidth; `progress` gets planned regions and all of them.
    ///
    /// - Throws: `noPlan` where no region can serve, `invalidSetting`.
    public init(
        _ system: SimulatedSystem, _ fleet: SimulatedFleet, mostDevices: Int, _ demand: PlanningDemand,
        _ conditions: SystemConditions, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(SimulationError) {
        guard conditions.faults.isEmpty else {
            throw SimulationError(.invalidSetting, "faults: a fleet of regions does not take them")
        }
        self.system = system
        self.conditions = conditions
        name = fleet.name
        let fleets = try fleet.regions(mostDevices: mostDevices)
        let all = Double(max(1, fleet.cost.devices.count))
        var regions: [Region] = []
        var idle: [String] = []
        for (number, part) in fleets.enumerated() {
            var share = demand
            share.rate = demand.rate * Double(part.cost.devices.count) / all
            do throws(SimulationError) {
                regions.append(Region(fleet: part, plan: try system.plan(part, share, conditions)))
            } catch {
                guard error.code == .noPlan else { throw error }
                idle.append(part.name)
            }
            progress(number + 1, fleets.count)
        }
        guard !regions.isEmpty else {
            throw SimulationError(.noPlan, "none of \(fleets.count) regions of \(fleet.name) can serve the model")
        }
        self.regions = regions
        idleRegions = idle
    }

    /// All regions as one plan; replicas are named `region/replica`.
    public var plan: PlacementPlan {
        var plan = regions[0].plan.plan
        plan.id = PlanID("regions-\(regions.count)-" + regions[0].plan.plan.id.rawValue)
        plan.replicas = []
        plan.idleDevices = []
        plan.predictedRequestsPerSecond = 0
        plan.upperBoundRequestsPerSecond = nil
        plan.relaxations = []
        for (number, region) in regions.enumerated() {
            plan.replicas += region.plan.plan.replicas.map { Self.named($0, number) }
            plan.idleDevices += region.plan.plan.idleDevices
            plan.predictedRequestsPerSecond += region.plan.plan.predictedRequestsPerSecond
            for text in region.plan.plan.relaxations { plan.relaxations.append("\(region.fleet.name): \(text)") }
        }
        plan.objective = regions.map(\.plan.plan.objective).max() ?? 0
        return plan
    }

    private static func named(_ replica: PlanReplica, _ region: Int) -> PlanReplica {
        var replica = replica
        replica.id = name(replica.id, region)
        return replica
    }

    private static func name(_ id: ReplicaID, _ region: Int) -> ReplicaID { ReplicaID("\(region + 1)/\(id)") }

    /// Runs traffic, one region after the other: only one of them is in memory at a time.
    ///
    /// - Throws: `invalidPlan`, `invalidSetting`, `invalidTraffic`.
    public func run(_ traffic: SimulatedTraffic, progress: (Int) -> Void = { _ in }) throws(SimulationError)
        -> RunRecord
    {
        var requests: [RequestTimes] = []
        requests.reserveCapacity(traffic.requests.count)
        var devices: [RunRecord.Use] = []
        var network: [RunRecord.Use] = []
        var record = RunRecord(
            source: .simulated, system: system.rawValue, fleet: name, workload: traffic.name, rate: traffic.rate,
            seed: conditions.seed)
        var spans: [(uses: ClosedRange<Int>, links: ClosedRange<Int>, seconds: Double)] = []
        let shares = split(traffic)
        for (number, region) in regions.enumerated() {
            guard !shares[number].isEmpty else { continue }
            let part = SimulatedTraffic(
                name: traffic.name, rate: traffic.rate * Double(shares[number].count) / Double(traffic.requests.count),
                requests: shares[number].map { traffic.requests[$0] })
            let before = requests.count
            let own = try system.run(part, on: region.plan, fleet: region.fleet, conditions) { progress(before + $0) }
            record.model = own.model
            record.isOracle = own.isOracle
            for var times in own.requests {
                times.prefillReplica = times.prefillReplica.map { Self.name($0, number) }
                times.decodeReplica = times.decodeReplica.map { Self.name($0, number) }
                requests.append(times)
            }
            if !own.devices.isEmpty, !own.network.isEmpty {
                spans.append(
                    (
                        devices.count...devices.count + own.devices.count - 1,
                        network.count...network.count + own.network.count - 1, own.seconds
                    ))
            }
            devices += own.devices
            network += own.network
        }
        requests.sort { ($0.arrival, $0.id) < ($1.arrival, $1.id) }
        record.requests = requests
        let ends = requests.compactMap(\.end).max() ?? 0
        record.seconds = max(0, ends - (requests.first?.arrival ?? 0))
        // Shares are of the whole run, which is as long as the longest of the regions'.
        for span in spans where record.seconds > 0 {
            for index in span.uses { devices[index].share *= span.seconds / record.seconds }
            for index in span.links { network[index].share *= span.seconds / record.seconds }
        }
        record.devices = devices.sorted { $0.name < $1.name }
        record.network = network
        record.plan = plan
        return record
    }

    /// Places of the requests of every region: each goes where the share that was dealt out lags most behind.
    private func split(_ traffic: SimulatedTraffic) -> [[Int]] {
        let weights = regions.map { max(1e-9, $0.plan.plan.predictedRequestsPerSecond) }
        let sum = weights.reduce(0, +)
        var credit = [Double](repeating: 0, count: weights.count)
        var shares = [[Int]](repeating: [], count: weights.count)
        for number in traffic.requests.indices {
            var best = 0
            for index in weights.indices {
                credit[index] += weights[index] / sum
                if credit[index] > credit[best] { best = index }
            }
            credit[best] -= 1
            shares[best].append(number)
        }
        return shares
    }
}
