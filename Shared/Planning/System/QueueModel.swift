internal import Domain

/// Mean times of a request on a plan at a rate, from an analytic model of its queues; all in seconds.
public struct PredictedTimes: Sendable, Hashable {
    /// Arrival to the first prefill computation.
    public var prefillWait = 0.0
    /// KV transfer that is not hidden behind prefill, queueing on the network included.
    public var kvTransfer = 0.0
    /// KV complete to the first decode step.
    public var decodeWait = 0.0
    /// Decode time lost to prompts on the same devices.
    public var stall = 0.0
    /// The request's own prefill.
    public var prefill = 0.0
    /// The request's own decode steps.
    public var decode = 0.0
    /// The 99th percentile of the time to the first token.
    public var firstTokenP99 = 0.0
    /// Share of the sustained rate that is used.
    public var utilisation = 0.0

    /// Everything that is not the request's own computation.
    public var waiting: Double { prefillWait + kvTransfer + decodeWait + stall }
    /// Arrival to the last token.
    public var total: Double { waiting + prefill + decode }
    /// Arrival to the first token.
    public var firstToken: Double { prefillWait + prefill }
}

/// The queues of a plan: prompts before prefill groups, KV on the network, sequences before decoder groups; each pool is a
/// G/G/c queue (Allen and Cunneen's approximation) whose servers share the load in proportion to their speed.
///
/// Past saturation a queue has no mean; then the mean over a run of `runLength` requests that starts empty is given.
struct QueueModel {
    let instance: PlanningInstance
    /// The traffic; it may come at another rate than that of the instance.
    let demand: PlanningDemand
    /// Requests of the run that stands for an overload.
    let runLength: Double
    /// The length of that run unless another is asked for.
    static let usualRunLength = 1000.0

    init(_ instance: PlanningInstance, demand: PlanningDemand? = nil, runLength: Double = usualRunLength) {
        self.instance = instance
        self.demand = demand ?? instance.demand
        self.runLength = runLength
    }

    func times(_ groups: [GroupOption], _ flow: SystemFlow) -> PredictedTimes {
        var times = PredictedTimes()
        guard flow.rate > 0 else { return times }
        times.utilisation = demand.rate / flow.rate
        let load = min(demand.rate, 0.98 * flow.rate)
        let overload = runLength / 2 * max(0, 1 / flow.rate - 1 / demand.rate)
        let mixed = groups.filter { $0.role == .mixed }
        let mixedRate = mixed.reduce(0) { $0 + $1.rate }
        let mixedShare = mixedRate / flow.rate
        if mixedShare > 0 { add(mixedTimes(mixed, load: load * mixedShare), share: mixedShare, to: &times) }
        if mixedShare < 1 - 1e-12 {
            add(splitTimes(groups, flow, load: load * (1 - mixedShare)), share: 1 - mixedShare, to: &times)
        }
        times.prefillWait += overload
        // Exponential tail of the wait beyond its mean.
        times.firstTokenP99 = times.prefill + times.prefillWait * 4.605
        return times
    }

    private func add(_ part: PredictedTimes, share: Double, to times: inout PredictedTimes) {
        times.prefillWait += share * part.prefillWait
        times.kvTransfer += share * part.kvTransfer
        times.decodeWait += share * part.decodeWait
        times.stall += share * part.stall
        times.prefill += share * part.prefill
        times.decode += share * part.decode
    }

    private func mixedTimes(_ groups: [GroupOption], load: Double) -> PredictedTimes {
        let total = groups.reduce(0) { $0 + $1.rate }
        var times = PredictedTimes()
        var prefillBusy = 0.0
        var slots = 0.0
        var service = 0.0
        var cycle = 0.0
        for group in groups {
            let share = group.rate / total
            let busy = min(0.98, load * share * group.prefillCycle)
            let (seconds, gap) = decodeSeconds(group, rate: load * share, slowdown: 1 / (1 - busy))
            times.prefill += share * group.prefillLatency
            times.decode += share * seconds
            times.stall += share * seconds * busy / (1 - busy)
            // A prompt waits for the decode step that runs.
            times.prefillWait += share * gap / 2
            prefillBusy += share * busy
            cycle += share * group.prefillCycle
            slots += Double(group.concurrency)
            service += share * seconds / (1 - busy)
        }
        let wait = Wait(demand)
        times.prefillWait += wait.seconds(
            utilisation: prefillBusy, servers: Double(groups.count), service: cycle,
            variation: demand.promptVariation)
        times.decodeWait = wait.seconds(
            utilisation: load * service / slots, servers: slots, service: service,
            variation: demand.outputVariation)
        return times
    }

