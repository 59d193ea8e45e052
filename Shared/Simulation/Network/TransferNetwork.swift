internal import CostModel
internal import Domain

/// Flows of bytes that share the resources of a network max-min fairly: no flow can get more without one that has no more
/// than it getting less (Bertsekas and Gallager, Data Networks, 6.5.2). A resource that a flow crosses twice gives it half.
///
/// Bytes may be added to a flow while it runs; a flow without bytes uses nothing. Time only moves forward. Late times have
/// steps that a number cannot tell apart: what is left of less than such a step counts as sent, so that every end that
/// `nextEnd` names is one.
struct TransferNetwork {
    /// A flow, for as long as it is open.
    typealias FlowID = Int

    private struct Flow {
        var uses: [(resource: Int, weight: Double)]
        var remaining = 0.0
        var rate = 0.0
        var isLast = false
    }

    /// How much of a resource was used.
    struct Use: Sendable, Hashable {
        /// The resource.
        var resource: NetworkResource.Identity
        /// Seconds of full use.
        var busySeconds: Double
    }

    private let network: NetworkCost
    private var numbers: [NetworkResource.Identity: Int] = [:]
    private var names: [NetworkResource.Identity] = []
    private var capacity: [Double] = []
    private var busy: [Double] = []
    private var paths: [Pair: [(resource: Int, weight: Double)]] = [:]
    private var flows: [FlowID: Flow] = [:]
    /// Flows with bytes, in order.
    private var active: [FlowID] = []
    private var opened = 0
    private var now = 0.0
    private var isStale = false
    /// Who wants to know what is sent when.
    var recorder: TimelineRecorder?

    private struct Pair: Hashable {
        var from: DeviceID
        var to: DeviceID
    }

    init(_ network: NetworkCost) { self.network = network }

    /// What has been used so far, of resources that any flow crossed.
    var uses: [Use] { names.indices.map { Use(resource: names[$0], busySeconds: busy[$0]) } }

    /// What the flows' ways cost.
    var cost: NetworkCost { network }

    /// Bytes that a flow has still to send.
    func remaining(_ flow: FlowID) -> Double { flows[flow]?.remaining ?? 0 }

    /// Flows that have bytes to send.
    var activeCount: Int { active.count }

    /// Opens a flow between two devices; it has no bytes yet.
    mutating func open(from: DeviceID, to: DeviceID) -> FlowID {
        opened += 1
        flows[opened] = Flow(uses: path(from, to))
        recorder?.opened(opened, from: from, to: to)
        return opened
    }

    /// Adds bytes; `isLast` says that no more will come, so that the flow ends when they have been sent.
    mutating func add(_ bytes: Double, isLast: Bool, to flow: FlowID, at time: Double) {
        advance(to: time)
        guard var state = flows[flow] else { return }
        if state.remaining <= 0, bytes > 0 {
            let place = active.partitioningIndex { $0 >= flow }
            active.insert(flow, at: place)
            isStale = true
        }
        state.remaining += max(0, bytes)
        state.isLast = state.isLast || isLast
        flows[flow] = state
        recorder?.fed(flow, bytes, at: time)
    }

    /// Gives a flow up.
    mutating func cancel(_ flow: FlowID, at time: Double) {
        advance(to: time)
        recorder?.paused(flow, at: time, left: remaining(flow))
        recorder?.closed(flow)
        flows[flow] = nil
        if let place = active.firstIndex(of: flow) {
            active.remove(at: place)
            isStale = true
        }
    }

    /// When the next flow runs out of bytes, if nothing else happens.
    mutating func nextEnd() -> Double? {
        share()
        return active.compactMap { id in flows[id].map { now + $0.remaining / $0.rate } }.min()
    }

    /// Moves time on and returns the flows that have sent their last bytes by then.
    mutating func ended(at time: Double) -> [FlowID] {
        advance(to: time)
        // What is left of less than a nanosecond is rounding; so is what ends before the next time that can be told from
        // this one: it would be left for ever.
        let rounding = now.isFinite ? max(1e-9, now.ulp) : .infinity
        var ended: [FlowID] = []
        active.removeAll { id in
            guard let flow = flows[id] else { return true }
            guard flow.remaining <= flow.rate * rounding else { return false }
            flows[id]?.remaining = 0
            isStale = true
            recorder?.paused(id, at: time)
            if flow.isLast {
                ended.append(id)
                flows[id] = nil
                recorder?.closed(id)
            }
            return true
        }
        return ended
    }

    /// Whether a flow that will get no more bytes has none left: it ended without ever having been active.
    mutating func endIfEmpty(_ flow: FlowID) -> Bool {
        guard let state = flows[flow], state.isLast, state.remaining <= 0 else { return false }
        flows[flow] = nil
        recorder?.closed(flow)
        return true
    }

    private mutating func advance(to time: Double) {
        share()
        let seconds = time - now
        guard seconds > 0 else { return }
        now = time
        for id in active {
            guard var flow = flows[id] else { continue }
            flow.remaining = max(0, flow.remaining - flow.rate * seconds)
            for use in flow.uses {
                let share = flow.rate * use.weight / capacity[use.resource]
                busy[use.resource] += share * seconds
                recorder?.used(use.resource, share: share, from: time - seconds, to: time)
            }
            flows[id] = flow
        }
    }

    /// Water filling: the resource with the least for each of its flows settles them, until all are settled.
    private mutating func share() {
        guard isStale else { return }
        isStale = false
        var free = capacity
        var weight = [Double](repeating: 0, count: capacity.count)
        var members = [[FlowID]](repeating: [], count: capacity.count)
        for id in active {
            for use in flows[id]?.uses ?? [] {
                weight[use.resource] += use.weight
                members[use.resource].append(id)
            }
        }
        var open = members.indices.filter { !members[$0].isEmpty }
        var settled: Set<FlowID> = []
        while let tightest = open.min(by: { free[$0] / weight[$0] < free[$1] / weight[$1] }) {
            let rate = max(0, free[tightest] / weight[tightest])
            for id in members[tightest] where settled.insert(id).inserted {
                // A flow of nothing would never end.
                flows[id]?.rate = max(rate, 1e-3)
                for use in flows[id]?.uses ?? [] {
                    free[use.resource] -= rate * use.weight
                    weight[use.resource] -= use.weight
                }
            }
            open.removeAll { $0 == tightest || weight[$0] < 1e-9 }
        }
        for id in active where !settled.contains(id) { flows[id]?.rate = .greatestFiniteMagnitude }
    }

    private mutating func path(_ from: DeviceID, _ to: DeviceID) -> [(resource: Int, weight: Double)] {
        let pair = Pair(from: from, to: to)
        if let known = paths[pair] { return known }
        let uses = network.uses(from: from, to: to).map { use in
            let number = numbers[use.resource.id] ?? names.count
            if number == names.count {
                numbers[use.resource.id] = number
                names.append(use.resource.id)
                capacity.append(use.resource.bytesPerSecond)
                busy.append(0)
            }
            return (resource: number, weight: Double(use.crossings))
        }
        paths[pair] = uses
        return uses
    }
}

extension Array {
    /// The first index from which on all elements satisfy a condition that stays true once it is.
    func partitioningIndex(_ isAfter: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
