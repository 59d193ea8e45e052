/// Runs the statements of a template, with limits on steps, depth and sizes.
struct Interpreter {
    /// What stopped a list of statements before its end.
    enum Flow { case normal, breakLoop, continueLoop }

    private var scopes: [[String: Value]]
    private var output = Text()
    private var steps = 0
    private var depth = 0
    /// The time for `strftime_now`, in seconds since 1970.
    let unixTime: Int

    init(variables: [String: Value], unixTime: Int) {
        scopes = [variables]
        self.unixTime = unixTime
    }

    mutating func render(_ statements: [Statement]) throws -> Text {
        _ = try run(statements)
        return output
    }

    // MARK: Limits

    /// Counts a step, and the copying of characters or items.
    mutating func charge(_ copied: Int = 0) throws {
        steps += 1 + copied / 16
        guard steps <= TemplateLimits.steps else {
            throw InferenceError(.template, "the template takes too many steps")
        }
    }

    mutating func nested<Result>(_ body: (inout Self) throws -> Result) throws -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateLimits.evaluationDepth else {
            throw InferenceError(.template, "the template calls itself too deep")
        }
        try charge()
        return try body(&self)
    }

    mutating func checked(_ text: Text) throws -> Value {
        guard text.count <= TemplateLimits.textLength else {
            throw InferenceError(.template, "a string becomes too long")
        }
        try charge(text.count)
        return .text(text)
    }

    mutating func checked(_ items: [Value], isTuple: Bool = false) throws -> Value {
        guard items.count <= TemplateLimits.listLength else {
            throw InferenceError(.template, "a list becomes too long")
        }
        try charge(items.count)
        return .list(try List(items, isTuple: isTuple))
    }

    // MARK: Variables

    func variable(_ name: String) -> Value {
        for scope in scopes.reversed() {
            if let value = scope[name] { return value }
        }
        return TemplateFunctions.names.contains(name) ? .function(name) : .undefined(name)
    }

    private mutating func set(_ name: String, _ value: Value) { scopes[scopes.count - 1][name] = value }

    private mutating func set(_ names: [String], _ value: Value) throws {
        guard names.count > 1 else { return set(names[0], value) }
        guard case .list(let list) = value, list.items.count == names.count else {
            throw InferenceError(.template, "\(value.kind) cannot be taken apart into \(names.joined(separator: ", "))")
        }
        for (name, item) in zip(names, list.items) { set(name, item) }
    }

    // MARK: Statements

    private mutating func run(_ statements: [Statement]) throws -> Flow {
        try nested { interpreter in
            for statement in statements {
                try interpreter.charge()
                let flow = try interpreter.run(statement)
                if case .normal = flow { continue }
                return flow
            }
            return .normal
        }
    }

    private mutating func run(_ statement: Statement) throws -> Flow {
        switch statement {
        case .text(let text): try emit(Text(text, isTemplate: true))
        case .output(let expression): try emit(try text(try evaluate(expression)))
        case .branches(let branches): return try run(branches)
        case .loop(let loop): return try run(loop)
        case .assign(let names, let expression): try set(names, try evaluate(expression))
        case .assignAttribute(let name, let attribute, let expression):
            guard case .namespace(let namespace) = variable(name) else {
                throw InferenceError(.template, "\(name).\(attribute): only a namespace can be assigned to")
            }
            let value = try evaluate(expression)
            guard value.depth < TemplateLimits.valueDepth else {
                throw InferenceError(.template, "values are nested too deep")
            }
            namespace.values[attribute] = value
        case .capture(let name, let filters, let body): set(name, try filtered(body, filters))
        case .macro(let macro): set(macro.name, .macro(macro))
        case .filtered(let filters, let body): try emit(try text(try filtered(body, filters)))
        case .call(let callee, let arguments, let body): try emit(try text(try call(callee, arguments, body)))
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .normal
    }

    private mutating func emit(_ text: Text) throws {
        guard output.count + text.count <= TemplateLimits.textLength else {
            throw InferenceError(.template, "the output becomes too long")
        }
        try charge(text.count)
        output.append(text)
    }

    /// What a body writes, in a scope of its own.
    private mutating func captured(_ body: [Statement]) throws -> Text {
        let outer = output
        output = Text()
        scopes.append([:])
        defer {
            output = outer
            scopes.removeLast()
        }
        _ = try run(body)
        return output
    }

    private mutating func filtered(_ body: [Statement], _ filters: [Statement.Filter]) throws -> Value {
        var value = Value.text(try captured(body))
        for filter in filters { value = try self.filter(value, filter.name, try evaluate(filter.arguments)) }
        return value
    }

    private mutating func run(_ branches: [(condition: Expression?, body: [Statement])]) throws -> Flow {
        for branch in branches {
            if let condition = branch.condition, !(try evaluate(condition).isTrue) { continue }
            return try run(branch.body)
        }
        return .normal
    }

    private mutating func run(_ loop: Statement.Loop) throws -> Flow {
        var items = try self.items(of: try evaluate(loop.items))
        scopes.append([:])
        defer { scopes.removeLast() }
        if let condition = loop.condition {
            items = try items.filter { item in
                try set(loop.targets, item)
                return try evaluate(condition).isTrue
            }
        }
        guard !items.isEmpty else { return try run(loop.otherwise) }
        var lastAsked: [Value]?
        for (index, item) in items.enumerated() {
            let variable = loopVariable(items, index, lastAsked)
            scopes[scopes.count - 1] = ["loop": .namespace(variable)]
            try set(loop.targets, item)
            if case .breakLoop = try run(loop.body) { break }
            lastAsked = variable.lastAsked
        }
        return .normal
    }

    private func loopVariable(_ items: [Value], _ index: Int, _ lastAsked: [Value]?) -> Namespace {
        let count = items.count
        return Namespace(
            [
                "index": .int(index + 1), "index0": .int(index), "first": .bool(index == 0),
                "last": .bool(index + 1 == count), "length": .int(count), "revindex": .int(count - index),
                "revindex0": .int(count - index - 1), "depth": .int(1), "depth0": .int(0),
                "previtem": index > 0 ? items[index - 1] : .undefined("previtem"),
                "nextitem": index + 1 < count ? items[index + 1] : .undefined("nextitem"),
            ], isLoop: true, lastAsked: lastAsked)
    }

    /// Calls a macro that can call a body back.
    private mutating func call(_ callee: Expression, _ arguments: Arguments, _ body: Macro) throws -> Value {
        guard case .macro(let macro) = try evaluate(callee) else {
            throw InferenceError(.template, "only macros can be called with a body")
        }
        var values = try evaluate(arguments)
        values.named["caller"] = .caller(Caller(body, scopes: scopes))
        return try call(macro, values)
    }

    /// Runs a macro in a scope of its own over the template's variables.
    ///
    /// - Parameter outer: the variables that its body sees; by default those of the template.
    mutating func call(
        _ macro: Macro, _ arguments: CallArguments, in outer: [[String: Value]]? = nil
    ) throws -> Value {
        guard arguments.positional.count <= macro.parameters.count || macro.takesMorePositional else {
            throw InferenceError(.template, "\(macro.name) takes \(macro.parameters.count) arguments")
        }
        var scope: [String: Value] = [:]
        if let caller = arguments.named["caller"] { scope["caller"] = caller }
        for (index, parameter) in macro.parameters.enumerated() {
            if index < arguments.positional.count {
                scope[parameter.name] = arguments.positional[index]
            } else if let value = arguments.named[parameter.name] {
                scope[parameter.name] = value
            } else {
                scope[parameter.name] = try parameter.standard.map { try evaluate($0) } ?? .undefined(parameter.name)
            }
        }
        if macro.takesMorePositional {
            let more = Array(arguments.positional.dropFirst(macro.parameters.count))
            scope["varargs"] = .list(try List(more, isTuple: true))
        }
        if macro.takesMoreNamed {
            let known = Set(macro.parameters.map(\.name) + ["caller"])
            scope["kwargs"] = .map(try Map(arguments.orderedNames.filter { !known.contains($0.0) }))
        }
        let caller = scopes
        scopes = (outer ?? [scopes[0]]) + [scope]
        defer { scopes = caller }
        return .text(try captured(macro.body))
    }
}
