/// A metadata value.
public enum GGUFValue: Sendable {
    /// An unsigned whole number.
    case unsigned(UInt64, GGUFValueType)
    /// A signed whole number.
    case signed(Int64, GGUFValueType)
    /// A real number.
    case real(Double, GGUFValueType)
    /// A truth value.
    case boolean(Bool)
    /// A text; invalid UTF-8 was replaced.
    case text(String)
    /// An array, decoded on demand.
    case elements(GGUFArray)

    /// The type in the file.
    public var type: GGUFValueType {
        switch self {
        case .unsigned(_, let type), .signed(_, let type), .real(_, let type): type
        case .boolean: .bool
        case .text: .string
        case .elements: .array
        }
    }

    /// The type in the file, for messages: `uint32`, `array of string`.
    public var typeName: String {
        if case .elements(let array) = self { "array of \(array.elementType)" } else { "\(type)" }
    }

    /// A whole number that fits `Int`, of any integer type.
    public var integer: Int? {
        switch self {
        case .unsigned(let value, _): Int(exactly: value)
        case .signed(let value, _): Int(exactly: value)
        default: nil
        }
    }

    /// A number of any numeric type.
    public var number: Double? {
        switch self {
        case .real(let value, _): value
        case .unsigned(let value, _): Double(value)
        case .signed(let value, _): Double(value)
        default: nil
        }
    }

    /// A truth value.
    public var bool: Bool? { if case .boolean(let value) = self { value } else { nil } }

    /// A text.
    public var string: String? { if case .text(let value) = self { value } else { nil } }

    /// An array.
    public var array: GGUFArray? { if case .elements(let value) = self { value } else { nil } }

    /// Elements of an array; `nil` for other values.
    public var arrayCount: Int? { array?.count }
}