    private func splitTimes(_ groups: [GroupOption], _ flow: SystemFlow, load: Double) -> PredictedTimes {
        var times = PredictedTimes()
        let total = flow.flows.reduce(0) { $0 + $1.requestsPerSecond }
        guard total > 0 else { return times }
        let wait = Wait(demand)
        let prefills = groups.filter { $0.role == .prefill }
        let prefillRate = prefills.reduce(0) { $0 + $1.rate }
        var cycle = 0.0
        for group in prefills {
            let share = group.rate / prefillRate
            times.prefill += share * group.prefillLatency
            cycle += share / group.rate
        }
        times.prefillWait = wait.seconds(
            utilisation: load / prefillRate, servers: Double(prefills.count), service: cycle,
            variation: demand.promptVariation)

        var transfer = 0.0
        for flow in flow.flows { transfer += flow.requestsPerSecond / total * flow.kvSeconds }
        // How much of the network's limit is used decides how long transfers share it.
        let networkLoad = min(0.98, load / total * (isNetwork(flow.limit) ? 1 : 0.7))
        let shared = transfer / (1 - networkLoad)
        if let chunk = instance.limits.chunkTokens, instance.promptTokens > chunk {
            let chunks = (Double(instance.promptTokens) / Double(chunk)).rounded(.up)
            times.kvTransfer = max(shared - times.prefill * (chunks - 1) / chunks, shared / chunks)
        } else {
            times.kvTransfer = shared
        }

        let decodes = groups.filter { $0.role == .decode }
        let decodeRate = decodes.reduce(0) { $0 + $1.rate }
        var slots = 0.0
        var service = 0.0
        for group in decodes {
            let share = group.rate / decodeRate
            let (seconds, _) = decodeSeconds(group, rate: load * share, slowdown: 1)
            times.decode += share * seconds
            service += share * seconds
            slots += Double(group.concurrency)
        }
        times.decodeWait = wait.seconds(
            utilisation: load * service / slots, servers: slots, service: service,
            variation: demand.outputVariation)
        return times
    }

    private func isNetwork(_ limit: PlanLimit) -> Bool { if case .network = limit { true } else { false } }

    /// Seconds of a mean output at the number of sequences that the rate keeps in the group, and the token gap there.
    private func decodeSeconds(_ group: GroupOption, rate: Double, slowdown: Double) -> (Double, Double) {
        let output = max(0, demand.outputTokens - 1)
        let times = GroupTimes(instance: instance, option: group)
        var gap = group.tokenGap
        for sequences in 1...max(1, group.concurrency) {
            gap = times.tokenGap(sequences: sequences)
            if Double(sequences) >= rate * output * gap * slowdown { break }
        }
        return (output * gap, gap)
    }
}

/// Waiting in a G/G/c queue.
struct Wait {
    private let arrivalVariation: Double

    init(_ demand: PlanningDemand) {
        // A bursty stream waits longer, but not as long as the formula says that was made for light variation.
        arrivalVariation = min(demand.arrivalVariation, 20)
    }

    /// Mean seconds: `(Ca^2 + Cs^2) / 2` times the M/M/c wait in Sakasegawa's closed form,
    /// `u^(sqrt(2(c+1)) - 1) / (c (1 - u)) * service`.
    func seconds(utilisation: Double, servers: Double, service: Double, variation: Double) -> Double {
        guard utilisation > 0, servers > 0 else { return 0 }
        let used = min(utilisation, 0.98)
        let exponent = (2 * (servers + 1)).squareRoot() - 1
        let queue = Exponential.power(used, exponent) / (servers * (1 - used))
        return (arrivalVariation + variation) / 2 * queue * service
    }
}
