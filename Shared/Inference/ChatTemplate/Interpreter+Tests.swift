/// Tests: `value is name`.
extension Interpreter {
    mutating func test(_ value: Value, _ name: String, _ arguments: CallArguments) throws -> Bool {
        if let argument = arguments.positional.first, let result = try test(value, name, argument) { return result }
        switch (name, value) {
        case ("defined", .undefined): return false
        case ("defined", _): return true
        case ("undefined", .undefined): return true
        case ("none", .none), ("string", .text), ("mapping", .map), ("boolean", .bool), ("integer", .int),
            ("float", .double):
            return true
        case ("iterable", .list), ("iterable", .map), ("iterable", .text), ("iterable", .undefined),
            ("sequence", .list),
            ("sequence", .map), ("sequence", .text), ("sequence", .undefined):
            return true
        case ("number", .int), ("number", .double), ("number", .bool): return true
        case ("true", .bool(let flag)): return flag
        case ("false", .bool(let flag)): return !flag
        case ("odd", .int(let number)): return number % 2 != 0
        case ("even", .int(let number)): return number % 2 == 0
        case ("callable", .macro), ("callable", .caller), ("callable", .function): return true
        case ("lower", .text(let text)): return !text.scalars.contains { $0.properties.isUppercase }
        case ("upper", .text(let text)): return !text.scalars.contains { $0.properties.isLowercase }
        default:
            guard Self.testNames.contains(name) else {
                throw InferenceError(.unsupported, "the test \"\(name)\" is not supported")
            }
            return false
        }
    }

    private static let testNames: Set<String> = [
        "undefined", "none", "string", "mapping", "boolean", "integer", "float", "iterable", "sequence", "number",
        "true",
        "false", "odd", "even", "callable", "lower", "upper",
    ]

    /// Tests with an argument; `nil` where there is no such test.
    private mutating func test(_ value: Value, _ name: String, _ argument: Value) throws -> Bool? {
        switch name {
        case "eq", "equalto": return try compare(value, .equal, argument)
        case "sameas": return value.kind == argument.kind ? try compare(value, .equal, argument) : false
        case "ne": return try compare(value, .unequal, argument)
        case "lt", "lessthan": return try compare(value, .less, argument)
        case "le": return try compare(value, .lessOrEqual, argument)
        case "gt", "greaterthan": return try compare(value, .greater, argument)
        case "ge": return try compare(value, .greaterOrEqual, argument)
        case "in": return try compare(value, .isIn, argument)
        case "divisibleby":
            guard case .int(let remainder) = try Arithmetic.compute(.remainder, value, argument) else { return false }
            return remainder == 0
        default: return nil
        }
    }
}
