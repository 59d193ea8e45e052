internal import Domain

/// What given prefill and decoder groups sustain at most over the network that they share, whatever orders and layers they
/// have: a linear program in the layers per second that go from each device to each other one.
///
/// What is relaxed: stages are contiguous and layers whole; the LM head and embedding. What stays: the time of every device
/// for its layers, the share of the model that it has memory for, the network, and the rates of the groups for themselves.
struct LayerFlowBound {
    let instance: PlanningInstance
    /// Seconds per request for one layer of a decoder at its best batch.
    private let decodeSeconds: [Double]

    init(_ instance: PlanningInstance) {
        self.instance = instance
        let output = max(1, instance.demand.outputTokens)
        decodeSeconds = instance.devices.map { figures in
            (1...instance.largestBatch).map { output * figures.decode[$0] / Double($0) }.min() ?? .infinity
        }
    }

    /// A group: its devices, and its rate without the network.
    struct Member {
        var role: ReplicaRole
        var devices: [Int]
        var rate: Double
    }

    /// The bound on the rate of all groups together, mixed ones included; infinite where it cannot be computed.
    func most(_ members: [Member], _ routes: inout KVRoutes) -> Double {
        let layers = Double(instance.layers)
        let mixed = members.filter { $0.role == .mixed }.reduce(0) { $0 + $1.rate }
        let sources = members.filter { $0.role == .prefill }
        let targets = members.filter { $0.role == .decode }
        var program = Program()
        for source in sources {
            for target in targets {
                let shares = Shares(source, target, instance)
                for from in source.devices {
                    for to in target.devices {
                        var entries: [(row: Int, value: Double)] = [
                            (program.row(.group(source.devices[0]), limit: source.rate), 1 / layers),
                            (program.row(.group(target.devices[0]), limit: target.rate), 1 / layers),
                            (program.row(.time(from), limit: 1), instance.prefillSeconds[from]),
                            (program.row(.time(to), limit: 1), decodeSeconds[to]),
                        ]
                        // A device's layers are at most its share of all layers of the group, in every flow.
                        for device in source.devices where shares.source[device] ?? 1 < 1 {
                            let row = program.row(.share(device, target.devices[0]), limit: 0)
                            entries.append((row, (device == from ? 1 : 0) - (shares.source[device] ?? 1)))
                        }
                        for device in target.devices where shares.target[device] ?? 1 < 1 {
                            let row = program.row(.share(device, source.devices[0]), limit: 0)
                            entries.append((row, (device == to ? 1 : 0) - (shares.target[device] ?? 1)))
                        }
                        for (resource, seconds) in routes.leastRoute([from], [to]).occupied {
                            entries.append((program.row(.network(resource), limit: 1), seconds / layers))
                        }
                        program.columns.append((1 / layers, entries))
                    }
                }
            }
        }
        var simplex = Simplex(rightSide: program.rightSide, columns: program.columns)
        return mixed + (simplex.solve()?.objective ?? .infinity)
    }

    /// Shares of the model that devices have memory for.
    private struct Shares {
        var source: [Int: Double] = [:]
        var target: [Int: Double] = [:]

        init(_ source: Member, _ target: Member, _ instance: PlanningInstance) {
            for (devices, tokens, path) in [
                (source.devices, instance.prefillTokens, \Shares.source),
                (target.devices, instance.decodeTokens[1], \Shares.target),
            ] {
                for device in devices {
                    // The others hold a layer each at least.
                    let most = instance.layers - devices.count + 1
                    let room = instance.capacity(device, tokens: tokens, first: false, last: false)
                    self[keyPath: path][device] = Double(min(most, room)) / Double(instance.layers)
                }
            }
        }
    }

    /// Rows by what they limit.
    private struct Program {
        enum Row: Hashable {
            case group(Int)
            case time(Int)
            case share(Int, Int)
            case network(Int)
        }

        private var rows: [Row: Int] = [:]
        var rightSide: [Double] = []
        var columns: [(objective: Double, entries: [(row: Int, value: Double)])] = []

        mutating func row(_ row: Row, limit: Double) -> Int {
            if let known = rows[row] { return known }
            rows[row] = rightSide.count
            rightSide.append(limit)
            return rightSide.count - 1
        }
    }
}
