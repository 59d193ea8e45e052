/// Filters on strings that Jinja has besides Python's methods.
extension Interpreter {
    /// `nil` where there is no such filter.
    mutating func moreTextFilter(_ value: Value, _ name: String, _ arguments: CallArguments) throws -> Value? {
        switch name {
        case "format": return try printf(try text(value), arguments)
        case "e", "escape", "forceescape":
            let text = try text(value)
            try charge(text.count)
            return try checked(text.mapped { Self.entities[$0] ?? String(Character($0)) })
        case "wordcount":
            let text = try text(value)
            try charge(text.count)
            return .int(text.wordCount)
        case "truncate": return try truncated(try text(value), arguments)
        case "center":
            let width = try integer(arguments.value(0, "width"), name) ?? 80
            return try filledUp(try text(value), to: width, .center)
        default: return nil
        }
    }

    private static let entities: [Unicode.Scalar: String] = [
        "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", "\"": "&#34;",
    ]

    private mutating func truncated(_ text: Text, _ arguments: CallArguments) throws -> Value {
        let length = try integer(arguments.value(0, "length"), "truncate") ?? 255
        let cutsWords = arguments.value(1, "killwords")?.isTrue ?? false
        let end = try optionalText(arguments.value(2, "end")) ?? Text("...", isTemplate: true)
        let leeway = try integer(arguments.value(3, "leeway"), "truncate") ?? 5
        guard length >= end.count, length <= TemplateLimits.textLength, (0...TemplateLimits.textLength).contains(leeway)
        else { throw InferenceError(.template, "a string cannot be truncated to \(length) characters") }
        guard text.count > length + leeway else { return .text(text) }
        var result = Text(text, 0..<length - end.count)
        if !cutsWords, let space = result.findLast(Text(" ", isTemplate: true)) { result = Text(result, 0..<space) }
        result.append(end)
        return try checked(result)
    }

    /// A text filled up to a width that a template gives.
    mutating func filledUp(
        _ text: Text, to width: Int, _ alignment: Text.Alignment, with fill: Text = Text(" ", isTemplate: true)
    ) throws -> Value {
        guard width <= TemplateLimits.textLength else { throw InferenceError(.template, "a string becomes too long") }
        guard fill.count == 1 else { throw InferenceError(.template, "strings are filled up with one character") }
        try charge(max(0, width))
        return .text(text.padded(to: width, alignment, with: fill))
    }

    /// A whole number from an argument; `nil` where it is missing.
    func integer(_ value: Value?, _ name: String) throws -> Int? {
        switch value {
        case nil, .some(.none): nil
        case .int(let number)?: number
        case .some(let other): throw InferenceError(.template, "\(name) needs a whole number, found \(other.kind)")
        }
    }
}
