internal import CostModel
public import Domain

/// Why a plan is as it is: what limits it, what sets the pace of every group, what is idle, and how much better any plan
/// could be; as values, and in `lines` as sentences.
///
/// Rates are requests per second at saturation, times are seconds of the mean request.
public struct PlanExplanation: Sendable, Hashable {
    /// What is exhausted first.
    public var limit: PlanLimit
    /// Requests per second that the plan sustains.
    public var rate: Double
    /// Requests per second that were asked for.
    public var askedRate: Double
    /// No plan sustains more than this; infinite where nothing was proved.
    public var upperBound: Double
    /// Whether the plan is proved to have the highest rate there is.
    public var isExact: Bool
    /// Whether the deadline ended the search.
    public var wasStopped: Bool
    /// What all prefill groups sustain together.
    public var prefillCapacity: Double
    /// What all decoder groups sustain together.
    public var decodeCapacity: Double
    /// What all mixed groups sustain together.
    public var mixedCapacity: Double
    /// The groups, as in the plan.
    public var groups: [GroupFinding]
    /// The devices in no group.
    public var idle: [IdleDevice]
    /// What the idle devices would be as one more group; `nil` where there are too few or too many to be one.
    public var idleTogether: IdleTogether?
    /// Least tokens per second of every decoding request that were asked for; 0 for none.
    public var minimumTokensPerSecond: Double
    /// How keys and values are kept and sent.
    public var kv: KVChoice
    /// Resources that KV crosses, the busiest first.
    public var network: [NetworkLoad]
    /// What had to be relaxed.
    public var relaxations: [String]
    /// Times at the rate that was asked for.
    public var times: PredictedTimes

    /// Explains a result; `types` name the kinds of hardware, where they are known.
    public init(_ result: PlanningResult, types: [DeviceID: String] = [:]) {
        let placed = result.placed
        func capacity(_ role: ReplicaRole) -> Double {
            placed.groups.filter { $0.role == role }.reduce(0) { $0 + $1.rate }
        }
        var trials = IdleTrials(result)
        let devices = result.instance.cost.devices
        limit = placed.limit
        rate = placed.rate
        askedRate = result.instance.demand.rate
        upperBound = result.upperBound
        isExact = result.isExact
        wasStopped = result.wasStopped
        prefillCapacity = capacity(.prefill)
        decodeCapacity = capacity(.decode)
        mixedCapacity = capacity(.mixed)
        groups = GroupFinding.all(result, types: types)
        idle = trials.idle.map { device in
            let id = devices[device].id
            return IdleDevice(id: id, type: types[id], reason: trials.reason(device))
        }
        idleTogether = trials.together()
        minimumTokensPerSecond = result.instance.limits.minimumTokensPerSecond
        kv = KVChoice(result)
        network = NetworkLoad.all(result)
        relaxations = result.relaxations
        times = placed.times
    }

    /// Share by which the bound exceeds the plan's rate.
    public var gap: Double { max(0, upperBound / rate - 1) }

    /// The explanation in sentences, one a line; indented lines belong to the one above. About 25 for eight devices, and no
    /// more for many: like groups are counted together.
    public var lines: [String] {
        ExplanationText.plan(self) + ExplanationText.groups(groups) + ExplanationText.idle(self)
    }
}
