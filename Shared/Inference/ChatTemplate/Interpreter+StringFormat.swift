/// `'{}'.format(...)`. What the values bring stays theirs.
extension Interpreter {
    mutating func stringFormat(_ text: Text, _ arguments: CallArguments) throws -> Value {
        var next = 0
        return try checked(try formattedFields(text, arguments, &next, isNested: false))
    }

    private mutating func formattedFields(
        _ text: Text, _ arguments: CallArguments, _ next: inout Int, isNested: Bool
    ) throws -> Text {
        var result = Text()
        var index = 0
        while index < text.count {
            try charge()
            let scalar = text.scalars[index]
            guard scalar == "{" || scalar == "}" else {
                result.append(text, at: index)
                index += 1
                continue
            }
            if index + 1 < text.count, text.scalars[index + 1] == scalar, !isNested {
                result.append(text, at: index)
                index += 2
                continue
            }
            guard scalar == "{", let end = Self.fieldEnd(text, index) else {
                throw InferenceError(.template, "a brace of a format has no counterpart")
            }
            result.append(try field(Text(text, index + 1..<end), arguments, &next, isNested: isNested))
            guard result.count <= TemplateLimits.textLength else {
                throw InferenceError(.template, "a string becomes too long")
            }
            index = end + 1
        }
        return result
    }

    /// The brace that closes the one at an index.
    private static func fieldEnd(_ text: Text, _ start: Int) -> Int? {
        var depth = 0
        for index in start..<text.count {
            if text.scalars[index] == "{" { depth += 1 }
            if text.scalars[index] == "}" { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }

    /// `name.attribute[key]!r:specification`
    private mutating func field(
        _ field: Text, _ arguments: CallArguments, _ next: inout Int, isNested: Bool
    ) throws -> Text {
        let nameEnd = field.scalars.firstIndex { $0 == "!" || $0 == ":" } ?? field.count
        let value = try fieldValue(Text(field, 0..<nameEnd).string, arguments, &next)
        var rest = nameEnd
        var shown: Text?
        if rest < field.count, field.scalars[rest] == "!" {
            guard rest + 1 < field.count else { throw InferenceError(.template, "a format lacks its conversion") }
            switch field.scalars[rest + 1] {
            case "r", "a": shown = try representation(value)
            case "s": shown = try text(value)
            default: throw InferenceError(.template, "a format has an unknown conversion")
            }
            rest += 2
        }
        guard rest < field.count else { return try shown ?? text(value) }
        guard field.scalars[rest] == ":" else { throw InferenceError(.template, "a format lacks a colon") }
        guard !isNested else { throw InferenceError(.template, "fields of a format are nested too deep") }
        let specification = try formattedFields(
            Text(field, rest + 1..<field.count), arguments, &next, isNested: true)
        try charge(specification.count)
        return try formatted(shown.map { Value.text($0) } ?? value, specification)
    }

    private func fieldValue(_ path: String, _ arguments: CallArguments, _ next: inout Int) throws -> Value {
        let name = String(path.prefix { $0 != "." && $0 != "[" })
        var value: Value
        if let position = name.isEmpty ? next : Int(name) {
            if name.isEmpty { next += 1 }
            guard arguments.positional.indices.contains(position) else {
                throw InferenceError(.template, "a format asks for value \(position), which is not there")
            }
            value = arguments.positional[position]
        } else {
            guard let named = arguments.named[name] else {
                throw InferenceError(.template, "a format asks for \(name), which is not there")
            }
            value = named
        }
        var rest = path.dropFirst(name.count)
        while let mark = rest.popFirst() {
            if mark == "." {
                let attribute = String(rest.prefix { $0 != "." && $0 != "[" })
                rest = rest.dropFirst(attribute.count)
                value = try self.attribute(of: value, attribute)
            } else {
                guard mark == "[", let end = rest.firstIndex(of: "]") else {
                    throw InferenceError(.template, "a format has a field that is not understood")
                }
                let key = String(rest[..<end])
                rest = rest[rest.index(after: end)...]
                value = try item(of: value, Int(key).map { Value.int($0) } ?? Value.template(key))
            }
        }
        return value
    }

    private mutating func formatted(_ value: Value, _ specification: Text) throws -> Text {
        guard specification.count > 0 else { return try text(value) }
        let format = try FormatSpecification(specification)
        try charge(format.width)
        switch value {
        case .text(var text):
            guard format.type == nil || format.type == "s" else {
                throw InferenceError(.template, "a format for numbers does not fit a string")
            }
            if let precision = format.precision, precision < text.count { text = Text(text, 0..<precision) }
            return padded(text, format, standard: .left)
        case .int, .bool, .double:
            var number = try numberText(value, format)
            if format.sign == "+" || format.sign == " " { number.mark(positive: format.sign == "+" ? "+" : " ") }
            if let separator = format.separator { number.group(by: Character(separator)) }
            if format.alignment == "=", format.fill?.string == "0" {
                return Text(number.filled(to: format.width), isTemplate: true)
            }
            return padded(Text(number.text, isTemplate: true), format, standard: .right)
        default: throw InferenceError(.template, "\(value.kind) takes no format")
        }
    }

    private func padded(_ text: Text, _ format: FormatSpecification, standard: Text.Alignment) -> Text {
        let alignment: Text.Alignment =
            switch format.alignment {
            case "<": .left
            case ">": .right
            case "^": .center
            default: standard
            }
        let fill = format.fill ?? Text(" ", isTemplate: true)
        // Here the odd space goes to the right, other than with `center`.
        guard alignment == .center, format.width > text.count else {
            return text.padded(to: format.width, alignment, with: fill)
        }
        let missing = format.width - text.count
        return text.padded(to: text.count + missing / 2, .right, with: fill).padded(
            to: format.width, .left, with: fill)
    }

    private func numberText(_ value: Value, _ format: FormatSpecification) throws -> NumberText {
        let precision = format.precision.map { min($0, RealText.largestPrecision) }
        switch (format.type, value) {
        case ("e", _), ("E", _), ("f", _), ("F", _), ("g", _), ("G", _):
            return NumberText(
                value.number ?? 0, format.type ?? "f", precision: precision ?? 6, keepsPoint: format.marksBase)
        case ("%", _):
            var number = NumberText((value.number ?? 0) * 100, "f", precision: precision ?? 6)
            number.digits += "%"
            return number
        case (nil, .double(let real)):
            return precision.map { NumberText(real, "g", precision: $0) } ?? NumberText(shortest: real)
        case (_, .int(let number)) where format.precision == nil:
            return try wholeText(number, format)
        case (_, .bool(let flag)) where format.precision == nil:
            return try wholeText(flag ? 1 : 0, format)
        default: throw InferenceError(.template, "a format does not fit \(value.kind)")
        }
    }

    private func wholeText(_ number: Int, _ format: FormatSpecification) throws -> NumberText {
        guard let type = format.type else { return NumberText(number, "d") }
        guard ["d", "n", "x", "X", "o", "b"].contains(type) else {
            throw InferenceError(.unsupported, "the format \"\(Character(type))\" is not supported")
        }
        return NumberText(number, type, marksBase: format.marksBase)
    }
}
