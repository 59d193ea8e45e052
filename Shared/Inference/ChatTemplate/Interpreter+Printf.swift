/// `'%s' % value` and the filter `format`: Python's formats in the manner of C. What the values bring stays theirs.
extension Interpreter {
    /// The operator: a tuple holds the values, a mapping those that the format names.
    mutating func printf(_ format: Text, operand: Value) throws -> Value {
        switch operand {
        case .list(let list) where list.isTuple: try printf(format, list.items, mapping: nil)
        case .map(let map): try printf(format, [operand], mapping: map)
        default: try printf(format, [operand], mapping: nil)
        }
    }

    /// The filter.
    mutating func printf(_ format: Text, _ arguments: CallArguments) throws -> Value {
        guard !arguments.named.isEmpty else { return try printf(format, arguments.positional, mapping: nil) }
        guard arguments.positional.isEmpty else {
            throw InferenceError(.template, "format takes values either by position or by name")
        }
        return try printf(format, [], mapping: try Map(arguments.orderedNames))
    }

    private mutating func printf(_ format: Text, _ values: [Value], mapping: Map?) throws -> Value {
        var result = Text()
        var index = 0
        var rest = values[...]
        while index < format.count {
            let place = index
            index += 1
            guard format.scalars[place] == "%" else {
                result.append(format, at: place)
                continue
            }
            let field = try PrintfField(format, &index)
            if field.conversion == "%" {
                result.append(format, at: place)
                continue
            }
            var flags = field.flags
            var width = try size(field.width, &rest)
            if let given = width, given < 0 {
                flags.insert("-")
                width = -given
            }
            let precision = try size(field.precision, &rest).map { max(0, $0) }
            let value: Value
            if let key = field.key {
                guard let member = mapping?[key] else {
                    throw InferenceError(.template, "a format asks for \(key), which is not there")
                }
                value = member
            } else if let next = rest.popFirst() {
                value = next
            } else {
                throw InferenceError(.template, "a format has more places than values")
            }
            result.append(try formatted(value, field.conversion, flags, width ?? 0, precision))
            try charge(width ?? 0)
            guard result.count <= TemplateLimits.textLength else {
                throw InferenceError(.template, "a string becomes too long")
            }
        }
        guard rest.isEmpty || mapping != nil else {
            throw InferenceError(.template, "a format has fewer places than values")
        }
        return try checked(result)
    }

    private func size(_ size: PrintfField.Size, _ values: inout ArraySlice<Value>) throws -> Int? {
        switch size {
        case .absent: return nil
        case .given(let number): return number
        case .fromValues:
            guard case .int(let number)? = values.popFirst(), number.magnitude <= PrintfField.widest else {
                throw InferenceError(.template, "* in a format needs a small number")
            }
            return number
        }
    }

    private mutating func formatted(
        _ value: Value, _ conversion: Unicode.Scalar, _ flags: Set<Unicode.Scalar>, _ width: Int, _ precision: Int?
    ) throws -> Text {
        var text: Text
        switch conversion {
        case "s", "r", "a":
            text = conversion == "s" ? try self.text(value) : try representation(value)
            if let precision, precision < text.count { text = Text(text, 0..<precision) }
        case "c":
            if case .int(let number) = value {
                guard let scalar = UInt32(exactly: number).flatMap({ Unicode.Scalar($0) }) else {
                    throw InferenceError(.template, "\(number) is no character")
                }
                text = Text(String(Character(scalar)), isTemplate: false)
            } else {
                text = try requiredText(value, "%c")
                guard text.count == 1 else { throw InferenceError(.template, "%c needs one character") }
            }
        case "d", "i", "u", "x", "X", "o":
            let number = NumberText(
                try wholeNumber(value, conversion), conversion, least: precision ?? 0, marksBase: flags.contains("#"))
            text = filled(number, flags, width)
        case "e", "E", "f", "F", "g", "G":
            guard let real = value.number else {
                throw InferenceError(.template, "%\(Character(conversion)) needs a number, found \(value.kind)")
            }
            let digits = min(precision ?? 6, RealText.largestPrecision)
            text = filled(
                NumberText(real, conversion, precision: digits, keepsPoint: flags.contains("#")), flags, width)
        default: throw InferenceError(.unsupported, "the format %\(Character(conversion)) is not supported")
        }
        return text.padded(to: width, flags.contains("-") ? .left : .right)
    }

    private func wholeNumber(_ value: Value, _ conversion: Unicode.Scalar) throws -> Int {
        switch value {
        case .int(let number): return number
        case .bool(let flag): return flag ? 1 : 0
        case .double(let number) where ["d", "i", "u"].contains(conversion):
            if let whole = Int(exactly: number.rounded(.towardZero)) { return whole }
        default: break
        }
        throw InferenceError(.template, "%\(Character(conversion)) needs a whole number, found \(value.kind)")
    }

    /// Numbers forge nothing, so their text counts as the template's.
    private func filled(_ number: NumberText, _ flags: Set<Unicode.Scalar>, _ width: Int) -> Text {
        var number = number
        if flags.contains("+") {
            number.mark(positive: "+")
        } else if flags.contains(" ") {
            number.mark(positive: " ")
        }
        let usesZeros = flags.contains("0") && !flags.contains("-")
        return Text(usesZeros ? number.filled(to: width) : number.text, isTemplate: true)
    }
}
