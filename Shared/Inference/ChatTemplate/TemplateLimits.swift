/// What a template, which comes with a file from anywhere, may use up.
enum TemplateLimits {
    static let sourceBytes = 1 << 20
    /// Evaluated nodes, and characters or items that were copied, by sixteens.
    static let steps = 4_000_000
    /// Code points in one string, the output among them.
    static let textLength = 16 << 20
    static let listLength = 1 << 20
    /// Brackets, blocks and operators inside each other in the source.
    static let parseDepth = 48
    /// Nodes inside each other, macros that call macros included.
    static let evaluationDepth = 200
    static let valueDepth = 64

    static func checkedDepth(_ items: some Sequence<Value>) throws -> Int {
        let depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
        guard depth <= valueDepth else { throw InferenceError(.template, "values are nested too deep") }
        return depth
    }
}
