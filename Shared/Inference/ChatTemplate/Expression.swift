/// An expression of a template, and how many nodes lie inside each other.
struct Expression: Sendable {
    let node: Node
    let depth: Int

    indirect enum Node: Sendable {
        case literal(Value)
        case name(String)
        case list([Expression])
        case tuple([Expression])
        case map([(Expression, Expression)])
        case not(Expression)
        case negative(Expression)
        case binary(BinaryOperator, Expression, Expression)
        case comparison(Expression, [(Comparison, Expression)])
        case conditional(Expression, condition: Expression, otherwise: Expression?)
        case attribute(Expression, String)
        case item(Expression, Expression)
        case slice(Expression, Expression?, Expression?, Expression?)
        case call(Expression, Arguments)
        case filter(Expression, String, Arguments)
        case test(Expression, String, Arguments, isNegated: Bool)
    }

    /// - Throws: where nodes lie too deep inside each other; evaluation recurses as deep.
    init(_ node: Node, _ children: [Expression?] = []) throws {
        self.node = node
        depth = 1 + (children.compactMap { $0?.depth }.max() ?? 0)
        guard depth <= TemplateLimits.evaluationDepth else {
            throw InferenceError(.template, "an expression is nested too deep")
        }
    }
}

/// Operators on two values.
enum BinaryOperator: String, Sendable {
    case and, or
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case remainder = "%"
    case concatenate = "~"
}

/// Comparisons, which chain.
enum Comparison: String, Sendable {
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case isIn = "in"
    case isNotIn = "not in"
}

/// Arguments of a call, filter or test.
struct Arguments: Sendable {
    var positional: [Expression] = []
    var named: [(name: String, value: Expression)] = []

    var all: [Expression] { positional + named.map(\.value) }
}

/// A statement of a template.
indirect enum Statement: Sendable {
    case text(String)
    case output(Expression)
    /// Conditions with bodies; the last condition is `nil` for `else`.
    case branches([(condition: Expression?, body: [Statement])])
    case loop(Loop)
    case assign([String], Expression)
    case assignAttribute(String, String, Expression)
    /// What a body writes, filtered, as the value of a variable.
    case capture(String, [Filter], [Statement])
    case macro(Macro)
    /// What a body writes, filtered.
    case filtered([Filter], [Statement])
    /// A call of a macro that can call a body back.
    case call(Expression, Arguments, caller: Macro)
    case breakLoop
    case continueLoop

    /// A filter of a whole block.
    struct Filter: Sendable {
        let name: String
        let arguments: Arguments
    }

    /// A `for` loop.
    struct Loop: Sendable {
        let targets: [String]
        let items: Expression
        let condition: Expression?
        let body: [Statement]
        let otherwise: [Statement]
    }
}
