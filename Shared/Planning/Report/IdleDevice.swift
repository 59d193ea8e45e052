internal import CostModel
public import Domain

/// A device that a plan leaves out, and why.
public struct IdleDevice: Sendable, Hashable {
    /// Why a device is left out.
    public enum Reason: Sendable, Hashable {
        /// It has no room for one layer and the KV cache of the longest request.
        case noRoom
        /// It has not been measured for a phase, or it is not known what it could do.
        case unusable
        /// It would add this share to the plan's rate, but only below the minimum decode speed.
        case tooSlow(gain: Double)
        /// It would add this share to the plan's rate at most, in one of the groups or alone; often 0, because every group
        /// would become slower.
        case addsLittle(gain: Double)
        /// Like others of the fleet; was not tried one by one.
        case notTried
    }

    /// The device.
    public var id: DeviceID
    /// Its type, where it is known.
    public var type: String?
    /// Why it is left out.
    public var reason: Reason
}

/// What the idle devices would be as one more group.
public struct IdleTogether: Sendable, Hashable {
    /// What the group would add to the plan, as a share of its rate.
    public var gain: Double
    /// Whether it would decode below the minimum speed.
    public var isTooSlow: Bool
}

/// Tries what the devices that a plan leaves out would add to it.
struct IdleTrials {
    /// Evaluations of groups; what comes after is not tried.
    private static let most = 240
    /// Gains below this make it worth looking for another reason.
    private static let smallGain = 0.01

    private let instance: PlanningInstance
    private let placed: PlacedGroups
    private let keepsSpeed: Bool
    private var routes: KVRoutes
    private var evaluations = 0

    init(_ result: PlanningResult) {
        instance = result.instance
        placed = result.placed
        let minimum = result.instance.limits.minimumTokensPerSecond
        keepsSpeed = minimum > 0 && result.placed.meets(minimumTokensPerSecond: minimum)
        routes = KVRoutes(result.instance)
    }

    /// The devices in no group.
    var idle: [Int] {
        let used = Set(placed.groups.flatMap(\.order))
        return (0..<instance.count).filter { !used.contains($0) }
    }

    /// Why a device is left out.
    mutating func reason(_ device: Int) -> IdleDevice.Reason {
        let figures = instance.devices[device]
        if instance.capacity(device, tokens: instance.decodeTokens[1], first: false, last: false) < 1 { return .noRoom }
        if !figures.prefill.isFinite, !(figures.decode.last ?? .infinity).isFinite { return .unusable }
        let groups = candidates
        guard evaluations + 2 * (groups.count + 1) <= Self.most else { return .notTried }
        let gain = gain(device, groups, keepsSpeed: keepsSpeed)
        guard keepsSpeed, gain < Self.smallGain else { return .addsLittle(gain: gain) }
        let other = self.gain(device, groups, keepsSpeed: false)
        return other > gain + 1e-3 ? .tooSlow(gain: other) : .addsLittle(gain: gain)
    }

    /// What all idle devices would be as one more group; `nil` where there are too few or too many to be one.
    mutating func together() -> IdleTogether? {
        let idle = idle
        guard idle.count > 1, idle.count <= instance.layers else { return nil }
        let gain = gainAlone(idle, keepsSpeed: keepsSpeed)
        guard keepsSpeed, gain < Self.smallGain else { return IdleTogether(gain: gain, isTooSlow: false) }
        let other = gainAlone(idle, keepsSpeed: false)
        return other > gain + 1e-3
            ? IdleTogether(gain: other, isTooSlow: true) : IdleTogether(gain: gain, isTooSlow: false)
    }

    /// What devices would add as a group of their own.
    private mutating func gainAlone(_ devices: [Int], keepsSpeed: Bool) -> Double {
        var best = placed.rate
        for option in options(devices, keepsSpeed: keepsSpeed) {
            best = max(best, PlacedGroups(placed.groups + [option], instance, &routes).rate)
        }
        return best / placed.rate - 1
    }

    /// Groups that can raise the plan's rate: those of the phase that limits it, and mixed ones.
    private var candidates: [Int] {
        placed.groups.indices.filter { index in
            let role = placed.groups[index].role
            return switch placed.limit {
            case .prefill: role != .decode
            case .decode: role != .prefill
            case .network, .mixed: role == .mixed
            }
        }
    }

    /// The best that a device adds to one of the groups, or alone.
    private mutating func gain(_ device: Int, _ groups: [Int], keepsSpeed: Bool) -> Double {
        var best = 0.0
        var chosen: [GroupOption] = []
        // The network is asked for the best one only.
        for index in groups where placed.groups[index].order.count < instance.layers {
            let old = placed.groups[index]
            let options = options(old.order + [device], keepsSpeed: keepsSpeed).filter { $0.role == old.role }
            guard let option = options.first, option.rate / old.rate - 1 > 1e-6 else { continue }
            let gain = option.rate - old.rate
            if gain > best {
                best = gain
                chosen = placed.groups
                chosen[index] = option
            }
        }
        let alone = gainAlone([device], keepsSpeed: keepsSpeed)
        guard !chosen.isEmpty else { return alone }
        return max(alone, PlacedGroups(chosen, instance, &routes).rate / placed.rate - 1)
    }

    private mutating func options(_ members: [Int], keepsSpeed: Bool) -> [GroupOption] {
        evaluations += 1
        let gap = keepsSpeed ? 1 / instance.limits.minimumTokensPerSecond : .infinity
        var evaluator = GroupEvaluator(instance, longestGap: gap)
        let value = evaluator.evaluate(members.sorted())
        let roles = instance.limits.roles
        return [value.prefill, value.decode, value.mixed].compactMap { $0 }.filter { option in
            switch roles {
            case .any: true
            case .uniform: (option.role == .mixed) == (placed.groups.first?.role == .mixed)
            case .split: option.role != .mixed
            case .mixed: option.role == .mixed
            }
        }
    }
}
