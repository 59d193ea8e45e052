internal import CostModel
internal import Domain

/// One partition question as numbers: what each device costs per layer and how many layers it can hold.
struct StageGroup {
    /// One device of the group.
    struct Member {
        /// Seconds for each layer.
        var secondsPerLayer: Double
        /// Seconds that are added where the device holds the LM head.
        var headSeconds: Double
    }

    let layers: Int
    let memory: MemoryFit
    let devices: [Member]
    /// Seconds of the hop between two devices, `hops[from][to]`.
    let hops: [[Double]]
    /// Seconds of the way from the last stage back to the first, `returns[last][first]`; all 0 in prefill.
    let returns: [[Double]]

    init(_ query: PartitionQuery, cost: FleetCost) {
        layers = cost.model.layers
        memory = MemoryFit(
            cost.model, kvTokens: query.kvTokens,
            memoryBytes: query.devices.map { cost.device($0)?.memoryBytes ?? 0 })
        let decode = query.phase == .decode
        devices = query.devices.compactMap(cost.device).map { device in
            let contexts = query.batch * query.contextTokens
            let perLayer =
                decode
                ? device.cost.decodeSeconds(layers: 1, batch: query.batch, contextSum: contexts)
                : device.cost.prefillSeconds(layers: 1, tokens: query.promptTokens)
            return Member(
                secondsPerLayer: perLayer, headSeconds: device.cost.headSeconds(rows: decode ? query.batch : 1))
        }
        let rows = decode ? query.batch : query.promptTokens
        hops = query.devices.map { from in
            query.devices.map { cost.prefillHopSeconds(from: from, to: $0, tokens: rows) }
        }
        returns = query.devices.map { last in
            query.devices.map { decode ? cost.returnHopSeconds(from: last, to: $0) : 0 }
        }
    }

    /// Seconds of a stage of `count` layers on a device.
    func seconds(_ device: Int, count: Int, last: Bool) -> Double {
        Double(count) * devices[device].secondsPerLayer + (last ? devices[device].headSeconds : 0)
    }

    /// Most layers that a device can hold as first and / or last stage.
    func capacity(_ device: Int, first: Bool, last: Bool) -> Int {
        memory.capacity(device, first: first, last: last)
    }

    /// The solution for an order and the layers of every position.
    func solution(order: [Int], counts: [Int]) -> PipelineSolution {
        let compute = order.indices.map { position in
            seconds(order[position], count: counts[position], last: position == order.count - 1)
        }
        let between = zip(order, order.dropFirst()).map { hops[$0][$1] }
        let back = order.count > 1 ? returns[order[order.count - 1]][order[0]] : 0
        return PipelineSolution(
            order: order, layers: counts, stageSeconds: compute,
            cycle: max(compute.max() ?? 0, between.max() ?? 0),
            latency: compute.reduce(0, +) + between.reduce(0, +) + back)
    }
}

/// Layer ranges for a group.
struct PipelineSolution {
    /// Indices of the group's devices in stage order.
    var order: [Int]
    /// Layers of every stage.
    var layers: [Int]
    /// Seconds of every stage.
    var stageSeconds: [Double]
    /// The slowest stage or hop; the way back to the first stage does not count, it occupies no stage.
    var cycle: Double
    /// All stages and hops, the way back included.
    var latency: Double

    /// Whether this solution is better: smaller cycle, then smaller latency.
    func isBetter(than other: PipelineSolution) -> Bool {
        (cycle, latency) < (other.cycle, other.latency)
    }
}
