/// What can be done with values: conversion to text, comparison, access to parts.
extension Interpreter {
    /// The text of a value as Python's `str` has it.
    mutating func text(_ value: Value) throws -> Text {
        switch value {
        case .text(let text): return text
        case .undefined: return Text()
        default:
            // Numbers and constants can forge nothing; texts inside lists and mappings could.
            var isPlain = true
            if case .list = value { isPlain = false }
            if case .map = value { isPlain = false }
            return Text(try python(value), isTemplate: isPlain)
        }
    }

    /// The text of a value as Python's `repr` has it.
    mutating func representation(_ value: Value) throws -> Text {
        guard case .text(let text) = value else { return try self.text(value) }
        return Text(try python(value), isTemplate: text.isAllTemplate)
    }

    /// Python's `repr`.
    private mutating func python(_ value: Value) throws -> String {
        try charge()
        switch value {
        case .undefined: return "Undefined"
        case .none: return "None"
        case .bool(let value): return value ? "True" : "False"
        case .int(let value): return String(value)
        case .double(let value): return JSONText.number(value)
        case .text(let text):
            try charge(text.count)
            return PythonText.quoted(text.string)
        case .list(let list):
            let items = try list.items.map { try python($0) }
            let text = items.joined(separator: ", ")
            guard list.isTuple else { return "[" + text + "]" }
            return "(" + text + (items.count == 1 ? ",)" : ")")
        case .map(let map):
            let members = try map.items.map { PythonText.quoted($0.key) + ": " + (try python($0.value)) }
            return "{" + members.joined(separator: ", ") + "}"
        case .namespace: return "<Namespace>"
        case .macro(let macro): return "<Macro '\(macro.name)'>"
        case .caller: return "<Macro 'caller'>"
        case .function(let name): return "<function \(name)>"
        }
    }

    /// The items that a loop visits.
    mutating func items(of value: Value) throws -> [Value] {
        switch value {
        case .list(let list): return list.items
        case .map(let map): return map.keys.map { .text(Text($0, isTemplate: false)) }
        case .text(let text):
            try charge(text.count * 16)
            return (0..<text.count).map { .text(Text(text, $0..<$0 + 1)) }
        case .undefined: return []
        default: throw InferenceError(.template, "\(value.kind) has no items")
        }
    }

    mutating func equals(_ left: Value, _ right: Value) throws -> Bool {
        try charge()
        switch (left, right) {
        case (.text(let first), .text(let second)): return first == second
        case (.none, .none), (.undefined, .undefined): return true
        case (.list(let first), .list(let second)):
            guard first.items.count == second.items.count, first.isTuple == second.isTuple else { return false }
            for (one, other) in zip(first.items, second.items) where !(try equals(one, other)) { return false }
            return true
        case (.map(let first), .map(let second)):
            guard first.keys.count == second.keys.count else { return false }
            for (key, value) in first.items {
                guard let other = second[key], try equals(value, other) else { return false }
            }
            return true
        case (.int(let first), .int(let second)): return first == second
        default:
            guard let first = left.number, let second = right.number else { return false }
            return first == second
        }
    }

    mutating func compare(_ left: Value, _ comparison: Comparison, _ right: Value) throws -> Bool {
        switch comparison {
        case .equal: return try equals(left, right)
        case .unequal: return !(try equals(left, right))
        case .isIn: return try contains(right, left)
        case .isNotIn: return !(try contains(right, left))
        case .less: return try isOrdered(left, right)
        case .greater: return try isOrdered(right, left)
        case .lessOrEqual: return !(try isOrdered(right, left))
        case .greaterOrEqual: return !(try isOrdered(left, right))
        }
    }

    /// Whether `left < right`.
    mutating func isOrdered(_ left: Value, _ right: Value) throws -> Bool {
        if case .int(let first) = left, case .int(let second) = right { return first < second }
        if let first = left.number, let second = right.number { return first < second }
        if case .text(let first) = left, case .text(let second) = right {
            try charge(min(first.count, second.count))
            return first.scalars.lexicographicallyPrecedes(second.scalars)
        }
        throw InferenceError(.template, "\(left.kind) and \(right.kind) have no order")
    }

    private mutating func contains(_ container: Value, _ value: Value) throws -> Bool {
        switch container {
        case .text(let text):
            guard case .text(let part) = value else {
                throw InferenceError(.template, "\(value.kind) cannot be part of a string")
            }
            try charge(text.count)
            return part.count == 0 || text.find(part) != nil
        case .map(let map):
            guard case .text(let key) = value else { return false }
            return map[key.string] != nil
        case .list(let list):
            for item in list.items where try equals(item, value) { return true }
            return false
        case .undefined: return false
        default: throw InferenceError(.template, "\(container.kind) has no items")
        }
    }

    func attribute(of value: Value, _ name: String) throws -> Value {
        switch value {
        case .map(let map): return map[name] ?? .undefined(name)
        case .namespace(let namespace): return namespace.values[name] ?? .undefined(name)
        case .list(let list): return list.names.firstIndex(of: name).map { list.items[$0] } ?? .undefined(name)
        case .undefined(let missing): throw InferenceError(.template, "\(missing) is undefined, it has no \(name)")
        default: return .undefined(name)
        }
    }

    func item(of value: Value, _ index: Value) throws -> Value {
        switch (value, index) {
        case (.list(let list), .int(let index)):
            let position = index < 0 ? index + list.items.count : index
            return list.items.indices.contains(position) ? list.items[position] : .undefined("item \(index)")
        case (.text(let text), .int(let index)):
            let position = index < 0 ? index + text.count : index
            guard (0..<text.count).contains(position) else { return .undefined("item \(index)") }
            return .text(Text(text, position..<position + 1))
        case (_, .text(let name)): return try attribute(of: value, name.string)
        case (.undefined(let missing), _): throw InferenceError(.template, "\(missing) is undefined, it has no items")
        default: return .undefined("item")
        }
    }

    mutating func slice(_ value: Value, _ start: Int?, _ stop: Int?, _ step: Int?) throws -> Value {
        let step = step ?? 1
        guard step != 0, step != .min else { throw InferenceError(.template, "a slice cannot have a step of \(step)") }
        switch value {
        case .list(let list):
            return try checked(
                Self.indices(list.items.count, start, stop, step).map { list.items[$0] }, isTuple: list.isTuple)
        case .text(let text):
            if step == 1 {
                let indices = Self.indices(text.count, start, stop, step)
                return try checked(indices.first.map { Text(text, $0..<$0 + indices.count) } ?? Text())
            }
            var result = Text()
            for index in Self.indices(text.count, start, stop, step) { result.append(text, at: index) }
            return try checked(result)
        default: throw InferenceError(.template, "\(value.kind) cannot be sliced")
        }
    }

    private static func indices(_ count: Int, _ start: Int?, _ stop: Int?, _ step: Int) -> StrideTo<Int> {
        func clamped(_ bound: Int, _ low: Int, _ high: Int) -> Int {
            let bound = bound < 0 ? (bound < -count ? -1 - count : bound) + count : bound
            return min(max(bound, low), high)
        }
        if step > 0 {
            let from = clamped(start ?? 0, 0, count)
            return stride(from: from, to: max(from, clamped(stop ?? count, 0, count)), by: step)
        }
        let from = clamped(start ?? count, -1, count - 1)
        return stride(from: from, to: min(from, stop.map { clamped($0, -1, count - 1) } ?? -1), by: step)
    }
}

extension StrideTo<Int> {
    fileprivate var first: Int? { first { _ in true } }
    fileprivate var count: Int { reduce(0) { count, _ in count + 1 } }
}
