/// The best partition of a few devices into groups, by dynamic programming over their subsets (3^n steps): every subset is
/// a group, or splits into a group that holds its first device and a rest, or leaves its first device idle.
struct SubsetPartition {
    /// Largest number of devices that is sensible.
    static let mostDevices = 12

    /// The groups of the best partition.
    let groups: [[Int]]
    /// The worth of all groups together.
    let value: Double

    /// Solves for devices, at most `mostDevices`.
    init(_ devices: [Int], _ table: inout GroupTable, _ prices: PhasePrices, _ bound: GroupBound) {
        let count = devices.count
        let sets = 1 << count
        var worth = [Double](repeating: 0, count: sets)
        var best = [Double](repeating: 0, count: sets)
        var choice = [Int](repeating: 0, count: sets)
        var members: [Int] = []
        for set in 1..<sets {
            let first = set & -set
            // Idle, or split.
            best[set] = best[set ^ first]
            var sub = (set - 1) & set
            while sub > 0 {
                if sub & first != 0, worth[sub] > 0 {
                    let value = worth[sub] + best[set ^ sub]
                    if value > best[set] { (best[set], choice[set]) = (value, sub) }
                }
                sub = (sub - 1) & set
            }
            members.removeAll(keepingCapacity: true)
            for place in 0..<count where set & 1 << place != 0 { members.append(devices[place]) }
            // Most groups cannot be better than their parts.
            guard bound.most(members) > best[set], bound.mostWithMemory(members) > best[set] else { continue }
            worth[set] = table.worth(members, prices).value
            if worth[set] > best[set] * (1 + 1e-12) { (best[set], choice[set]) = (worth[set], set) }
        }
        var groups: [[Int]] = []
        var rest = sets - 1
        while rest > 0 {
            let chosen = choice[rest]
            if chosen == 0 {
                rest ^= rest & -rest
                continue
            }
            groups.append((0..<count).filter { chosen & 1 << $0 != 0 }.map { devices[$0] })
            rest ^= chosen
        }
        self.groups = groups
        value = best[sets - 1]
    }
}
