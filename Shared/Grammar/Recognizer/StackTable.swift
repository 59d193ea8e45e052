/// Where a rule that was entered goes on: a frame of a stack.
struct StackFrame: Sendable, Hashable {
    /// The node after the call.
    var node: Int32
    /// The count of the loop in which the call was made.
    var count: Int32
    /// The frame below, or ``StackTable/root`` or ``StackTable/unknown``.
    var below: Int32
}

/// A position together with the stack on which it stands.
struct StackPosition: Sendable, Hashable, Comparable {
    var node: Int32
    /// Finished runs of the loop that is the current rule; 0 in other rules.
    var count: Int32
    var frame: Int32

    /// The node of a position that stands for the end of everything that the stack held.
    static let ended: Int32 = 0

    static func < (left: StackPosition, right: StackPosition) -> Bool {
        if left.node != right.node { return left.node < right.node }
        if left.count != right.count { return left.count < right.count }
        return left.frame < right.frame
    }
}

/// Frames that stacks share; equal frames are kept once, so that stacks are equal where their top frames have one number.
/// A frame has a larger number than the one below it.
struct StackTable: Sendable {
    /// The frame below the first rule of a grammar.
    static let root: Int32 = -1
    /// A frame of which nothing is known: what a mask does not depend on.
    static let unknown: Int32 = -2

    private(set) var frames: [StackFrame] = []
    private var numbers: [StackFrame: Int32] = [:]

    subscript(frame: Int32) -> StackFrame { frames[Int(frame)] }

    mutating func number(of frame: StackFrame) -> Int32 {
        if let known = numbers[frame] { return known }
        let number = Int32(frames.count)
        frames.append(frame)
        numbers[frame] = number
        return number
    }

    /// The positions with their stacks in another table.
    func copying(_ positions: [StackPosition], to other: inout StackTable) -> [StackPosition] {
        var copies: [Int32: Int32] = [:]
        var path: [Int32] = []
        return positions.map { position in
            var frame = position.frame
            path.removeAll(keepingCapacity: true)
            while frame >= 0, copies[frame] == nil {
                path.append(frame)
                frame = self[frame].below
            }
            var below = frame >= 0 ? copies[frame] ?? Self.root : frame
            for frame in path.reversed() {
                let original = self[frame]
                below = other.number(of: StackFrame(node: original.node, count: original.count, below: below))
                copies[frame] = below
            }
            return StackPosition(node: position.node, count: position.count, frame: below)
        }
    }
}
