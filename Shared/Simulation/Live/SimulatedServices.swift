public import CostModel
public import Domain
public import Planning
internal import Scheduling

/// The services themselves on a simulated fleet: their scheduler, their stage drivers, their planner where a device fails or
/// joins; computing and sending take the time that the cost model says.
public struct SimulatedServices: Sendable {
    /// What the services may use.
    public var settings: SimulationSettings
    /// What happens to devices; a run without faults makes no new plans.
    public var faults: [SimulatedFault] = []
    /// How plans are made during the run.
    public var planning = Replanning()

    /// Asked for often: whether to give the run up; requests that have not ended by then have no end in the record.
    public var shouldStop: (@Sendable () -> Bool)?

    /// How plans are made during the run.
    public struct Replanning: Sendable {
        /// The limits of plans.
        public var limits = PlanningLimits()
        /// How a move from one plan to another is weighed.
        public var moving = MovingPolicy()
        /// Whether plans are tried out before one is chosen.
        public var triesPlans = true
        /// The seed of searches.
        public var seed: UInt64 = 1
        /// Types of devices, by which baselines group.
        public var types: [DeviceID: String] = [:]
        /// Where devices stand.
        public var sites: [DeviceID: String] = [:]

        /// Makes the defaults.
        public init() {}

        /// Plans as they were made before the run.
        init(_ task: PlanningTask) {
            (limits, moving, triesPlans) = (task.limits, task.moving, task.triesPlans)
            (seed, types, sites) = (task.seed, task.types, task.sites)
        }

        /// What the planner is asked about a fleet.
        func task(_ cost: FleetCost, _ demand: PlanningDemand) -> PlanningTask {
            var task = PlanningTask(cost: cost, demand: demand, limits: limits)
            (task.moving, task.triesPlans, task.seed, task.types, task.sites) = (moving, triesPlans, seed, types, sites)
            return task
        }
    }

    /// Makes services.
    public init(_ settings: SimulationSettings = SimulationSettings()) { self.settings = settings }

    /// Runs traffic on a plan. `progress` is called with the number of requests that have ended.
    ///
    /// - Throws: `invalidPlan`, `invalidSetting`, `invalidTraffic`.
    public func run(
        _ traffic: SimulatedTraffic, plan: PlacementPlan, cost: FleetCost, progress: (Int) -> Void = { _ in }
    ) throws(SimulationError) -> RunRecord {
        try check(traffic, cost)
        var dynamics: FleetDynamics?
        if !faults.isEmpty {
            dynamics = FleetDynamics(
                faults: faults.sorted { $0.time < $1.time }, planning: planning,
                longestRequestTokens: traffic.requests.map { $0.promptTokens + $0.outputTokens }.max() ?? 1,
                settings: settings)
        }
        let run = try LiveRun(plan: plan, cost: cost, traffic: traffic, settings: settings, dynamics: dynamics)
        if let shouldStop {
            run.run(until: shouldStop)
            progress(run.times.count - run.open)
        } else {
            run.run(progress: progress)
        }
        var record = RunRecord(
            source: .simulated, system: "services", model: cost.model.name, workload: traffic.name,
            rate: traffic.rate, seed: planning.seed, plan: plan, requests: run.times)
        record.isOracle = settings.lengthKnowledge == .exact
        record.measure(busy: run.busySeconds, network: run.network.uses)
        record.timeline = run.recorder?.result(resources: run.network.uses.map { "\($0.resource)" })
        return record
    }

    private func check(_ traffic: SimulatedTraffic, _ cost: FleetCost) throws(SimulationError) {
        try traffic.check()
        for fault in faults {
            guard cost.device(fault.device) != nil else {
                throw SimulationError(.invalidSetting, "fault: there is no device \(fault.device)")
            }
            guard fault.time >= 0, fault.time.isFinite else {
                throw SimulationError(.invalidSetting, "fault of \(fault.device): time_s is \(fault.time)")
            }
            if fault.kind == .slow, !(0.01...1000).contains(fault.factor ?? -1) {
                throw SimulationError(.invalidSetting, "fault of \(fault.device): factor must be in 0.01...1000")
            }
        }
    }
}

extension LiveRun {
    /// Runs as `run(progress:)` does, but asks after every request that ended whether to stop.
    func run(until shouldStop: () -> Bool) {
        while open > 0, !shouldStop() {
            let rest = open - 1
            open = 1
            run { _ in }
            let isStuck = open > 0
            open += rest
            // Nothing more can happen, or nobody wants to see it.
            if isStuck { return }
        }
    }

    /// Seconds that each device has computed.
    var busySeconds: [DeviceID: Double] {
        var seconds: [DeviceID: Double] = [:]
        for run in runs {
            for (stage, busy) in zip(run.replica.stages, run.busy) { seconds[stage.device, default: 0] += busy }
        }
        return seconds
    }
}

extension RunRecord {
    /// Takes the length of the run from its requests, and how much of it everything was busy.
    mutating func measure(busy: [DeviceID: Double], network: [TransferNetwork.Use]) {
        measure()
        guard seconds > 0 else { return }
        devices = busy.keys.sorted().map { Use(name: $0.rawValue, share: min(1, (busy[$0] ?? 0) / seconds)) }
        self.network =
            network.map { Use(name: "\($0.resource)", share: min(1, $0.busySeconds / seconds)) }
            .sorted { $0.name < $1.name }
    }
}
