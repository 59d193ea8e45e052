/// Methods of strings that search, fill up and tell what a string consists of.
extension Interpreter {
    /// `nil` where there is no such method.
    mutating func moreTextMethod(_ text: Text, _ name: String, _ arguments: CallArguments) throws -> Value? {
        switch name {
        case "format": return try stringFormat(text, arguments)
        case "partition", "rpartition": return try partition(text, arguments, fromEnd: name == "rpartition")
        case "rfind", "rindex", "index":
            let part = try requiredText(arguments.positional.first, name)
            let place = name == "index" ? (part.count == 0 ? 0 : text.find(part)) : text.findLast(part)
            guard let place else {
                guard name == "rfind" else { throw InferenceError(.template, "\(name): there is no such part") }
                return .int(-1)
            }
            return .int(place)
        case "ljust", "rjust", "center":
            guard let width = try integer(arguments.positional.first, name) else {
                throw InferenceError(.template, "\(name) needs a width")
            }
            let fill = try optionalText(arguments.value(1, "fillchar")) ?? Text(" ", isTemplate: true)
            return try filledUp(
                text, to: width, name == "ljust" ? .left : name == "rjust" ? .right : .center, with: fill)
        case "zfill":
            let width = try integer(arguments.positional.first, name) ?? 0
            guard let first = text.scalars.first, first == "+" || first == "-" else {
                return try filledUp(text, to: width, .right, with: Text("0", isTemplate: true))
            }
            var result = Text(text, 0..<1)
            let digits = Text(text, 1..<text.count)
            result.append(
                try requiredText(filledUp(digits, to: width - 1, .right, with: Text("0", isTemplate: true)), name))
            return try checked(result)
        case "swapcase":
            return try checked(
                text.mapped { scalar in
                    let properties = scalar.properties
                    return properties.isUppercase ? properties.lowercaseMapping : properties.uppercaseMapping
                })
        case "casefold":
            return try checked(text.mapped { $0 == "\u{DF}" ? "ss" : $0.properties.lowercaseMapping })
        default: return Self.character(of: text, name).map { .bool($0) }
        }
    }

    private mutating func partition(_ text: Text, _ arguments: CallArguments, fromEnd: Bool) throws -> Value {
        let separator = try requiredText(arguments.positional.first, "partition")
        guard separator.count > 0 else { throw InferenceError(.template, "partition needs a separator") }
        let place = fromEnd ? text.findLast(separator) : text.find(separator)
        let parts: [Text]
        if let place {
            let end = place + separator.count
            parts = [Text(text, 0..<place), Text(text, place..<end), Text(text, end..<text.count)]
        } else {
            parts = fromEnd ? [Text(), Text(), text] : [text, Text(), Text()]
        }
        return .list(try List(parts.map { .text($0) }, isTuple: true))
    }

    /// What `isupper` and the like say; `nil` for other names.
    private static func character(of text: Text, _ name: String) -> Bool? {
        let scalars = text.scalars
        switch name {
        case "isupper":
            return scalars.contains { $0.properties.isUppercase } && !scalars.contains { $0.properties.isLowercase }
        case "islower":
            return scalars.contains { $0.properties.isLowercase } && !scalars.contains { $0.properties.isUppercase }
        case "isalnum":
            return !scalars.isEmpty
                && scalars.allSatisfy {
                    ScalarClass.of($0.value) == ScalarClass.letter || $0.properties.numericType != nil
                }
        case "isdecimal": return !scalars.isEmpty && scalars.allSatisfy { $0.properties.numericType == .decimal }
        case "isnumeric": return !scalars.isEmpty && scalars.allSatisfy { $0.properties.numericType != nil }
        case "isascii": return scalars.allSatisfy(\.isASCII)
        default: return nil
        }
    }

    /// `index` and `count` of lists.
    mutating func method(_ list: List, _ name: String, _ arguments: CallArguments) throws -> Value {
        guard name == "index" || name == "count" else {
            throw InferenceError(.unsupported, "a list has no method \(name)")
        }
        guard let wanted = arguments.positional.first else {
            throw InferenceError(.template, "\(name) needs a value")
        }
        var count = 0
        for (index, item) in list.items.enumerated() where try equals(item, wanted) {
            if name == "index" { return .int(index) }
            count += 1
        }
        guard name == "count" else { throw InferenceError(.template, "the list has no such item") }
        return .int(count)
    }
}
