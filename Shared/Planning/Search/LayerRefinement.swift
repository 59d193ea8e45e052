internal import Domain

/// Suits the orders and layers of a plan's groups to the network that they share. A group is evaluated by itself; where KV
/// waits for the network, layers that are a little slower may send it over less busy ways.
struct LayerRefinement {
    let instance: PlanningInstance
    /// Most plans that are tried.
    var mostTrials = 400
    /// Asked after every trial.
    var shouldStop: () -> Bool = { false }

    /// The plan with single changes of orders and layers for as long as its rate grows.
    func refined(_ plan: PlacedGroups, _ routes: inout KVRoutes) -> PlacedGroups {
        guard case .network = plan.limit else { return plan }
        let rating = GroupRating(instance: instance)
        var best = plan
        var trials = 0
        var improved = true
        while improved {
            improved = false
            for index in best.groups.indices where best.groups[index].role != .mixed {
                for (order, layers) in Self.neighbours(best.groups[index]) {
                    guard trials < mostTrials, !shouldStop() else { return best }
                    guard let option = rating.value(order, layers)[best.groups[index].role] else { continue }
                    trials += 1
                    var groups = best.groups
                    groups[index] = option
                    let changed = PlacedGroups(groups, instance, &routes)
                    if changed.rate > best.rate * (1 + 1e-6) {
                        (best, improved) = (changed, true)
                        break
                    }
                }
            }
        }
        return best
    }

    /// Layers moved between two stages, two stages exchanged, the whole group turned round.
    private static func neighbours(_ group: GroupOption) -> [(order: [Int], layers: [Int])] {
        var found: [(order: [Int], layers: [Int])] = []
        for from in group.order.indices {
            for to in group.order.indices where to != from {
                for moved in [1, 2, 4] where group.layers[from] > moved {
                    var layers = group.layers
                    layers[from] -= moved
                    layers[to] += moved
                    found.append((group.order, layers))
                }
                guard from < to else { continue }
                var (order, layers) = (group.order, group.layers)
                order.swapAt(from, to)
                layers.swapAt(from, to)
                found.append((order, layers))
            }
        }
        if group.order.count > 2 { found.append((group.order.reversed(), group.layers.reversed())) }
        return found
    }
}
