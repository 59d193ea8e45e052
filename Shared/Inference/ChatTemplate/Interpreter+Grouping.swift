/// Filters that put the items of a list into groups.
extension Interpreter {
    /// `nil` where there is no such filter.
    mutating func groupingFilter(_ value: Value, _ name: String, _ arguments: CallArguments) throws -> Value? {
        switch name {
        case "batch": return try batches(try items(of: value), arguments)
        case "slice": return try slices(try items(of: value), arguments)
        case "groupby": return try groups(try items(of: value), arguments)
        default: return nil
        }
    }

    /// Lists of a length each.
    private mutating func batches(_ items: [Value], _ arguments: CallArguments) throws -> Value {
        guard let length = try integer(arguments.value(0, "linecount"), "batch"), length > 0 else {
            throw InferenceError(.template, "batch needs a length above 0")
        }
        let fill: Value = arguments.value(1, "fill_with") ?? .none
        var result: [Value] = []
        for start in stride(from: 0, to: items.count, by: length) {
            var batch = Array(items[start..<start + min(length, items.count - start)])
            if case .none = fill {} else { try fillUp(&batch, with: fill, to: length) }
            result.append(try checked(batch))
        }
        return try checked(result)
    }

    /// As many lists, of lengths as equal as can be.
    private mutating func slices(_ items: [Value], _ arguments: CallArguments) throws -> Value {
        guard let count = try integer(arguments.value(0, "slices"), "slice"), count > 0,
            count <= TemplateLimits.listLength
        else { throw InferenceError(.template, "slice needs a number above 0") }
        let fill: Value = arguments.value(1, "fill_with") ?? .none
        let (length, longer) = items.count.quotientAndRemainder(dividingBy: count)
        var result: [Value] = []
        var start = 0
        for index in 0..<count {
            let end = start + length + (index < longer ? 1 : 0)
            var slice = Array(items[start..<end])
            if case .none = fill {} else if index >= longer { slice.append(fill) }
            result.append(try checked(slice))
            start = end
        }
        return try checked(result)
    }

    private mutating func fillUp(_ items: inout [Value], with fill: Value, to count: Int) throws {
        guard count <= TemplateLimits.listLength else { throw InferenceError(.template, "a list becomes too long") }
        try charge(count)
        while items.count < count { items.append(fill) }
    }

    /// Tuples of a value and the items that have it, in the order of the values.
    private mutating func groups(_ items: [Value], _ arguments: CallArguments) throws -> Value {
        guard let path = arguments.value(0, "attribute") else {
            throw InferenceError(.template, "groupby needs an attribute")
        }
        let standard = arguments.value(1, "default")
        let isExact = arguments.value(2, "case_sensitive")?.isTrue ?? false
        var keyed: [(key: Value, shown: Value, item: Value)] = []
        for item in items {
            var shown = try part(item, path)
            if case .undefined = shown, let standard { shown = standard }
            var key = shown
            if case .text(let text) = shown, !isExact { key = .text(text.mapped(\.properties.lowercaseMapping)) }
            keyed.append((key, shown, item))
        }
        let sorted = try keyed.sorted { try isOrdered($0.key, $1.key) }
        var groups: [Value] = []
        var start = 0
        while start < sorted.count {
            var end = start + 1
            while end < sorted.count, try equals(sorted[end].key, sorted[start].key) { end += 1 }
            let members = try checked(sorted[start..<end].map(\.item))
            groups.append(.list(try List([sorted[start].shown, members], isTuple: true, names: ["grouper", "list"])))
            start = end
        }
        return try checked(groups)
    }
}
