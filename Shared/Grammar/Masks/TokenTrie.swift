/// The byte strings of a vocabulary as a tree: nodes in preorder, the root first, children by byte.
struct TokenTrie: Sendable {
    /// The byte that leads to a node.
    private(set) var bytes: [UInt8] = [0]
    /// How many bytes lead to a node; tokens are shorter than 65,536 bytes.
    private(set) var depths: [UInt16] = [0]
    /// The node after the last one below a node.
    private(set) var ends: [Int32] = [0]
    /// The tokens of node `n` are `tokens[firstTokens[n]..<firstTokens[n + 1]]`; those below it follow.
    private(set) var firstTokens: [Int32] = [0]
    private(set) var tokens: [Int32] = []
    /// The length of the longest token, in bytes.
    private(set) var longest = 0

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
                path.append(bytes.count)
                bytes.append(byte)
                depths.append(UInt16(path.count - 1))
                ends.append(0)
                firstTokens.append(Int32(tokens.count))
            }
            tokens.append(Int32(token))
        }
        close(&path, downTo: 0)
        ends[0] = Int32(bytes.count)
        firstTokens.append(Int32(tokens.count))
    }

    private static func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        for (first, second) in zip(left, right) where first != second { return first < second }
        return left.count < right.count
    }

    private func commonLength(_ path: [Int], _ string: [UInt8]) -> Int {
        var length = 0
        while length + 1 < path.count, length < string.count, bytes[path[length + 1]] == string[length] { length += 1 }
        return length
    }

    private mutating func close(_ path: inout [Int], downTo depth: Int) {
        while path.count > depth + 1 { ends[path.removeLast()] = Int32(bytes.count) }
    }
}
