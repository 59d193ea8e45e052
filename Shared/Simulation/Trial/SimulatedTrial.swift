public import CostModel
public import Domain
public import Planning
internal import Scenarios

/// Tries plans out on a simulated fleet, under drawn requests that are like the demand; the same requests for every plan.
public struct SimulatedTrial: PlanTrial {
    /// What the services may use.
    public var settings = SimulationSettings()
    /// The reference behaviour that plans are tried under instead of the services: a baseline's own scheduler.
    public var reference: ReferenceSettings?
    /// Requests of a trial at least; more for plans that decode many together.
    public var leastRequests = 300
    /// Most requests of a trial.
    public var mostRequests = 1500
    /// Whether the drawn requests are as long as the demand says in the mean, although those that are too long are dropped.
    public var keepsMeans = false
    /// Decides the requests.
    public var seed: UInt64 = 1
    /// Asked for often: whether to give a trial up, which then has no result.
    public var shouldStop: @Sendable () -> Bool = { false }

    private let cost: FleetCost
    private let demand: PlanningDemand

    /// Load in a saturating run, as a multiple of the rate that the plan is estimated to sustain.
    private static let overload = 1.4
    /// The queues build up in the first part of such a run, which does not count.
    private static let settling = 0.35
    /// Requests from which the means of drawn lengths are taken.
    private static let sample = 1500
    /// Squared coefficient of variation of the times between arrivals below which these are taken for equal.
    private static let regular = 0.3
    /// Requests per second below which nothing is tried: one in eleven days.
    private static let leastRate = 1e-6

    /// Makes trials for a fleet and its traffic.
    public init(cost: FleetCost, demand: PlanningDemand, limits: PlanningLimits) {
        self.cost = cost
        self.demand = demand
        settings.largestBatch = limits.largestBatch
        settings.chunkTokens = limits.chunkTokens ?? settings.chunkTokens
        settings.streams = limits.chunkTokens != nil
    }

    /// Requests per second that end under more load than the plan can bear, once its queues have built up; 0 for a plan that
    /// is estimated to serve next to nothing, which no trial of a bearable length would show to be better.
    public func sustainedRate(_ plan: PlacementPlan) -> Double? {
        let predicted = plan.predictedRequestsPerSecond
        guard predicted.isFinite, predicted >= Self.leastRate else { return 0 }
        var offered = Self.overload * predicted
        var sustained = 0.0
        for _ in 0..<4 {
            guard let record = run(plan, rate: offered, evenly: true) else { return nil }
            sustained = record.rateOfEnds(from: Self.settling)
            // What is served as fast as it comes says nothing about the most.
            guard sustained > 0.93 * offered else { break }
            offered *= Self.overload
        }
        return sustained
    }

    /// Mean times of a request at a rate, arrivals as in the demand.
    public func times(_ plan: PlacementPlan, rate: Double) -> TrialTimes? {
        // Requests that come once in eleven days do not meet, and neither do rarer ones.
        guard let record = run(plan, rate: max(Self.leastRate, rate), evenly: false) else { return nil }
        let summary = RunSummary(record)
        return TrialTimes(waiting: summary.waiting.mean, total: summary.total.mean)
    }

    private func run(_ plan: PlacementPlan, rate: Double, evenly: Bool) -> RunRecord? {
        let places = plan.replicas.reduce(0) { $0 + $1.decodeConcurrency }
        let count = min(max(leastRequests, 8 * places), mostRequests)
        guard let stream = try? generator.stream(count), var traffic = try? SimulatedTraffic(stream, rate: rate)
        else { return nil }
        if evenly || demand.arrivalVariation < Self.regular { traffic = traffic.evenlySpaced }
        guard let record = try? record(traffic, plan) else { return nil }
        return record.requests.contains { $0.end == nil } ? nil : record
    }

    private func record(_ traffic: SimulatedTraffic, _ plan: PlacementPlan) throws(SimulationError) -> RunRecord {
        if let reference { return try ReferenceServices(reference).run(traffic, plan: plan, cost: cost) }
        var services = SimulatedServices(settings)
        services.shouldStop = shouldStop
        return try services.run(traffic, plan: plan, cost: cost)
    }

    private var generator: StreamGenerator {
        /// The median of a log-normal distribution by its mean and squared coefficient of variation.
        func lengths(_ mean: Double, _ variation: Double) -> StreamGenerator.Lengths {
            StreamGenerator.Lengths(median: max(1, mean / (1 + variation).squareRoot()), mean: max(1, mean))
        }
        func generator(_ prompt: Double, _ output: Double) -> StreamGenerator {
            StreamGenerator(
                prompt: lengths(prompt, demand.promptVariation), output: lengths(output, demand.outputVariation),
                arrivals: demand.arrivalVariation > 1.05
                    ? .bursty(variation: min(1e6, demand.arrivalVariation)) : .poisson,
                seed: seed, totalTokenLimit: max(2, demand.longestRequestTokens))
        }
        var means = (prompt: demand.promptTokens, output: demand.outputTokens)
        for _ in 0..<(keepsMeans ? Self.corrections : 0) {
            guard let drawn = try? generator(means.prompt, means.output).stream(Self.sample).statistics else {
                break
            }
            means.prompt *= demand.promptTokens / max(1, drawn.prompt.mean)
            means.output *= demand.outputTokens / max(1, drawn.output.mean)
        }
        return generator(means.prompt, means.output)
    }

    /// Steps in which drawn means come near to those asked for.
    private static let corrections = 4
}

extension RunRecord {
    /// Requests that ended per second between a share of the time of the arrivals and their end.
    func rateOfEnds(from share: Double) -> Double {
        guard let last = requests.last?.arrival, last > 0 else { return 0 }
        let start = share * last
        let count = requests.count { request in request.end.map { $0 > start && $0 <= last } ?? false }
        return Double(count) / (last - start)
    }
}
