import Domain

@testable import Scheduling

/// The KV cache of a slot as the engine keeps it, with the texts that its blocks were computed for instead of values.
struct EngineCache {
    struct Sequence {
        var blocks = 0
        var shared: [UInt64] = []
        var next: UInt64?
        var text: [Int32] = []
    }

    struct Block {
        var text: [Int32] = []
        var owners = 1
    }

    let capacity: Int
    var sequences: [RequestID: Sequence] = [:]
    var blocks: [UInt64: Block] = [:]
    var kept: Set<UInt64> = []

    init(capacity: Int) { self.capacity = capacity }

    var idle: [UInt64] { blocks.filter { $0.value.owners == 0 }.keys.sorted() }

    /// Blocks that are in use or kept.
    var used: Int {
        blocks.count + sequences.values.reduce(0) { $0 + ($1.next == nil ? $1.blocks - $1.shared.count : 0) }
    }

    /// Takes blocks; `false` where a named one is missing, `nil` where there are too few.
    mutating func reserve(_ request: RequestID, blocks count: Int, prefix: SequencePrefix?) -> Bool? {
        var sequence = sequences[request] ?? Sequence()
        if let prefix, sequences[request] == nil {
            sequence.shared = prefix.blocks.names()
            guard sequence.shared.allSatisfy({ blocks[$0] != nil }) else { return false }
            for name in sequence.shared { blocks[name]?.owners += 1 }
            sequence.blocks = sequence.shared.count
            sequence.text = sequence.shared.last.flatMap { blocks[$0]?.text } ?? []
            sequence.next = prefix.next
        } else if let prefix, sequence.next == nil {
            sequence.next = prefix.next
            for index in 0..<sequence.blocks { blocks[prefix.next + UInt64(index)] = Block() }
        }
        if let next = sequence.next {
            for index in sequence.blocks..<max(sequence.blocks, count) {
                blocks[next + UInt64(index - sequence.shared.count)] = Block()
            }
        }
        sequence.blocks = max(sequence.blocks, count)
        sequences[request] = sequence
        write(request, [])
        while used > capacity, let last = idle.last { drop([last]) }
        return used > capacity ? nil : true
    }

    /// Adds computed or received positions; guesses that were wrong are overwritten.
    mutating func write(_ request: RequestID, _ tokens: [Int32], at start: Int? = nil) {
        guard var sequence = sequences[request] else { return }
        if let start, start < sequence.text.count { sequence.text.removeLast(sequence.text.count - start) }
        sequence.text += tokens
        sequences[request] = sequence
        guard let next = sequence.next else { return }
        for index in sequence.shared.count..<max(sequence.shared.count, sequence.text.count / StageWorld.block) {
            blocks[next + UInt64(index - sequence.shared.count)]?.text = Array(
                sequence.text.prefix((index + 1) * StageWorld.block))
        }
    }

    mutating func close(_ request: RequestID, keeping: [UInt64]) {
        guard let sequence = sequences.removeValue(forKey: request) else { return }
        kept.formUnion(keeping.filter { blocks[$0] != nil })
        var own: [UInt64] = []
        if let next = sequence.next {
            own = (0..<max(0, sequence.blocks - sequence.shared.count)).map { next + UInt64($0) }
        }
        for name in sequence.shared + own {
            blocks[name]?.owners -= 1
            if blocks[name]?.owners == 0, !kept.contains(name) { blocks[name] = nil }
        }
    }

    mutating func drop(_ names: [UInt64]) {
        for name in names {
            kept.remove(name)
            if blocks[name]?.owners == 0 { blocks[name] = nil }
        }
    }
}
