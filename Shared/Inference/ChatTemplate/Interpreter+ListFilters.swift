/// Filters on lists, mappings and the code points of strings.
extension Interpreter {
    mutating func listFilter(_ value: Value, _ name: String, _ arguments: CallArguments) throws -> Value {
        switch name {
        case "length", "count":
            switch value {
            case .text(let text): return .int(text.count)
            case .list(let list): return .int(list.items.count)
            case .map(let map): return .int(map.keys.count)
            case .undefined: return .int(0)
            default: throw InferenceError(.template, "\(value.kind) has no length")
            }
        case "join": return try join(try items(of: value), arguments)
        case "list": return try checked(try items(of: value))
        case "first": return try items(of: value).first ?? .undefined("first item")
        case "last": return try items(of: value).last ?? .undefined("last item")
        case "reverse":
            if case .text = value { return try slice(value, nil, nil, -1) }
            return try checked(try items(of: value).reversed())
        case "map": return try map(try items(of: value), arguments)
        case "select", "reject", "selectattr", "rejectattr": return try select(try items(of: value), name, arguments)
        case "unique":
            var (seen, keys): ([Value], [Value]) = ([], [])
            for item in try items(of: value) {
                let key = try sortingKey(item, arguments)
                if !(try keys.contains { try equals($0, key) }) {
                    seen.append(item)
                    keys.append(key)
                }
            }
            return try checked(seen)
        case "sort", "min", "max": return try ordered(try items(of: value), name, arguments)
        case "sum":
            var total = arguments.value(1, "start") ?? .int(0)
            for item in try items(of: value) { total = try Arithmetic.compute(.add, total, item) }
            return total
        case "dictsort":
            guard case .map(let map) = value else { throw InferenceError(.template, "\(value.kind) is not a mapping") }
            let sorted = map.items.sorted { $0.key.lowercased() < $1.key.lowercased() }
            return try checked(
                try sorted.map { .list(try List([.text(Text($0.key, isTemplate: false)), $0.value], isTuple: true)) })
        case "attr":
            let attribute = try requiredText(arguments.value(0, "name"), name).string
            // The members of a mapping are no attributes in Python.
            if case .map = value { return .undefined(attribute) }
            return try self.attribute(of: value, attribute)
        default:
            if let result = try moreTextFilter(value, name, arguments) { return result }
            if let result = try groupingFilter(value, name, arguments) { return result }
            throw InferenceError(.unsupported, "the filter \"\(name)\" is not supported")
        }
    }

    private mutating func join(_ items: [Value], _ arguments: CallArguments) throws -> Value {
        let separator = try optionalText(arguments.value(0, "d")) ?? Text()
        var result = Text()
        for (index, item) in items.enumerated() {
            if index > 0 { result.append(separator) }
            result.append(try text(try part(item, arguments.value(1, "attribute"))))
            try charge(separator.count)
            guard result.count <= TemplateLimits.textLength else {
                throw InferenceError(.template, "a string becomes too long")
            }
        }
        return try checked(result)
    }

    /// The value at a path such as `function.name`; the value itself without one.
    func part(_ item: Value, _ path: Value?) throws -> Value {
        guard let path else { return item }
        guard case .text(let names) = path else { return try self.item(of: item, path) }
        return try names.string.split(separator: ".").reduce(item) { try attribute(of: $0, String($1)) }
    }

    private mutating func map(_ items: [Value], _ arguments: CallArguments) throws -> Value {
        if let path = arguments.named["attribute"] {
            return try checked(
                try items.map { item in
                    let value = try part(item, path)
                    if case .undefined = value, let standard = arguments.named["default"] { return standard }
                    return value
                })
        }
        let name = try requiredText(arguments.positional.first, "map").string
        let rest = CallArguments(positional: Array(arguments.positional.dropFirst()), named: arguments.named)
        return try checked(try items.map { try filter($0, name, rest) })
    }

    private mutating func select(_ items: [Value], _ name: String, _ arguments: CallArguments) throws -> Value {
        let usesAttribute = name.hasSuffix("attr")
        let wanted = name.hasPrefix("select")
        var rest = arguments.positional[...]
        let path = usesAttribute ? Value.text(try requiredText(rest.popFirst(), name)) : nil
        let test = try optionalText(rest.popFirst())?.string
        let testArguments = CallArguments(positional: Array(rest))
        return try checked(
            try items.filter { item in
                let value = try part(item, path)
                let passes = try test.map { try self.test(value, $0, testArguments) } ?? value.isTrue
                return passes == wanted
            })
    }

    private mutating func ordered(_ items: [Value], _ name: String, _ arguments: CallArguments) throws -> Value {
        let isDown = name == "max" || (name == "sort" && arguments.value(0, "reverse")?.isTrue == true)
        let keyed = try items.map { (key: try sortingKey($0, arguments), item: $0) }
        let sorted = try keyed.sorted { try isDown ? isOrdered($1.key, $0.key) : isOrdered($0.key, $1.key) }.map(\.item)
        return name == "sort" ? try checked(sorted) : sorted.first ?? .undefined(name)
    }

    /// What items are compared by: strings in lower case unless the template wants otherwise.
    private func sortingKey(_ item: Value, _ arguments: CallArguments) throws -> Value {
        let key = try part(item, arguments.named["attribute"])
        guard case .text(let text) = key, arguments.named["case_sensitive"]?.isTrue != true else { return key }
        return .text(text.mapped(\.properties.lowercaseMapping))
    }
}
