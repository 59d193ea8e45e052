internal import CostModel
public import Domain

/// Why a group decodes fewer sequences together than is allowed although more would raise its rate.
public struct BatchLimit: Sendable, Hashable {
    /// What keeps the batch small.
    public enum Reason: String, Sendable, Hashable {
        /// A device has no room for the KV cache of more.
        case memory
        /// With more, every request would be slower than the minimum speed.
        case minimumSpeed
    }

    /// What keeps the batch small.
    public var reason: Reason
    /// The device with the least room; `nil` where memory is not the reason.
    public var device: DeviceID?
    /// Sequences that are decoded together.
    public var sequences: Int
    /// Sequences that would be best.
    public var wanted: Int
    /// Share by which the group's rate would be higher.
    public var gain: Double
}

extension BatchLimit {
    /// Gains below this are not worth a word.
    private static let leastGain = 0.01

    /// Finds what keeps the batch of a group small; `nil` where nothing does or nothing would be gained.
    init?(_ instance: PlanningInstance, _ option: GroupOption, keepsSpeed: Bool) {
        guard option.role != .prefill, option.concurrency > 0, option.concurrency < instance.largestBatch else {
            return nil
        }
        let times = GroupTimes(instance: instance, option: option)
        let gaps = (0...instance.largestBatch).map { $0 == 0 ? 0 : times.tokenGap(sequences: $0) }
        let output = max(1, instance.demand.outputTokens)
        let most = Self.portRate(instance, option)
        func rate(_ sequences: Int) -> Double {
            let rate = Double(sequences) / (output * gaps[sequences])
            return option.role == .mixed ? 1 / (option.prefillCycle + 1 / rate) : min(rate, most)
        }
        func best(_ isAllowed: (Int) -> Bool) -> Int? {
            let more = ((option.concurrency + 1)...instance.largestBatch).filter(isAllowed)
            return more.max { (rate($0), -$0) < (rate($1), -$1) }.flatMap {
                rate($0) > option.rate * (1 + Self.leastGain) ? $0 : nil
            }
        }
        let minimum = instance.limits.minimumTokensPerSecond
        let (room, tightest) = Self.room(instance, option)
        let isQuick: (Int) -> Bool = { !keepsSpeed || gaps[$0] * minimum <= 1 + 1e-9 }
        if let wanted = best({ $0 > room && isQuick($0) }) {
            self.init(
                reason: .memory, device: instance.cost.devices[tightest].id, sequences: option.concurrency,
                wanted: wanted, gain: rate(wanted) / option.rate - 1)
        } else if let wanted = best({ !isQuick($0) }) {
            self.init(
                reason: .minimumSpeed, device: nil, sequences: option.concurrency, wanted: wanted,
                gain: rate(wanted) / option.rate - 1)
        } else {
            return nil
        }
    }

    /// Most sequences whose KV every stage has room for, and the device that has room for fewest tokens.
    private static func room(_ instance: PlanningInstance, _ option: GroupOption) -> (sequences: Int, device: Int) {
        let model = instance.cost.model
        var least = Double.infinity
        var tightest = option.order[0]
        var start = 0
        for (device, layers) in zip(option.order, option.layers) {
            let range = LayerRange(start, start + layers)
            let free = Double(instance.devices[device].memoryBytes - model.weightBytes(range))
            let tokens = free / Double(model.kvBytes(range, tokens: 1))
            if tokens < least { (least, tightest) = (tokens, device) }
            start += layers
        }
        let sequences = (1...instance.largestBatch).last { Double(instance.decodeTokens[$0]) <= least } ?? 0
        return (sequences, tightest)
    }

    private static func portRate(_ instance: PlanningInstance, _ option: GroupOption) -> Double {
        let port = zip(option.order, option.layers).map { Double($1) * instance.devices[$0].kvIn }.max() ?? 0
        return port > 0 ? 1 / port : .infinity
    }
}
