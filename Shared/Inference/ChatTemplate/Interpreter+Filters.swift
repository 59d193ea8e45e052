/// Filters: `value | name(arguments)`.
extension Interpreter {
    mutating func filter(_ value: Value, _ name: String, _ arguments: CallArguments) throws -> Value {
        switch name {
        case "trim", "upper", "lower", "title", "capitalize", "string", "safe", "replace", "indent":
            return try textFilter(try text(value), name, arguments)
        case "tojson": return try json(value, arguments)
        case "default", "d":
            if case .undefined = value { return arguments.value(0, "default_value") ?? .template("") }
            let isFalseToo = arguments.value(1, "boolean")?.isTrue ?? false
            return isFalseToo && !value.isTrue ? arguments.value(0, "default_value") ?? .template("") : value
        case "items":
            if case .undefined = value { return try checked([Value]()) }
            guard case .map(let map) = value else { throw InferenceError(.template, "\(value.kind) has no items") }
            return try pairs(map)
        case "int", "float", "abs", "round": return try numberFilter(value, name, arguments)
        default: return try listFilter(value, name, arguments)
        }
    }

    private mutating func textFilter(_ text: Text, _ name: String, _ arguments: CallArguments) throws -> Value {
        try charge(text.count)
        switch name {
        case "trim": return .text(text.trimmed(try optionalText(arguments.value(0, "chars"))))
        case "upper": return try checked(text.mapped(\.properties.uppercaseMapping))
        case "lower": return try checked(text.mapped(\.properties.lowercaseMapping))
        case "capitalize": return try capitalized(text) { _ in false }
        case "title": return try capitalized(text) { $0.properties.isWhitespace || "-({[<".unicodeScalars.contains($0) }
        case "replace":
            return try replace(
                text, try requiredText(arguments.value(0, "old"), name),
                try requiredText(arguments.value(1, "new"), name),
                most: try count(arguments.value(2, "count")))
        case "indent": return try indent(text, arguments)
        default: return .text(text)
        }
    }

    /// The text in lower case, but for the first code point and those behind others with a property.
    mutating func capitalized(_ text: Text, after isBoundary: (Unicode.Scalar) -> Bool) throws -> Value {
        var isStart = true
        return try checked(
            text.mapped { scalar in
                defer { isStart = isBoundary(scalar) }
                return isStart ? scalar.properties.titlecaseMapping : scalar.properties.lowercaseMapping
            })
    }

    private mutating func indent(_ text: Text, _ arguments: CallArguments) throws -> Value {
        var width = 4
        if case .int(let given)? = arguments.value(0, "width") { width = given }
        guard (0...256).contains(width) else { throw InferenceError(.template, "indent cannot be \(width)") }
        let indentsFirst = arguments.value(1, "first")?.isTrue ?? false
        let indentsBlank = arguments.value(2, "blank")?.isTrue ?? false
        let blanks = Text(String(repeating: " ", count: width), isTemplate: true)
        guard text.count <= TemplateLimits.textLength / (width + 1) else {
            throw InferenceError(.template, "a string becomes too long")
        }
        var result = Text()
        var isLineStart = indentsFirst
        for index in 0..<text.count {
            if isLineStart, indentsBlank || text.scalars[index] != "\n" { result.append(blanks) }
            result.append(text, at: index)
            isLineStart = text.scalars[index] == "\n"
        }
        return try checked(result)
    }

    private mutating func json(_ value: Value, _ arguments: CallArguments) throws -> Value {
        var json = JSONText()
        // `indent` may come by position, as with Jinja's own `tojson`.
        var given = arguments.named
        if let first = arguments.positional.first { given["indent"] = first }
        if case .int(let indent)? = given["indent"] {
            guard (0...32).contains(indent) else {
                throw InferenceError(.template, "an indent of \(indent) is not possible")
            }
            json.indent = indent
        }
        if case .list(let separators)? = given["separators"] {
            guard separators.items.count == 2 else { throw InferenceError(.template, "tojson needs two separators") }
            json.itemSeparator = try requiredText(separators.items[0], "tojson").string
            json.keySeparator = try requiredText(separators.items[1], "tojson").string
            guard json.keySeparator.utf8.count < 64, json.itemSeparator?.utf8.count ?? 0 < 64 else {
                throw InferenceError(.template, "a separator of tojson is too long")
            }
        }
        json.sortsKeys = given["sort_keys"]?.isTrue ?? false
        json.escapesUnicode = given["ensure_ascii"]?.isTrue ?? false
        let result = try json.write(value) { try charge($0) }
        let isTemplate = if case .text(let text) = value { text.isAllTemplate } else { false }
        return try checked(Text(result, isTemplate: isTemplate))
    }

    private func rounded(_ value: Value, _ arguments: CallArguments) throws -> Value {
        guard let number = value.number else { throw InferenceError(.template, "\(value.kind) is not a number") }
        let digits = try integer(arguments.value(0, "precision"), "round") ?? 0
        let method = try optionalText(arguments.value(1, "method"))?.string ?? "common"
        guard (-300...300).contains(digits), ["common", "ceil", "floor"].contains(method) else {
            throw InferenceError(.template, "round cannot round in this way")
        }
        guard method != "common" else {
            if case .int = value, digits >= 0 { return value }
            let result = RealText.rounded(number, digits: digits)
            if case .int = value, let whole = Int(exactly: result) { return .int(whole) }
            return .double(result)
        }
        let power = RealText.power(digits)
        return .double((number * power).rounded(method == "ceil" ? .up : .down) / power)
    }

    private mutating func numberFilter(_ value: Value, _ name: String, _ arguments: CallArguments) throws -> Value {
        var number = value.number
        if case .text(let text) = value { number = Double(text.trimmed().string) }
        if name == "round" { return try rounded(value, arguments) }
        if case .int(let exact) = value, name != "float" {
            guard exact != .min else { throw InferenceError(.template, "a number becomes too large") }
            return .int(name == "abs" ? abs(exact) : exact)
        }
        switch name {
        case "int":
            return number.flatMap { Int(exactly: $0.rounded(.towardZero)) }.map { .int($0) }
                ?? arguments.value(0, "default") ?? .int(0)
        case "float": return number.map { .double($0) } ?? arguments.value(0, "default") ?? .double(0)
        default:
            guard let number else { throw InferenceError(.template, "\(value.kind) is not a number") }
            return .double(abs(number))
        }
    }
}
