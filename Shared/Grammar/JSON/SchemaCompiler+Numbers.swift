/// Numbers within bounds.
extension SchemaCompiler {
    /// The narrower of an inclusive and an exclusive bound.
    private func bound(
        _ inclusive: String, _ exclusive: String, isLower: Bool, _ schema: SchemaValue, _ path: String
    ) throws(GrammarError) -> (value: Double, isInclusive: Bool)? {
        var bound: (value: Double, isInclusive: Bool)?
        for keyword in [inclusive, exclusive] {
            guard let value = schema[keyword] else { continue }
            guard let number = value.number else { throw Self.invalid(path, "\(keyword) needs a number") }
            let isInclusive = keyword == inclusive
            if let known = bound {
                let isNarrower = isLower ? number > known.value : number < known.value
                if !isNarrower && !(number == known.value && !isInclusive) { continue }
            }
            bound = (number, isInclusive)
        }
        return bound
    }

    mutating func number(_ schema: SchemaValue, isWhole: Bool, _ path: String) throws(GrammarError) -> Expression {
        let least = try bound("minimum", "exclusiveMinimum", isLower: true, schema, path)
        let most = try bound("maximum", "exclusiveMaximum", isLower: false, schema, path)
        if least == nil && most == nil { return isWhole ? try json.integer() : try json.number() }
        let beyond = 1e18
        if let least, least.value >= beyond { throw Self.unsupported("a minimum of more than 18 digits", path) }
        if let most, most.value <= -beyond { throw Self.unsupported("a maximum of more than 18 digits", path) }
        let low = least.flatMap { $0.value <= -beyond ? nil : $0 }
        let high = most.flatMap { $0.value >= beyond ? nil : $0 }
        let name = "\(isWhole) \(String(describing: low)) \(String(describing: high))"
        if let known = ranges[name] { return known }
        guard ranges.count < GrammarLimits.numberRanges else {
            throw GrammarError(.limit, "\(path): more than \(GrammarLimits.numberRanges) different bounds of numbers")
        }
        let range: Expression
        if isWhole {
            let first = low.map { Int($0.isInclusive ? $0.value.rounded(.up) : $0.value.rounded(.down) + 1) }
            let last = high.map { Int($0.isInclusive ? $0.value.rounded(.down) : $0.value.rounded(.up) - 1) }
            range = NumberRange.integers(first, last)
        } else {
            range = try decimals(low, high, path)
        }
        let rule = try json.rules.shared(isWhole ? "integer" : "number", range)
        ranges[name] = rule
        return rule
    }

    private func decimals(
        _ low: (value: Double, isInclusive: Bool)?, _ high: (value: Double, isInclusive: Bool)?, _ path: String
    ) throws(GrammarError) -> Expression {
        func amount(_ bound: (value: Double, isInclusive: Bool)) throws(GrammarError) -> DecimalBound {
            guard var amount = DecimalBound(bound.value) else {
                throw Self.unsupported("a bound with more than 18 digits on one side of the point", path)
            }
            amount.isInclusive = bound.isInclusive
            return amount
        }
        let lowest = try low.map(amount)
        let highest = try high.map(amount)
        var parts: [Expression] = []
        if high.map({ $0.value >= 0 }) ?? true {
            let from = (low.map { $0.value >= 0 } ?? false) ? lowest : nil
            parts.append(NumberRange.amounts(from ?? .zero, highest))
        }
        if low.map({ $0.value < 0 }) ?? true {
            let from = (high.map { $0.value <= 0 } ?? false) ? highest : nil
            parts.append(.sequence([.text("-"), NumberRange.amounts(from ?? .zero, lowest)]))
        }
        return .choice(parts)
    }
}
