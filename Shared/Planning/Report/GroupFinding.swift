internal import CostModel
public import Domain

/// What there is to say about one group of a plan.
public struct GroupFinding: Sendable, Hashable {
    /// One stage.
    public struct Stage: Sendable, Hashable {
        /// The device.
        public var device: DeviceID
        /// Its type, where it is known.
        public var type: String?
        /// Its layers.
        public var layers: LayerRange
    }

    /// Its name, as that of the replica.
    public var name: String
    /// Its role.
    public var role: ReplicaRole
    /// Its stages in order.
    public var stages: [Stage]
    /// Requests per second that it sustains.
    public var rate: Double
    /// Its share of what all groups of its role sustain.
    public var share: Double
    /// Sequences that it decodes together; 0 for prefill groups.
    public var concurrency: Int
    /// Seconds between two tokens of a sequence at that concurrency; 0 for prefill groups.
    public var tokenGap: Double
    /// Seconds of a mean prompt through the group; 0 for decoders.
    public var prefillSeconds: Double
    /// Share of a request's time that is decoding; 0 for prefill groups, 1 for decoders.
    public var decodeShare: Double
    /// What sets its pace.
    public var bottleneck: GroupBottleneck
    /// What keeps its batch small, if anything does.
    public var batchLimit: BatchLimit?
}

extension GroupFinding {
    /// The findings of all groups of a plan.
    public static func all(_ result: PlanningResult, types: [DeviceID: String]) -> [GroupFinding] {
        let instance = result.instance
        let groups = result.placed.groups
        let minimum = instance.limits.minimumTokensPerSecond
        let keepsSpeed = minimum > 0 && result.placed.meets(minimumTokensPerSecond: minimum)
        var sums: [ReplicaRole: Double] = [:]
        for group in groups { sums[group.role, default: 0] += group.rate }
        return zip(GroupNames(groups).names, groups).map { name, group in
            var start = 0
            let stages = zip(group.order, group.layers).map { device, layers in
                let id = instance.cost.devices[device].id
                defer { start += layers }
                return Stage(device: id, type: types[id], layers: LayerRange(start, start + layers))
            }
            let parts = GroupParts(instance, group)
            return GroupFinding(
                name: name, role: group.role, stages: stages, rate: group.rate,
                share: group.rate / (sums[group.role] ?? group.rate), concurrency: group.concurrency,
                tokenGap: group.tokenGap, prefillSeconds: group.prefillLatency, decodeShare: parts.decodeShare,
                bottleneck: parts.bottleneck, batchLimit: BatchLimit(instance, group, keepsSpeed: keepsSpeed))
        }
    }
}
