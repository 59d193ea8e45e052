/// Methods of strings and mappings.
extension Interpreter {
    mutating func method(_ object: Value, _ name: String, _ arguments: CallArguments) throws -> Value {
        switch object {
        case .text(let text):
            try charge(text.count)
            return try method(text, name, arguments)
        case .map(let map): return try method(map, name, arguments)
        case .list(let list): return try method(list, name, arguments)
        case .namespace(let namespace):
            if case .macro(let macro)? = namespace.values[name] { return try call(macro, arguments) }
            if name == "cycle", case .int(let index)? = namespace.values["index0"], !arguments.positional.isEmpty {
                return arguments.positional[index % arguments.positional.count]
            }
            if name == "changed", namespace.isLoop { return .bool(try hasChanged(arguments.positional, in: namespace)) }
        case .undefined(let missing): throw InferenceError(.template, "\(missing) is undefined, it has no \(name)")
        default: break
        }
        throw InferenceError(.template, "\(object.kind) has no method \(name)")
    }

    private mutating func method(_ map: Map, _ name: String, _ arguments: CallArguments) throws -> Value {
        switch name {
        case "items": return try pairs(map)
        case "keys": return try checked(map.keys.map { .text(Text($0, isTemplate: false)) })
        case "values": return try checked(map.items.map(\.value))
        case "get":
            guard case .text(let key)? = arguments.positional.first else {
                throw InferenceError(.template, "get needs a string")
            }
            return map[key.string] ?? arguments.value(1, "default") ?? .none
        default: throw InferenceError(.unsupported, "a mapping has no method \(name)")
        }
    }

    /// Whether a loop is asked about other values than in its last pass.
    private mutating func hasChanged(_ values: [Value], in loop: Namespace) throws -> Bool {
        // A loop must not come to hold itself.
        guard values.allSatisfy({ $0.depth < TemplateLimits.valueDepth }) else {
            throw InferenceError(.template, "values are nested too deep")
        }
        let before = loop.lastAsked
        loop.lastAsked = values
        guard let before, before.count == values.count else { return true }
        for (old, new) in zip(before, values) where !(try equals(old, new)) { return true }
        return false
    }

    /// A list of pairs of keys and values.
    mutating func pairs(_ map: Map) throws -> Value {
        try checked(
            map.items.map { .list(try List([.text(Text($0.key, isTemplate: false)), $0.value], isTuple: true)) })
    }

    private mutating func method(_ text: Text, _ name: String, _ arguments: CallArguments) throws -> Value {
        switch name {
        case "strip", "lstrip", "rstrip":
            return .text(
                text.trimmed(
                    try optionalText(arguments.positional.first), leading: name != "rstrip", trailing: name != "lstrip")
            )
        case "startswith", "endswith":
            let candidates =
                if case .list(let list)? = arguments.positional.first { list.items } else { arguments.positional }
            for candidate in candidates {
                let part = try requiredText(candidate, name)
                if name == "startswith" ? text.hasPrefix(part) : text.hasSuffix(part) { return .bool(true) }
            }
            return .bool(false)
        case "title": return try capitalized(text) { !$0.properties.isAlphabetic }
        case "upper", "lower", "capitalize": return try filter(.text(text), name, CallArguments())
        case "split", "rsplit": return try split(text, arguments, fromEnd: name == "rsplit")
        case "splitlines": return try checked(Self.lines(text).map { .text($0) })
        case "replace":
            return try replace(
                text, try requiredText(arguments.value(0, "old"), name),
                try requiredText(arguments.value(1, "new"), name),
                most: try count(arguments.value(2, "count")))
        case "find":
            let part = try requiredText(arguments.positional.first, name)
            return .int(part.count == 0 ? 0 : text.find(part) ?? -1)
        case "count":
            let part = try requiredText(arguments.positional.first, name)
            guard part.count > 0 else { return .int(text.count + 1) }
            return .int(try Self.pieces(text, part, most: .max).count - 1)
        case "join":
            return try filter(arguments.positional.first ?? .none, "join", CallArguments(positional: [.text(text)]))
        case "removeprefix", "removesuffix":
            let part = try requiredText(arguments.positional.first, name)
            if name == "removeprefix" {
                return .text(text.hasPrefix(part) ? Text(text, part.count..<text.count) : text)
            }
            return .text(text.hasSuffix(part) ? Text(text, 0..<text.count - part.count) : text)
        case "isdigit", "isalpha", "isspace":
            let isMember: (Unicode.Scalar) -> Bool =
                switch name {
                case "isdigit": { $0.properties.numericType == .decimal || $0.properties.numericType == .digit }
                case "isalpha": { ScalarClass.of($0.value) == ScalarClass.letter }
                default: { $0.properties.isWhitespace }
                }
            return .bool(text.count > 0 && text.scalars.allSatisfy(isMember))
        default:
            if let result = try moreTextMethod(text, name, arguments) { return result }
            throw InferenceError(.unsupported, "a string has no method \(name)")
        }
    }

