internal import Domain

/// The paper's two chromosomes: an order of the devices, and the sizes of the groups that are cut from it.
struct Genome: Sendable, Hashable {
    /// Every device once, as an index into the fleet.
    var order: [Int]
    /// Group sizes, each at least 1, their sum the number of devices.
    var sizes: [Int]

    /// The groups.
    var groups: [[Int]] {
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return Array(order[start..<(start + size)])
        }
    }

    /// A random genome.
    static func random(count: Int, largestGroup: Int, _ random: inout SeededRandom) -> Genome {
        Genome(
            order: random.shuffled(Array(0..<count)),
            sizes: randomSizes(count: count, largestGroup: largestGroup, &random))
    }

    /// Random sizes: first a typical size, so that few large groups are as likely as many small ones.
    static func randomSizes(count: Int, largestGroup: Int, _ random: inout SeededRandom) -> [Int] {
        let typical = 1 + random.below(min(count, largestGroup))
        var sizes: [Int] = []
        var remaining = count
        while remaining > 0 {
            let size = min(remaining, 1 + random.below(typical))
            sizes.append(size)
            remaining -= size
        }
        return sizes
    }

    /// One-point crossover of both chromosomes. Devices that came twice are replaced by the missing ones in the order of
    /// the other parent; sizes are cut or filled up to the number of devices.
    func crossed(with other: Genome, _ random: inout SeededRandom) -> Genome {
        let count = order.count
        let cut = random.below(count + 1)
        var child = Array(order.prefix(cut))
        var used = Set(child)
        var missing = other.order.filter { !used.contains($0) }
        for device in other.order.dropFirst(cut) {
            if used.insert(device).inserted {
                child.append(device)
                missing.removeAll { $0 == device }
            } else {
                child.append(-1)
            }
        }
        var spare = missing[...]
        for index in child.indices where child[index] < 0 { child[index] = spare.popFirst() ?? 0 }
        let sizeCut = random.below(sizes.count + 1)
        let mixed = Array(sizes.prefix(sizeCut)) + other.sizes.dropFirst(min(sizeCut, other.sizes.count))
        return Genome(order: child, sizes: Self.repaired(mixed, count: count))
    }

    /// One of the paper's mutations.
    func mutated(largestGroup: Int, _ random: inout SeededRandom) -> Genome {
        var genome = self
        switch random.below(4) {
        case 0: genome.swapTwo(&random)
        case 1: genome.regenerateTail(largestGroup: largestGroup, &random)
        case 2:
            genome.sizes = Self.randomSizes(count: order.count, largestGroup: largestGroup, &random)
        default:
            genome.order = random.shuffled(genome.order)
            genome.sizes = Self.randomSizes(count: order.count, largestGroup: largestGroup, &random)
        }
        return genome
    }

    private mutating func swapTwo(_ random: inout SeededRandom) {
        guard order.count > 1 else { return }
        let first = random.below(order.count)
        let second = (first + 1 + random.below(order.count - 1)) % order.count
        order.swapAt(first, second)
    }

    private mutating func regenerateTail(largestGroup: Int, _ random: inout SeededRandom) {
        let kept = Array(sizes.prefix(random.below(sizes.count)))
        let remaining = order.count - kept.reduce(0, +)
        sizes = kept + Self.randomSizes(count: remaining, largestGroup: largestGroup, &random)
    }

    private static func repaired(_ sizes: [Int], count: Int) -> [Int] {
        var repaired: [Int] = []
        var remaining = count
        for size in sizes where remaining > 0 {
            repaired.append(min(size, remaining))
            remaining -= min(size, remaining)
        }
        if remaining > 0 { repaired.append(remaining) }
        return repaired
    }
}
