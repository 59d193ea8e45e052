internal import CostModel
public import Domain

/// What sets the pace of a group.
public struct GroupBottleneck: Sendable, Hashable {
    /// The kind of thing that is slow.
    public enum Kind: String, Sendable, Hashable {
        /// The computation of a stage.
        case stage
        /// A hop of hidden states from one stage to the next.
        case hop
        /// The KV through a device's port, the way out of prefill groups and the way in to decoders.
        case port
    }

    /// The kind of thing that is slow.
    public var kind: Kind
    /// The phase in which it is.
    public var phase: Phase
    /// The device that computes, sends or receives.
    public var device: DeviceID
    /// Where a hop leads to; otherwise `nil`.
    public var target: DeviceID?
    /// The layers of the device's stage.
    public var layers: LayerRange
    /// Seconds that it takes for a mean prompt (prefill, ports) or for one step (decode).
    public var seconds: Double
    /// Seconds of the whole: between two prompts, or between two tokens of a sequence.
    public var wholeSeconds: Double
    /// Seconds of all hops in that; 0 where only the slowest part counts.
    public var hopSeconds: Double
    /// Whether the sum of all stages and hops sets the pace, of which this is the largest; otherwise this alone does.
    public var isSum: Bool
}

/// The parts of a group's pace, one by one.
struct GroupParts {
    private struct Part {
        var kind: GroupBottleneck.Kind
        var place: Int
        var seconds: Double
    }

    private let instance: PlanningInstance
    private let option: GroupOption

    init(_ instance: PlanningInstance, _ option: GroupOption) {
        self.instance = instance
        self.option = option
    }

    /// What sets the pace; of mixed groups in the phase that takes more of a request's time.
    var bottleneck: GroupBottleneck {
        switch option.role {
        case .prefill: prefill
        case .decode: decode
        case .mixed: decodeShare > 0.5 ? decode : prefill
        }
    }

    /// Share of a request's time on a mixed group that is decoding.
    var decodeShare: Double {
        guard option.role == .mixed, option.concurrency > 0 else { return option.role == .decode ? 1 : 0 }
        let decode = max(1, instance.demand.outputTokens) * option.tokenGap / Double(option.concurrency)
        return decode / (decode + option.prefillCycle)
    }

    private var prefill: GroupBottleneck {
        var parts = option.order.indices.map { place in
            let figures = instance.devices[option.order[place]]
            let head = place == option.order.count - 1 ? figures.prefillHead : 0
            return Part(kind: .stage, place: place, seconds: Double(option.layers[place]) * figures.prefill + head)
        }
        for place in 1..<max(1, option.order.count) {
            parts.append(Part(kind: .hop, place: place - 1, seconds: instance.promptHops[pair(place)]))
        }
        if option.role == .prefill {
            parts += option.order.indices.map { place in
                let layer = instance.devices[option.order[place]].kvOut
                return Part(kind: .port, place: place, seconds: Double(option.layers[place]) * layer)
            }
        }
        let slowest = Self.slowest(parts)
        return bottleneck(slowest, .prefill, whole: slowest.seconds)
    }

    private var decode: GroupBottleneck {
        let batch = max(1, option.microBatches > 0 ? option.concurrency / option.microBatches : option.concurrency)
        let index = min(batch, instance.largestBatch)
        var parts = option.order.indices.map { place in
            let figures = instance.devices[option.order[place]]
            let head = place == option.order.count - 1 ? figures.head[index] : 0
            let seconds = Double(option.layers[place]) * figures.decode[index] + head
            return Part(kind: .stage, place: place, seconds: seconds)
        }
        var hops = 0.0
        for place in 1..<max(1, option.order.count) {
            let seconds = instance.hopLatencies[pair(place)] + Double(batch) * instance.tokenHops[pair(place)]
            parts.append(Part(kind: .hop, place: place - 1, seconds: seconds))
            hops += seconds
        }
        let slowest = Self.slowest(parts)
        let back = option.order.count > 1 ? instance.hopLatencies[pair(0)] : 0
        let sum = parts.reduce(back) { $0 + $1.seconds }
        if option.role == .decode {
            let ports = option.order.indices.map { place in
                let layer = instance.devices[option.order[place]].kvIn
                return Part(kind: .port, place: place, seconds: Double(option.layers[place]) * layer)
            }
            let port = Self.slowest(ports)
            let output = max(1, instance.demand.outputTokens)
            if port.seconds * Double(option.concurrency) > output * option.tokenGap {
                return bottleneck(port, .decode, whole: port.seconds)
            }
        }
        if Double(option.microBatches) * slowest.seconds >= sum || parts.count == 1 {
            return bottleneck(slowest, .decode, whole: option.tokenGap)
        }
        // Where mostly hops take the time, a faster stage would not help.
        parts.append(Part(kind: .hop, place: option.order.count - 1, seconds: back))
        let named = hops + back > sum / 2 ? Self.slowest(parts.filter { $0.kind == .hop }) : slowest
        return bottleneck(named, .decode, whole: option.tokenGap, hops: hops + back, isSum: true)
    }

    private static func slowest(_ parts: [Part]) -> Part {
        // The first of equals.
        parts.reduce(parts[0]) { $1.seconds > $0.seconds ? $1 : $0 }
    }

    private func bottleneck(
        _ part: Part, _ phase: Phase, whole: Double, hops: Double = 0, isSum: Bool = false
    ) -> GroupBottleneck {
        let start = option.layers[..<part.place].reduce(0, +)
        let ids = instance.cost.devices
        return GroupBottleneck(
            kind: part.kind, phase: phase, device: ids[option.order[part.place]].id,
            target: part.kind == .hop ? ids[option.order[(part.place + 1) % option.order.count]].id : nil,
            layers: LayerRange(start, start + option.layers[part.place]), seconds: part.seconds, wholeSeconds: whole,
            hopSeconds: hops, isSum: isSum)
    }

    /// The entry of the hop that reaches a place; of the first one, the hop back from the last.
    private func pair(_ place: Int) -> Int {
        let from = place > 0 ? place - 1 : option.order.count - 1
        return option.order[from] * instance.count + option.order[place]
    }
}
