/// A value while a template runs.
enum Value: Sendable {
    /// Nothing; the name of what is missing, for messages.
    case undefined(String)
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case text(Text)
    case list(List)
    case map(Map)
    case namespace(Namespace)
    case macro(Macro)
    /// The body of a `call` block.
    case caller(Caller)
    case function(String)

    static func template(_ string: String) -> Value { .text(Text(string, isTemplate: true)) }

    /// Python's truth.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .double(let value): value != 0
        case .text(let text): text.count > 0
        case .list(let list): !list.items.isEmpty
        case .map(let map): !map.keys.isEmpty
        case .namespace, .macro, .caller, .function: true
        }
    }

    /// For messages.
    var kind: String {
        switch self {
        case .undefined(let name): "undefined (\(name))"
        case .none: "none"
        case .bool: "a boolean"
        case .int: "an integer"
        case .double: "a number"
        case .text: "a string"
        case .list(let list): list.isTuple ? "a tuple" : "a list"
        case .map: "a mapping"
        case .namespace: "a namespace"
        case .macro, .caller: "a macro"
        case .function: "a function"
        }
    }

    var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// How many values lie inside each other. A namespace, which could come to hold itself, counts as too deep to lie
    /// inside anything, and so does what sees variables.
    var depth: Int {
        switch self {
        case .namespace, .caller: TemplateLimits.valueDepth
        case .list(let list): list.depth
        case .map(let map): map.depth
        default: 0
        }
    }
}

/// A list; never changes.
final class List: Sendable {
    let items: [Value]
    let depth: Int
    /// Whether it is a tuple of Python, which is shown in round brackets and equals no list.
    let isTuple: Bool
    /// The names of the items, for tuples that have some.
    let names: [String]

    init(_ items: [Value], isTuple: Bool = false, names: [String] = []) throws {
        self.items = items
        self.isTuple = isTuple
        self.names = names
        depth = try TemplateLimits.checkedDepth(items)
    }
}

/// Keys and values in order; never changes.
final class Map: Sendable {
    let keys: [String]
    private let values: [String: Value]
    let depth: Int

    /// Of members with one key, the last one counts.
    init(_ members: [(String, Value)]) throws {
        var keys: [String] = []
        var values: [String: Value] = [:]
        for (key, value) in members where values.updateValue(value, forKey: key) == nil { keys.append(key) }
        self.keys = keys
        self.values = values
        depth = try TemplateLimits.checkedDepth(values.values)
    }

    subscript(key: String) -> Value? { values[key] }

    var items: [(key: String, value: Value)] { keys.compactMap { key in values[key].map { (key, $0) } } }
}

/// What `namespace()` makes: the one value that can change. Unchecked: it never leaves the interpreter that made it,
/// which is used by one thread.
final class Namespace: @unchecked Sendable {
    var values: [String: Value]
    /// Whether it is the variable `loop`.
    let isLoop: Bool
    /// What `loop.changed` was asked about last.
    var lastAsked: [Value]?

    init(_ values: [String: Value], isLoop: Bool = false, lastAsked: [Value]? = nil) {
        self.values = values
        self.isLoop = isLoop
        self.lastAsked = lastAsked
    }
}

/// A macro of a template.
final class Macro: Sendable {
    typealias Parameter = (name: String, standard: Expression?)

    let name: String
    let parameters: [Parameter]
    let body: [Statement]
    /// Whether it takes more positional arguments than it names.
    let takesMorePositional: Bool
    /// Whether it wants to see named arguments that it does not name.
    let takesMoreNamed: Bool

    init(
        name: String, parameters: [Parameter], body: [Statement], takesMorePositional: Bool = false,
        takesMoreNamed: Bool = false
    ) {
        self.takesMorePositional = takesMorePositional
        self.takesMoreNamed = takesMoreNamed
        self.name = name
        self.parameters = parameters
        self.body = body
    }
}

/// The body of a `call` block with the variables that it sees.
final class Caller: Sendable {
    let macro: Macro
    let scopes: [[String: Value]]

    init(_ macro: Macro, scopes: [[String: Value]]) {
        self.macro = macro
        self.scopes = scopes
    }
}
