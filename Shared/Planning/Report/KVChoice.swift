internal import CostModel
public import Domain

/// How a plan keeps and sends keys and values, and what the other way would cost.
public struct KVChoice: Sendable, Hashable {
    /// Why it is that type.
    public enum Reason: String, Sendable, Hashable {
        /// The other type is not allowed, or the model's heads cannot be stored in it.
        case onlyOneAllowed
        /// The plain type is as good.
        case plainIsAsGood
        /// The plain type would lower the rate or raise the waiting.
        case plainIsWorse
        /// With the plain type the groups would lack memory.
        case plainDoesNotFit
        /// The plan in force has it: its sequences can go on.
        case isInForce
    }

    /// The type.
    public var type: KVType
    /// Why.
    public var reason: Reason
    /// Bytes of the KV of a mean prompt that travel; 0 where all groups are mixed.
    public var bytesPerPrompt: Double
    /// Requests per second that the same groups sustain with f16, where q8_0 was chosen over it.
    public var plainRate: Double?
    /// Seconds that a request waits then.
    public var plainWaiting: Double?
}

extension KVChoice {
    init(_ result: PlanningResult) {
        let instance = result.instance
        let travels = !result.placed.groups.allSatisfy { $0.role == .mixed }
        self.init(
            type: instance.kvType, reason: .plainIsAsGood,
            bytesPerPrompt: travels ? instance.handedOverLayerBytes * Double(instance.layers) : 0)
        if instance.limits.kvTypes.filter({ instance.cost.model.allows($0) }).count == 1 {
            reason = result.move == nil ? .onlyOneAllowed : .isInForce
        } else if instance.kvType != .f16 {
            guard let plain = result.placed.rerated(instance, keeping: .f16) else {
                reason = .plainDoesNotFit
                return
            }
            reason = .plainIsWorse
            plainRate = plain.placed.rate
            plainWaiting = plain.placed.times.waiting
        }
    }
}
