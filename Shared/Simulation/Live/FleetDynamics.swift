internal import CostModel
internal import Domain
internal import Planning
internal import Scheduling

/// What changes during a run, and how a new plan is made and put in force then.
struct FleetDynamics: Sendable {
    /// Time between two ticks of the scheduler.
    static let tickSeconds = 0.25
    /// After how long the profiler reports a silent device lost.
    static let profilerSeconds = 3.0

    /// Faults in order of time.
    var faults: [SimulatedFault]
    /// How plans are made.
    var planning: SimulatedServices.Replanning
    /// Longest request of the traffic.
    var longestRequestTokens: Int
    /// What the services may use.
    var settings: SimulationSettings
    /// Seconds that a plan takes.
    var planSeconds = 1.0
    /// A run that cannot end is given up so long after its last arrival.
    var patience = 86_400.0

    /// Devices that join during the run and are not there before.
    var lateDevices: Set<DeviceID> {
        var first: [DeviceID: SimulatedFault.Kind] = [:]
        for fault in faults where first[fault.device] == nil && fault.kind != .slow { first[fault.device] = fault.kind }
        return Set(first.filter { $0.value == .join }.keys)
    }

    func factor(_ device: DeviceID, at now: Double) -> Double {
        faults.last { $0.device == device && $0.kind == .slow && $0.time <= now }?.factor ?? 1
    }

    func loadSeconds(_ bytes: Int) -> Double { Double(bytes) / planning.moving.loadBytesPerSecond }

    func end(of traffic: SimulatedTraffic) -> Double { (traffic.requests.last?.arrival ?? 0) + patience }

    /// What the clusterer says.
    func answer(_ question: PlanRequest, _ cost: FleetCost, now: Double) -> SchedulerEvent {
        let demand = PlanningDemand(
            question.workload ?? WorkloadStatistics(), longestRequestTokens: longestRequestTokens)
        var excluded = Set(question.excludedDevices)
        for device in lateDevices where !isThere(device, at: now) { excluded.insert(device) }
        for fault in faults where fault.kind == .fail && !isThere(fault.device, at: now) {
            excluded.insert(fault.device)
        }
        do {
            let rest = try FleetCost(
                model: cost.model, devices: cost.devices.filter { !excluded.contains($0.id) }, network: cost.network)
            let inForce = question.planInForce.flatMap { plan in
                plan.replicas.allSatisfy { $0.stages.allSatisfy { rest.device($0.device) != nil } } ? plan : nil
            }
            var task = planning.task(rest, demand)
            task.limits.promisedContextTokens = question.contextTokens ?? 0
            task.inForce = inForce
            task.fleetVersion = question.fleetVersion ?? 0
            task.services = settings
            let answer = try task.answer()
            return .proposal(answer.plan, reason: question.reason, move: answer.move)
        } catch {
            return .planFailed(
                Fault("no_plan", "\(error)", isRetriable: true))
        }
    }

    private func isThere(_ device: DeviceID, at now: Double) -> Bool {
        let last = faults.last { $0.device == device && $0.kind != .slow && $0.time <= now }
        return last.map { $0.kind == .join } ?? !lateDevices.contains(device)
    }
}
