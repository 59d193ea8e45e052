public import Domain

/// The network of a fleet: what it takes to get from one device to another, and what flows share on the way. Measured link
/// by link, or described as a tree of links.
public struct NetworkCost: Sendable, Hashable {
    private enum Source: Sendable, Hashable {
        case measured(MeasuredNetwork)
        case tree(TreeNetwork)
    }

    /// Two devices, in the direction of a flow.
    struct Pair: Hashable, Sendable {
        var from: DeviceID
        var to: DeviceID
    }

    private let source: Source
    /// Seconds that a step takes on a device besides computing and the network, on top of every way to it.
    private let handovers: [DeviceID: Double]
    /// Links that were looked up before.
    private var known: [Pair: LinkCost] = [:]
    /// What stands in for a link that was measured in neither direction, or that a description does not have.
    public let unmeasured: LinkCost

    /// Makes a network of measured links. A link with an impossible figure counts as unmeasured; a link measured in one
    /// direction only stands for both. What is sent to a device, or stays there for the next step, waits for its handover
    /// (seconds) besides.
    public init(links: [LinkProfile], handovers: [DeviceID: Double] = [:], unmeasured: LinkCost = .unmeasured) {
        source = .measured(MeasuredNetwork(links))
        self.handovers = handovers.filter { $0.value > 0 && $0.value.isFinite }
        self.unmeasured = unmeasured
    }

    /// Takes a described network.
    public init(tree: TreeNetwork) {
        source = .tree(tree)
        handovers = [:]
        unmeasured = .unmeasured
    }

    /// The way between two devices: the latencies together, and the rate of the slowest resource for a flow alone. From a
    /// device to itself it takes the handover only.
    public func link(from: DeviceID, to: DeviceID) -> LinkCost {
        if !known.isEmpty, let link = known[Pair(from: from, to: to)] { return link }
        var link = from == to ? .local : way(from: from, to: to)
        link.latencySeconds += handovers[to] ?? 0
        return link
    }

    private func way(from: DeviceID, to: DeviceID) -> LinkCost {
        switch source {
        case .measured(let network): return network.link(from: from, to: to) ?? unmeasured
        case .tree(let tree): return tree.link(from: from, to: to) ?? unmeasured
        }
    }

    /// The same network, quick for the hops between the stages of a plan: a described way has to be followed otherwise.
    func knowing(_ plan: PlacementPlan) -> NetworkCost {
        var network = self
        for stages in plan.replicas.map(\.stages) where stages.count > 1 {
            for (from, to) in zip(stages, stages.dropFirst() + stages.prefix(1)) {
                network.known[Pair(from: from.device, to: to.device)] = link(from: from.device, to: to.device)
            }
        }
        return network
    }

    /// What a flow between two devices crosses; nothing on the same device.
    ///
    /// A measured device has one port for everything that leaves it and one for everything that reaches it, each as fast as
    /// its fastest measured link.
    public func uses(from: DeviceID, to: DeviceID) -> [ResourceUse] {
        if from == to { return [] }
        switch source {
        case .measured(let network): return network.uses(from: from, to: to, unmeasured: unmeasured)
        case .tree(let tree): return tree.uses(from: from, to: to)
        }
    }

    /// Seconds to move `bytes` bytes from one device to another; the handover on the same device.
    public func hopSeconds(from: DeviceID, to: DeviceID, bytes: Double) -> Double {
        link(from: from, to: to).seconds(bytes: bytes)
    }
}

/// Links that were measured one by one.
struct MeasuredNetwork: Sendable, Hashable {
    private typealias Pair = NetworkCost.Pair

    private var links: [Pair: LinkCost] = [:]
    private var fastestOut: [DeviceID: Double] = [:]
    private var fastestInto: [DeviceID: Double] = [:]

    init(_ profiles: [LinkProfile]) {
        for link in profiles {
            guard link.latencySeconds >= 0, link.latencySeconds.isFinite, link.bytesPerSecond > 0,
                !link.bytesPerSecond.isNaN
            else { continue }
            links[Pair(from: link.from, to: link.to)] = LinkCost(
                latencySeconds: link.latencySeconds, bytesPerSecond: link.bytesPerSecond)
        }
        for (pair, link) in links {
            note(pair, link.bytesPerSecond)
            // A link measured in one direction stands for both.
            if links[Pair(from: pair.to, to: pair.from)] == nil {
                note(Pair(from: pair.to, to: pair.from), link.bytesPerSecond)
            }
        }
    }

    private mutating func note(_ pair: Pair, _ rate: Double) {
        fastestOut[pair.from] = max(fastestOut[pair.from] ?? 0, rate)
        fastestInto[pair.to] = max(fastestInto[pair.to] ?? 0, rate)
    }

    func link(from: DeviceID, to: DeviceID) -> LinkCost? {
        links[Pair(from: from, to: to)] ?? links[Pair(from: to, to: from)]
    }

    func uses(from: DeviceID, to: DeviceID, unmeasured: LinkCost) -> [ResourceUse] {
        let rate = (link(from: from, to: to) ?? unmeasured).bytesPerSecond
        let out = max(rate, fastestOut[from] ?? 0)
        let into = max(rate, fastestInto[to] ?? 0)
        return [
            ResourceUse(resource: NetworkResource(id: .out(from), bytesPerSecond: out)),
            ResourceUse(resource: NetworkResource(id: .into(to), bytesPerSecond: into)),
            ResourceUse(resource: NetworkResource(id: .pair(from, to), bytesPerSecond: rate)),
        ]
    }
}
