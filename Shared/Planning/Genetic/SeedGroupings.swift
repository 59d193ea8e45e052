internal import CostModel
internal import Domain

/// Groupings by construction that the genetic algorithm starts from.
struct SeedGroupings {
    let catalog: GroupCatalog

    /// Genomes in a fixed order.
    var genomes: [Genome] {
        let devices = catalog.cost.devices
        let members = Array(devices.indices)
        let traffic = catalog.traffic
        let decodeSpeed = devices.map {
            -$0.cost.decodeSeconds(layers: 1, batch: 1, contextSum: traffic.contextTokens)
        }
        let prefillSpeed = devices.map { -$0.cost.prefillSeconds(layers: 1, tokens: traffic.promptTokens) }
        let memory = devices.map { Double($0.memoryBytes) }
        var genomes = [
            Genome(order: members, sizes: members.map { _ in 1 }), Genome(order: members, sizes: [members.count]),
        ]
        for key in [memory, decodeSpeed, prefillSpeed] {
            let order = members.sorted { (key[$0], $1) > (key[$1], $0) }
            genomes.append(smallestGroups(order))
            genomes.append(smallestGroups(alternating(order)))
        }
        return genomes
    }

    /// How large random groups become: up to three times what it takes to hold the model, at least eight devices. Longer
    /// pipelines only add hops.
    var largestRandomGroup: Int {
        let devices = catalog.cost.devices
        let order = devices.indices.sorted { (devices[$0].memoryBytes, $1) > (devices[$1].memoryBytes, $0) }
        let groups = smallestGroups(Array(order)).sizes.count
        return max(8, 3 * ((devices.count + groups - 1) / groups))
    }

    /// Cuts an order into the smallest groups whose memory holds the model; what is left over joins the last group.
    private func smallestGroups(_ order: [Int]) -> Genome {
        let cost = catalog.cost
        let needed = cost.memoryBytes(cost.model.allLayers, kvTokens: catalog.reservedTokens)
        // Part of a layer is lost on every device.
        let layer = cost.memoryBytes(LayerRange(0, 1), kvTokens: catalog.reservedTokens) - cost.model.bytesEmbedding
        var sizes: [Int] = []
        var size = 0
        var bytes = 0
        for device in order {
            size += 1
            bytes += cost.devices[device].memoryBytes - (size > 1 ? layer : 0)
            if bytes >= needed {
                sizes.append(size)
                (size, bytes) = (0, 0)
            }
        }
        if size > 0, let last = sizes.indices.last {
            sizes[last] += size
        } else if size > 0 {
            sizes.append(size)
        }
        return Genome(order: order, sizes: sizes)
    }

    /// First, last, second, last but one, ...: groups of strong and weak devices.
    private func alternating(_ order: [Int]) -> [Int] {
        var rest = order[...]
        var mixed: [Int] = []
        while let strong = rest.popFirst() {
            mixed.append(strong)
            if let weak = rest.popLast() { mixed.append(weak) }
        }
        return mixed
    }
}
