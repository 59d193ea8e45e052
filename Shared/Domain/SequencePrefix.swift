/// Blocks of KV cache whose names follow each other.
public struct KVBlockRun: Codable, Sendable, Hashable {
    /// The name of the first block.
    public var first: UInt64
    /// How many there are.
    public var count: Int

    /// Makes a run.
    public init(first: UInt64, count: Int) {
        self.first = first
        self.count = count
    }

    /// The shortest runs for some names, in their order.
    public static func runs(_ names: [UInt64]) -> [KVBlockRun] {
        var runs: [KVBlockRun] = []
        for name in names {
            if let last = runs.last, last.first &+ UInt64(last.count) == name {
                runs[runs.count - 1].count += 1
            } else {
                runs.append(KVBlockRun(first: name, count: 1))
            }
        }
        return runs
    }
}

extension [KVBlockRun] {
    /// The names of all blocks, in order; at most `limit`, since runs come over the network.
    public func names(atMost limit: Int = 1 << 20) -> [UInt64] {
        var names: [UInt64] = []
        for run in self {
            for index in 0..<Swift.max(0, Swift.min(run.count, limit - names.count)) {
                names.append(run.first &+ UInt64(index))
            }
        }
        return names
    }
}

/// With which blocks of KV cache a sequence begins that are there already, and how its own are named.
///
/// The first stage of a replica gives blocks names that no others of it have; all of its stages know them by these.
public struct SequencePrefix: Codable, Sendable, Hashable {
    /// Blocks that hold the first tokens of the sequence.
    public var blocks: [KVBlockRun]
    /// The name of the block after them; those that follow are named by the numbers that follow.
    public var next: UInt64

    /// Makes a record.
    public init(blocks: [KVBlockRun] = [], next: UInt64) {
        self.blocks = blocks
        self.next = next
    }
}
