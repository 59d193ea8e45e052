/// A value for a template, such as the description of tools. Its texts count as content, not as template text.
public indirect enum TemplateValue: Sendable, Hashable {
    /// `none`.
    case null
    /// A truth value.
    case bool(Bool)
    /// A whole number.
    case int(Int)
    /// A real number.
    case double(Double)
    /// A text.
    case string(String)
    /// A list.
    case array([TemplateValue])
    /// Keys and values in order.
    case object([Member])

    /// A member of an object.
    public struct Member: Sendable, Hashable {
        /// Its key.
        public var key: String
        /// Its value.
        public var value: TemplateValue

        /// Makes a member.
        public init(_ key: String, _ value: TemplateValue) {
            self.key = key
            self.value = value
        }
    }

    func value() throws -> Value {
        switch self {
        case .null: .none
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .double(let value): .double(value)
        case .string(let value): .text(Text(value, isTemplate: false))
        case .array(let items): .list(try List(items.map { try $0.value() }))
        case .object(let members): .map(try Map(members.map { ($0.key, try $0.value.value()) }))
        }
    }
}
