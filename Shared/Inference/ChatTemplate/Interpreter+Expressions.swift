/// Evaluated arguments of a call, filter or test.
struct CallArguments {
    var positional: [Value] = []
    var named: [String: Value] = [:]
    /// The names in the order in which they were written.
    var order: [String] = []

    /// Named arguments in order.
    var orderedNames: [(String, Value)] { order.compactMap { name in named[name].map { (name, $0) } } }

    /// An argument by position or name.
    func value(_ position: Int, _ name: String) -> Value? {
        position < positional.count ? positional[position] : named[name]
    }
}

extension Interpreter {
    mutating func evaluate(_ expression: Expression) throws -> Value {
        try nested { try $0.evaluateNode(expression) }
    }

    mutating func evaluate(_ arguments: Arguments) throws -> CallArguments {
        var result = CallArguments()
        for argument in arguments.positional { result.positional.append(try evaluate(argument)) }
        for (name, argument) in arguments.named {
            if result.named.updateValue(try evaluate(argument), forKey: name) == nil { result.order.append(name) }
        }
        return result
    }

    private mutating func evaluateNode(_ expression: Expression) throws -> Value {
        switch expression.node {
        case .literal(let value): return value
        case .name(let name): return variable(name)
        case .list(let items):
            var values: [Value] = []
            for item in items { values.append(try evaluate(item)) }
            return try checked(values)
        case .tuple(let items):
            var values: [Value] = []
            for item in items { values.append(try evaluate(item)) }
            return try checked(values, isTuple: true)
        case .map(let members): return try evaluateMap(members)
        case .not(let operand): return .bool(!(try evaluate(operand).isTrue))
        case .negative(let operand): return try negated(try evaluate(operand))
        case .binary(let operation, let left, let right): return try evaluateBinary(operation, left, right)
        case .comparison(let first, let rest): return try evaluateComparisons(first, rest)
        case .conditional(let value, let condition, let otherwise):
            if try evaluate(condition).isTrue { return try evaluate(value) }
            return try otherwise.map { try evaluate($0) } ?? .undefined("else")
        case .attribute(let base, let name): return try attribute(of: try evaluate(base), name)
        case .item(let base, let index): return try item(of: try evaluate(base), try evaluate(index))
        case .slice(let base, let start, let stop, let step):
            return try slice(
                try evaluate(base), try bound(start), try bound(stop), try bound(step))
        case .call(let callee, let arguments): return try evaluateCall(callee, arguments)
        case .filter(let operand, let name, let arguments):
            return try filter(try evaluate(operand), name, try evaluate(arguments))
        case .test(let operand, let name, let arguments, let isNegated):
            return .bool(try test(try evaluate(operand), name, try evaluate(arguments)) != isNegated)
        }
    }

    private mutating func evaluateMap(_ members: [(Expression, Expression)]) throws -> Value {
        var values: [(String, Value)] = []
        for (key, value) in members { values.append((try text(try evaluate(key)).string, try evaluate(value))) }
        return .map(try Map(values))
    }

    private mutating func evaluateBinary(
        _ operation: BinaryOperator, _ left: Expression, _ right: Expression
    ) throws -> Value {
        let first = try evaluate(left)
        switch operation {
        case .and: return first.isTrue ? try evaluate(right) : first
        case .or: return first.isTrue ? first : try evaluate(right)
        case .concatenate:
            var result = try text(first)
            result.append(try text(try evaluate(right)))
            return try checked(result)
        case .add: return try sum(first, try evaluate(right))
        case .multiply:
            let second = try evaluate(right)
            return try repeated(first, second) ?? Arithmetic.compute(operation, first, second)
        case .remainder:
            let second = try evaluate(right)
            if case .text(let format) = first { return try printf(format, operand: second) }
            return try Arithmetic.compute(operation, first, second)
        case .subtract, .divide, .floorDivide:
            return try Arithmetic.compute(operation, first, try evaluate(right))
        }
    }

    /// A string or list several times; `nil` where neither side is one.
    private mutating func repeated(_ left: Value, _ right: Value) throws -> Value? {
        switch (left, right) {
        case (.text(let text), .int(let times)), (.int(let times), .text(let text)):
            guard text.count > 0, times > 0 else { return .text(Text()) }
            guard times <= TemplateLimits.textLength / text.count else {
                throw InferenceError(.template, "a string becomes too long")
            }
            var result = Text()
            for _ in 0..<times { result.append(text) }
            return try checked(result)
        case (.list(let list), .int(let times)), (.int(let times), .list(let list)):
            let count = list.items.count
            guard count > 0, times > 0 else { return try checked([], isTuple: list.isTuple) }
            guard times <= TemplateLimits.listLength / count else {
                throw InferenceError(.template, "a list becomes too long")
            }
            return try checked((0..<times).flatMap { _ in list.items }, isTuple: list.isTuple)
        default: return nil
        }
    }

    private mutating func sum(_ left: Value, _ right: Value) throws -> Value {
        switch (left, right) {
        case (.text(var text), .text(let other)):
            text.append(other)
            return try checked(text)
        case (.list(let list), .list(let other)) where list.isTuple == other.isTuple:
            return try checked(list.items + other.items, isTuple: list.isTuple)
        default: return try Arithmetic.compute(.add, left, right)
        }
    }

    private func negated(_ value: Value) throws -> Value { try Arithmetic.compute(.subtract, .int(0), value) }

    private mutating func evaluateComparisons(
        _ first: Expression, _ rest: [(Comparison, Expression)]
    ) throws -> Value {
        var left = try evaluate(first)
        for (comparison, expression) in rest {
            let right = try evaluate(expression)
            if !(try compare(left, comparison, right)) { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    private mutating func bound(_ expression: Expression?) throws -> Int? {
        guard let expression else { return nil }
        switch try evaluate(expression) {
        case .int(let value): return value
        case .none: return nil
        case let other: throw InferenceError(.template, "\(other.kind) cannot be a bound of a slice")
        }
    }

    private mutating func evaluateCall(_ callee: Expression, _ arguments: Arguments) throws -> Value {
        if case .attribute(let base, let name) = callee.node {
            let object = try evaluate(base)
            if case .map(let map) = object, let member = map[name], case .macro(let macro) = member {
                return try call(macro, try evaluate(arguments))
            }
            return try method(object, name, try evaluate(arguments))
        }
        switch try evaluate(callee) {
        case .macro(let macro): return try call(macro, try evaluate(arguments))
        case .caller(let caller): return try call(caller.macro, try evaluate(arguments), in: caller.scopes)
        case .function(let name): return try TemplateFunctions.call(name, try evaluate(arguments), &self)
        case let other: throw InferenceError(.template, "\(other.kind) cannot be called")
        }
    }
}
