/// The byte strings of a vocabulary as a tree: nodes in preorder, the root first, children by byte.
struct TokenTrie: Sendable {
    struct Node: Sendable {
        /// The number of the node after the last one below this one.
        var end: Int32 = 0
        /// The tokens of a node are those from here up to the first one of the next node; those below it follow.
        var firstToken: Int32
        /// How many bytes lead here.
        var depth: UInt16
        /// The length of the longest way down from here, in bytes.
        var height: UInt16 = 0
        /// The byte that leads here from the node above.
        var byte: UInt8
        /// The kinds of the bytes below, one bit each.
        var kindsBelow: UInt8 = 0
    }

    /// All nodes, and one that only says where tokens end.
    private(set) var nodes: [Node] = [Node(firstToken: 0, depth: 0, byte: 0)]
    private(set) var tokens: [Int32] = []
    /// The length of the longest token, in bytes.
    private(set) var longest = 0
    /// All tokens, the longest first.
    private var byLength: [Int32] = []
    /// How many tokens are longer than a number of bytes.
    private var longerCounts: [Int] = []

    /// Longer tokens are left out.
    private static let longestToken = Int(UInt16.max) - 1

    init(_ strings: [[UInt8]], without excluded: Set<Int32>) {
        let order = strings.indices.filter {
            !strings[$0].isEmpty && strings[$0].count <= Self.longestToken && !excluded.contains(Int32($0))
        }.sorted { Self.precedes(strings[$0], strings[$1]) }
        var path: [Int] = [0]
        for token in order {
            let string = strings[token]
            longest = max(longest, string.count)
            let common = commonLength(path, string)
            close(&path, downTo: common)
            for byte in string[common...] {
                path.append(nodes.count)
                nodes.append(Node(firstToken: Int32(tokens.count), depth: UInt16(path.count - 1), byte: byte))
            }
            tokens.append(Int32(token))
        }
        close(&path, downTo: 0)
        nodes[0].end = Int32(nodes.count)
        nodes.append(Node(firstToken: Int32(tokens.count), depth: 0, byte: 0))
        longerCounts = [Int](repeating: 0, count: longest + 1)
        byLength = order.sorted { strings[$0].count > strings[$1].count }.map { Int32($0) }
        for token in order {
            for length in 0..<strings[token].count { longerCounts[length] += 1 }
        }
    }

    /// The tokens with more than so many bytes.
    func longer(than length: Int) -> ArraySlice<Int32> {
        length < longerCounts.count ? byLength[..<longerCounts[length]] : []
    }

    private static func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        for (first, second) in zip(left, right) where first != second { return first < second }
        return left.count < right.count
    }

    private func commonLength(_ path: [Int], _ string: [UInt8]) -> Int {
        var length = 0
        while length + 1 < path.count, length < string.count, nodes[path[length + 1]].byte == string[length] {
            length += 1
        }
        return length
    }

    private mutating func close(_ path: inout [Int], downTo depth: Int) {
        while path.count > depth + 1 {
            let closed = path.removeLast()
            nodes[closed].end = Int32(nodes.count)
            let node = nodes[closed]
            let above = path[path.count - 1]
            nodes[above].height = max(nodes[above].height, node.height + 1)
            nodes[above].kindsBelow |= node.kindsBelow | 1 << Self.kind(of: node.byte)
        }
    }

    /// How many kinds of bytes are told apart: those of one kind often lead a state to itself together.
    static let kindCount: UInt8 = 7

    /// The kind of a byte.
    static func kind(of byte: UInt8) -> UInt8 {
        switch byte {
        case 0x41...0x5A, 0x61...0x7A: 0
        case 0x30...0x39: 1
        case 0x20: 2
        case 0x22, 0x5C: 3
        case ..<0x20, 0x7F: 4
        case 0x80...: 5
        default: 6
        }
    }
}