    func requiredText(_ value: Value?, _ name: String) throws -> Text {
        guard case .text(let text)? = value else { throw InferenceError(.template, "\(name) needs a string") }
        return text
    }

    func optionalText(_ value: Value?) throws -> Text? {
        switch value {
        case nil, .some(.none): nil
        case .text(let text)?: text
        case .some(let other): throw InferenceError(.template, "expected a string, found \(other.kind)")
        }
    }

    /// A count from an argument; negative and missing ones mean no limit.
    func count(_ value: Value?) throws -> Int {
        switch value {
        case nil, .some(.none): .max
        case .int(let count)?: count < 0 ? .max : count
        case .some(let other): throw InferenceError(.template, "expected a count, found \(other.kind)")
        }
    }

    mutating func replace(_ text: Text, _ old: Text, _ new: Text, most: Int) throws -> Value {
        guard old.count > 0 else { throw InferenceError(.template, "replace needs a string that is not empty") }
        let pieces = try Self.pieces(text, old, most: most)
        let (added, overflow) = (pieces.count - 1).multipliedReportingOverflow(by: new.count)
        guard !overflow, added <= TemplateLimits.textLength else {
            throw InferenceError(.template, "a string becomes too long")
        }
        var result = Text()
        for (index, piece) in pieces.enumerated() {
            if index > 0 { result.append(new) }
            result.append(piece)
        }
        return try checked(result)
    }

    private mutating func split(_ text: Text, _ arguments: CallArguments, fromEnd: Bool) throws -> Value {
        let most = try count(arguments.value(1, "maxsplit"))
        guard let separator = try optionalText(arguments.value(0, "sep")) else {
            return try checked(Self.words(text, most: most).map { .text($0) })
        }
        guard separator.count > 0 else { throw InferenceError(.template, "split needs a separator that is not empty") }
        var pieces = try Self.pieces(text, separator, most: fromEnd ? .max : most)
        if fromEnd, most < pieces.count - 1 {
            var head = pieces[0]
            for piece in pieces[1..<pieces.count - most] {
                head.append(separator)
                head.append(piece)
            }
            pieces = [head] + pieces.suffix(most)
        }
        return try checked(pieces.map { .text($0) })
    }

    private static func pieces(_ text: Text, _ separator: Text, most: Int) throws -> [Text] {
        var pieces: [Text] = []
        var start = 0
        while pieces.count < most, let found = text.find(separator, from: start) {
            guard pieces.count < TemplateLimits.listLength else {
                throw InferenceError(.template, "a list becomes too long")
            }
            pieces.append(Text(text, start..<found))
            start = found + separator.count
        }
        return pieces + [Text(text, start..<text.count)]
    }

    private static func words(_ text: Text, most: Int) -> [Text] {
        var words: [Text] = []
        var index = 0
        while true {
            while index < text.count, text.scalars[index].properties.isWhitespace { index += 1 }
            guard index < text.count else { return words }
            if words.count == most { return words + [Text(text, index..<text.count).trimmed(leading: false)] }
            let start = index
            while index < text.count, !text.scalars[index].properties.isWhitespace { index += 1 }
            words.append(Text(text, start..<index))
        }
    }

    private static func lines(_ text: Text) -> [Text] {
        var lines: [Text] = []
        var start = 0
        for index in 0..<text.count where text.scalars[index] == "\n" {
            lines.append(Text(text, start..<index).trimmed(Text("\r", isTemplate: true), leading: false))
            start = index + 1
        }
        return start < text.count ? lines + [Text(text, start..<text.count)] : lines
    }
}
