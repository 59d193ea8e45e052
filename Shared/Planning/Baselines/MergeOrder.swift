internal import CostModel

/// In which order devices are merged into groups that hold the model. Descriptions of Splitwise leave it open, and it decides
/// what weak devices are worth: a far strong device may be a better companion than a near weak one.
enum MergeOrder: CaseIterable {
    /// The nearest free devices of each other, the smallest groups first.
    case neighbours
    /// The fastest free device with the next fastest ones.
    case speed
    /// The free device with the most memory with those that have most after it: the fewest devices in a group.
    case memory
}

/// Groups of devices in an order of merging.
struct MergedGroups {
    let instance: PlanningInstance
    let neighbours: NeighbourGroups

    /// Groups of free devices in stage order, until the rest does not hold the model; `holding` finds an order of a chain's
    /// stages that holds it, or `nil`.
    func groups(of devices: [Int], by order: MergeOrder, holding: ([Int]) -> [Int]?) -> [[Int]] {
        switch order {
        case .neighbours: neighbours.groups(of: devices, holding: holding)
        case .speed: ranked(devices, holding) { -seconds($0) }
        case .memory: ranked(devices, holding) { instance.cost.devices[$0].memoryBytes }
        }
    }

    /// Groups of the devices of highest rank among those that are free, without members that turn out not to be needed.
    private func ranked<Rank: Comparable>(
        _ devices: [Int], _ holding: ([Int]) -> [Int]?, _ rank: (Int) -> Rank
    ) -> [[Int]] {
        let ranks = Dictionary(uniqueKeysWithValues: devices.map { ($0, rank($0)) })
        var free = devices.sorted { left, right in
            guard let first = ranks[left], let second = ranks[right], first != second else { return left < right }
            return first > second
        }
        var groups: [[Int]] = []
        while let members = smallestStart(free, holding) {
            guard let order = holding(neighbours.path(members)) ?? holding(members) else { break }
            groups.append(order)
            let taken = DeviceSet(order)
            free.removeAll { taken.contains($0) }
        }
        return groups
    }

    /// The shortest start of a list that holds the model, without those that it does not need, the last ones first.
    private func smallestStart(_ free: [Int], _ holding: ([Int]) -> [Int]?) -> [Int]? {
        let lengths = 1...max(1, min(free.count, instance.layers))
        guard !free.isEmpty, let length = lengths.first(where: { holding(Array(free.prefix($0))) != nil }) else {
            return nil
        }
        var members = Array(free.prefix(length))
        for place in members.indices.reversed() where members.count > 1 {
            var fewer = members
            fewer.remove(at: place)
            if holding(fewer) != nil { members = fewer }
        }
        return members
    }

    /// Seconds that a layer takes for a mean request: its prompt, and its share of decode steps of a middling batch.
    private func seconds(_ device: Int) -> Double {
        let batch = max(1, instance.largestBatch / 2)
        let step = instance.decodeSeconds[device * (instance.largestBatch + 1) + batch]
        let seconds = instance.prefillSeconds[device] + instance.demand.outputTokens * step / Double(batch)
        return seconds.isFinite ? seconds : .greatestFiniteMagnitude
    }
}
