internal import CostModel
public import Domain

/// How KV travels in a plan, and what the other way would cost.
public struct WireChoice: Sendable, Hashable {
    /// Why KV travels that way.
    public enum Reason: String, Sendable, Hashable {
        /// No KV travels: all groups are mixed.
        case nothingTravels
        /// The other type is not allowed.
        case onlyOneAllowed
        /// The plain type is as good.
        case plainIsAsGood
        /// The plain type would lower the rate or raise the waiting.
        case plainIsWorse
    }

    /// The type on the wire.
    public var type: KVType
    /// Why.
    public var reason: Reason
    /// Bytes of the KV of a mean prompt on the wire.
    public var bytesPerPrompt: Double
    /// Requests per second that the same groups sustain with f16 on the wire, where q8_0 was chosen over it.
    public var plainRate: Double?
    /// Seconds that a request waits then.
    public var plainWaiting: Double?
}

extension WireChoice {
    init(_ result: PlanningResult) {
        let instance = result.instance
        let model = instance.cost.model
        let bytes = Double(model.kvBytesPerTokenPerLayer) * Double(model.layers) * Double(instance.promptTokens)
        self.init(
            type: instance.wireType, reason: .plainIsAsGood, bytesPerPrompt: bytes * instance.wireType.bytesShare)
        if result.placed.groups.allSatisfy({ $0.role == .mixed }) {
            reason = .nothingTravels
        } else if instance.limits.wireTypes.count == 1 {
            reason = .onlyOneAllowed
        } else if instance.wireType != .f16,
            let plain = try? PlanningInstance(
                cost: instance.cost, demand: instance.demand, limits: instance.limits, wireType: .f16)
        {
            var routes = KVRoutes(plain)
            let same = PlacedGroups(result.placed.groups.map { Ports.rerated($0, plain) }, plain, &routes)
            reason = .plainIsWorse
            plainRate = same.rate
            plainWaiting = same.times.waiting
        }
    }
}
