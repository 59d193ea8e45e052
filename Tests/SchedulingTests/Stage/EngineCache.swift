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

    /// Positions that a sequence has from the first one on.
    func length(of request: RequestID) -> Int? {
        sequences[request].map { $0.text.firstIndex(of: -1) ?? $0.text.count }
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
        } else if let prefix {
            let shared = prefix.blocks.names()
            guard shared.allSatisfy({ blocks[$0] != nil }) else { return false }
            begin(&sequence, with: shared, next: prefix.next)
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

    /// A sequence that is open begins with blocks of others in place of its own.
    private mutating func begin(_ sequence: inout Sequence, with shared: [UInt64], next: UInt64) {
        let before = sequence.shared
        for name in shared { blocks[name]?.owners += 1 }
        for name in before { leave(name) }
        if let old = sequence.next {
            for index in before.count..<max(before.count, shared.count) {
                leave(old + UInt64(index - before.count))
            }
        } else {
            for index in shared.count..<max(shared.count, sequence.blocks) {
                blocks[next + UInt64(index - shared.count)] = Block()
            }
        }
        sequence.shared = shared
        sequence.next = next
        let text = shared.last.flatMap { blocks[$0]?.text } ?? []
        sequence.text = text + sequence.text.dropFirst(text.count)
    }

    /// A sequence does not have a block any more.
    private mutating func leave(_ name: UInt64) {
        blocks[name]?.owners -= 1
        if blocks[name]?.owners == 0, !kept.contains(name) { blocks[name] = nil }
    }

    /// Adds computed or received positions; guesses that were wrong are overwritten, what was received before what comes first is unknown (-1) until then.
    mutating func write(_ request: RequestID, _ tokens: [Int32], at start: Int? = nil) {
        guard var sequence = sequences[request] else { return }
        let start = start ?? sequence.text.count
        if sequence.text.count < start {
            sequence.text += Array(repeating: -1, count: start - sequence.text.count)
        }
        // Blocks that other sequences computed are only read.
        let own = max(0, sequence.shared.count * StageWorld.block - start)
        if own < tokens.count { sequence.text = Array(sequence.text.prefix(start + own)) + tokens.dropFirst(own) }
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
        for name in sequence.shared + own { leave(name) }
    }

    mutating func drop(_ names: [UInt64]) {
        for name in names {
            kept.remove(name)
            if blocks[name]?.owners == 0 { blocks[name] = nil }
        }
    }
}
