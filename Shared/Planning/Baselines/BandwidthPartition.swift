internal import CostModel
internal import Domain

/// A fleet divided into groups of equal memory whose devices are well connected: spectral partitioning of the graph of
/// devices with bandwidths as weights, improved by exchanges of two devices as in Kernighan and Lin (Bell System Technical
/// Journal, 1970). It is the first step of HexGen-2.
struct BandwidthPartition {
    private let instance: PlanningInstance
    /// Bandwidth between two devices, relative to the best one, `from * count + to`.
    private let weights: [Double]
    private let count: Int

    init(_ instance: PlanningInstance) {
        self.instance = instance
        count = instance.count
        // Bytes of hidden state per second: the reciprocal of what one token adds to a hop.
        let seconds = instance.tokenHops
        let least = seconds.filter { $0 > 0 }.min() ?? 1
        var weights = seconds.map { $0 > 0 ? least / $0 : 0 }
        for from in 0..<count {
            for to in from + 1..<max(count, from + 1) {
                let both = (weights[from * count + to] + weights[to * count + from]) / 2
                (weights[from * count + to], weights[to * count + from]) = (both, both)
            }
        }
        self.weights = weights
    }

    /// So many groups of devices, each in the order of its devices.
    func groups(_ number: Int) -> [[Int]] {
        let order = spectralOrder
        let memory = order.map { Double(instance.cost.devices[$0].memoryBytes) }
        let share = memory.reduce(0, +) / Double(number)
        var groups = [[Int]](repeating: [], count: number)
        var filled = 0.0
        for (device, bytes) in zip(order, memory) {
            // By the middle of the device's memory, so that no group is short of most of a device.
            groups[min(number - 1, Int((filled + bytes / 2) / share))].append(device)
            filled += bytes
        }
        return exchanged(groups.filter { !$0.isEmpty }).map { $0.sorted() }
    }

    /// Devices by their component of the Fiedler vector: the eigenvector of the second smallest eigenvalue of the graph's
    /// Laplacian, by power iteration on its complement to a bound of the largest eigenvalue.
    private var spectralOrder: [Int] {
        guard count > 2 else { return Array(0..<count) }
        let degrees = (0..<count).map { row in (0..<count).reduce(0) { $0 + weights[row * count + $1] } }
        let bound = 2 * (degrees.max() ?? 1)
        var vector = (0..<count).map { Double($0) - Double(count - 1) / 2 }
        for _ in 0..<Self.iterations {
            var next = (0..<count).map { row in
                var sum = (bound - degrees[row]) * vector[row]
                for column in 0..<count { sum += weights[row * count + column] * vector[column] }
                return sum
            }
            let mean = next.reduce(0, +) / Double(count)
            for row in next.indices { next[row] -= mean }
            let length = next.reduce(0) { $0 + $1 * $1 }.squareRoot()
            guard length > 0 else { break }
            vector = next.map { $0 / length }
        }
        // Rounded, so that devices that are alike stay in their order on every machine.
        let places = vector.map { ($0 * 1e6).rounded() }
        return (0..<count).sorted { (places[$0], $0) < (places[$1], $1) }
    }

    /// Iterations of the power method; the order of well separated devices settles long before.
    private static let iterations = 120
    /// Passes over all pairs of devices.
    private static let passes = 4
    /// Share by which the memory of exchanged devices may differ.
    private static let memoryTolerance = 0.3

    private func exchanged(_ start: [[Int]]) -> [[Int]] {
        var owner = [Int](repeating: 0, count: count)
        for (group, members) in start.enumerated() {
            for device in members { owner[device] = group }
        }
        /// Weight of the edges from every device to every group.
        var inner = [Double](repeating: 0, count: count * start.count)
        for device in 0..<count {
            for other in 0..<count { inner[device * start.count + owner[other]] += weights[device * count + other] }
        }
        for _ in 0..<Self.passes {
            var isBetter = false
            for first in 0..<count {
                for second in first + 1..<max(count, first + 1) where owner[first] != owner[second] {
                    let (here, there) = (owner[first], owner[second])
                    let sizes = [first, second].map { Double(instance.cost.devices[$0].memoryBytes) }
                    guard abs(sizes[0] - sizes[1]) <= Self.memoryTolerance * max(sizes[0], sizes[1]) else { continue }
                    let gain =
                        inner[first * start.count + there] - inner[first * start.count + here]
                        + inner[second * start.count + here] - inner[second * start.count + there]
                        - 2 * weights[first * count + second]
                    guard gain > 1e-9 else { continue }
                    (owner[first], owner[second]) = (there, here)
                    for device in 0..<count {
                        let change = weights[device * count + second] - weights[device * count + first]
                        inner[device * start.count + here] += change
                        inner[device * start.count + there] -= change
                    }
                    isBetter = true
                }
            }
            if !isBetter { break }
        }
        return start.indices.map { group in (0..<count).filter { owner[$0] == group } }
    }
}
