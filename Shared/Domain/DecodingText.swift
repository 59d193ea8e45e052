/// What a decoder refused, in the words of messages.
public enum DecodingText {
    /// One sentence that names the field and what is wrong with it: `requests[3].arrival_s is not a number`.
    public static func text(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): return "\(name(context.codingPath + [key])) is missing"
        case .valueNotFound(_, let context): return "\(name(context.codingPath)) is null"
        case .typeMismatch(let type, let context):
            return word(for: type).map { "\(name(context.codingPath)) is not \($0)" } ?? told(context)
        case .dataCorrupted(let context): return told(context)
        @unknown default: return "\(error)"
        }
    }

    /// Where a value stands in its document: `requests[3].arrival_s`; empty for the document itself.
    ///
    /// - Parameters:
    ///   - keys: the coding path.
    ///   - key: writes the key of an object, which may come from a stranger.
    ///   - element: writes an element of a list, after the path of the list.
    public static func path(
        _ keys: [any CodingKey], key: (String) -> String = { $0 },
        element: (_ list: String, _ index: Int) -> String = { "\($0)[\($1)]" }
    ) -> String {
        keys.reduce(into: "") { text, step in
            // A key of an object may look like a number, too; only elements of lists carry this name.
            if let index = step.intValue, step.stringValue == "Index \(index)" {
                text = element(text, index)
            } else {
                text += (text.isEmpty ? "" : ".") + key(step.stringValue)
            }
        }
    }

    /// What was expected, for people who know JSON or YAML and not Swift; `nil` for types that neither has.
    public static func word(for type: any Any.Type) -> String? {
        if type == String.self { return "a text" }
        if type == Bool.self { return "true or false" }
        if type is any Numeric.Type { return "a number" }
        let name = String(describing: type)
        if name.hasPrefix("Array<") { return "a list" }
        return name.hasPrefix("Dictionary<") ? "an object" : nil
    }

    private static func name(_ keys: [any CodingKey]) -> String { keys.isEmpty ? "the top level" : path(keys) }

    private static func told(_ context: DecodingError.Context) -> String {
        let path = path(context.codingPath)
        return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
    }
}
