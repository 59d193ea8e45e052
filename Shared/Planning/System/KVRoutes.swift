internal import CostModel
internal import Domain

/// What the KV of one mean prompt costs on the way from one group to another.
struct KVRoute: Sendable {
    /// Seconds that it occupies each resource of the network.
    var occupied: [(resource: Int, seconds: Double)]
    /// Seconds until it has arrived when nothing else travels.
    var seconds: Double
}

/// The network of an instance as numbered resources, with routes between devices computed once.
struct KVRoutes: Sendable {
    private let instance: PlanningInstance
    private var numbers: [NetworkResource.Identity: Int] = [:]
    private var names: [NetworkResource.Identity] = []
    private var paths: [Int: Path] = [:]

    private struct Path: Sendable {
        /// Seconds per byte on every resource.
        var uses: [(resource: Int, secondsPerByte: Double)]
        var latency: Double
    }

    init(_ instance: PlanningInstance) { self.instance = instance }

    /// Resources that have been numbered so far.
    var count: Int { names.count }

    /// The name of a resource.
    func name(_ resource: Int) -> NetworkResource.Identity { names[resource] }

    /// The route of a prompt's KV: every layer goes from its device in `source` to its device in `target`, all at once;
    /// nothing moves where that is the same device.
    mutating func route(_ source: GroupOption, _ target: GroupOption) -> KVRoute {
        let layerBytes = instance.handedOverLayerBytes
        var occupied: [Int: Double] = [:]
        var latency = 0.0
        var (left, right) = (0, 0)
        var (leftEnd, rightEnd) = (source.layers[0], target.layers[0])
        var start = 0
        while left < source.order.count, right < target.order.count {
            let end = min(leftEnd, rightEnd)
            if end > start, source.order[left] != target.order[right] {
                let path = path(source.order[left], target.order[right])
                latency = max(latency, path.latency)
                for use in path.uses {
                    occupied[use.resource, default: 0] += Double(end - start) * layerBytes * use.secondsPerByte
                }
            }
            start = end
            if leftEnd == end {
                left += 1
                if left < source.order.count { leftEnd += source.layers[left] }
            }
            if rightEnd == end {
                right += 1
                if right < target.order.count { rightEnd += target.layers[right] }
            }
        }
        let sorted = occupied.sorted { $0.key < $1.key }.map { (resource: $0.key, seconds: $0.value) }
        return KVRoute(occupied: sorted, seconds: latency + (sorted.map(\.seconds).max() ?? 0))
    }

    /// Less than any route from some of the devices `sources` to some of `targets`, whatever layers they hold: every layer
    /// leaves one of the former for one of the latter.
    mutating func leastRoute(_ sources: [Int], _ targets: [Int]) -> KVRoute {
        let bytes = instance.handedOverLayerBytes * Double(instance.layers)
        var least: [Int: Double] = [:]
        for (index, source) in sources.enumerated() {
            for (other, target) in targets.enumerated() {
                var uses: [Int: Double] = [:]
                for use in path(source, target).uses { uses[use.resource, default: 0] += use.secondsPerByte * bytes }
                if index == 0, other == 0 { least = uses }
                for (resource, seconds) in least { least[resource] = min(seconds, uses[resource] ?? 0) }
            }
        }
        let sorted = least.filter { $0.value > 0 }.sorted { $0.key < $1.key }
        return KVRoute(occupied: sorted.map { (resource: $0.key, seconds: $0.value) }, seconds: 0)
    }

    private mutating func path(_ from: Int, _ to: Int) -> Path {
        let key = from * instance.count + to
        if let known = paths[key] { return known }
        let ids = instance.cost.devices
        var uses: [(resource: Int, secondsPerByte: Double)] = []
        for use in instance.cost.network.uses(from: ids[from].id, to: ids[to].id) {
            let number = numbers[use.resource.id] ?? names.count
            if number == names.count {
                numbers[use.resource.id] = number
                names.append(use.resource.id)
            }
            uses.append((number, Double(use.crossings) / use.resource.bytesPerSecond))
        }
        let latency = instance.cost.network.link(from: ids[from].id, to: ids[to].id).latencySeconds
        let path = Path(uses: uses, latency: latency)
        paths[key] = path
        return path
    }
}
