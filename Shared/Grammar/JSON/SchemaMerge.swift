/// Makes one schema of two that both hold, where that needs no more than putting their keywords together.
enum SchemaMerge {
    static func merge(
        _ first: SchemaValue, _ second: SchemaValue, _ path: String
    ) throws(GrammarError) -> SchemaValue {
        switch (first, second) {
        case (.bool(false), _), (_, .bool(false)): return .bool(false)
        case (.bool(true), let other), (let other, .bool(true)): return other
        case (.object(let left), .object(let right)):
            if left.isEmpty { return second }
            if right.isEmpty { return first }
            return try merge(left, right, path)
        default: throw SchemaCompiler.invalid(path, "a schema is an object or a boolean")
        }
    }

    private static func merge(
        _ left: [SchemaValue.Member], _ right: [SchemaValue.Member], _ path: String
    ) throws(GrammarError) -> SchemaValue {
        let isOpen = [left, right].map { members in
            members.contains { $0.key == "properties" } && !members.contains { $0.key == "additionalProperties" }
        }
        for (members, others, isOpen) in [(left, right, isOpen[1]), (right, left, isOpen[0])] where isOpen {
            // The other's properties would be additional ones here.
            let own = members.first { $0.key == "additionalProperties" }
            let theirs = others.contains { $0.key == "properties" }
            if theirs, let own, own.value != .bool(true) {
                throw SchemaCompiler.unsupported("additionalProperties in allOf with properties of another part", path)
            }
        }
        var result = left
        for member in right {
            guard let index = result.firstIndex(where: { $0.key == member.key }) else {
                result.append(member)
                continue
            }
            if result[index].value == member.value { continue }
            switch (member.key, result[index].value, member.value) {
            case ("properties", .object(let ours), .object(let theirs)):
                for property in theirs {
                    if let same = ours.first(where: { $0.key == property.key }), same.value != property.value {
                        throw SchemaCompiler.unsupported("allOf with two schemas for \(property.key)", path)
                    }
                }
                let added = theirs.filter { property in !ours.contains { $0.key == property.key } }
                result[index].value = .object(ours + added)
            case ("required", .array(let ours), .array(let theirs)):
                result[index].value = .array(ours + theirs.filter { !ours.contains($0) })
            default: throw SchemaCompiler.unsupported("allOf with two values for \(member.key)", path)
            }
        }
        return .object(result)
    }
}
