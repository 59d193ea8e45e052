internal import CostModel
internal import Domain

/// How much of one resource of the network the KV of a plan takes at saturation.
public struct NetworkLoad: Sendable, Hashable {
    /// The resource, by the name that `PlanLimit.network` gives it.
    public var name: String
    /// The resource in words.
    public var title: String
    /// Share of its time that it is used, 1 where it is exhausted.
    public var share: Double
    /// Requests per second whose KV crosses it.
    public var requestsPerSecond: Double
}

extension NetworkLoad {
    /// The resources that KV crosses, the busiest first.
    static func all(_ result: PlanningResult) -> [NetworkLoad] {
        var routes = KVRoutes(result.instance)
        let groups = result.placed.groups
        var loads: [Int: (share: Double, requests: Double)] = [:]
        for flow in result.placed.flows {
            for use in routes.route(groups[flow.from], groups[flow.to]).occupied {
                loads[use.resource, default: (0, 0)].share += flow.requestsPerSecond * use.seconds
                loads[use.resource, default: (0, 0)].requests += flow.requestsPerSecond
            }
        }
        let sorted = loads.sorted { ($0.value.share, $1.key) > ($1.value.share, $0.key) }
        return sorted.map { number, load in
            let identity = routes.name(number)
            return NetworkLoad(
                name: "\(identity)", title: title(identity), share: load.share, requestsPerSecond: load.requests)
        }
    }

    /// The resource in words.
    private static func title(_ identity: NetworkResource.Identity) -> String {
        switch identity {
        case .out(let device): "the way out of \(device)"
        case .into(let device): "the way into \(device)"
        case .pair: "\(identity)"
        case .direction(let link, let forward): "link \(link) (from its end \(forward ? "a to b" : "b to a"))"
        case .medium(let name): "the air of \(name)"
        }
    }
}
