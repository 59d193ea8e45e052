/// Numbers within bounds, digit by digit, in the notation without exponents.
enum NumberRange {
    private static let largest = 999_999_999_999_999_999

    // MARK: Whole numbers

    /// Whole numbers from `least` to `most`; without one of them, up to 18 digits on that side.
    static func integers(_ least: Int?, _ most: Int?) -> Expression {
        let least = max(least ?? -largest, -largest)
        let most = min(most ?? largest, largest)
        guard least <= most else { return .never }
        var parts: [Expression] = []
        if most >= 0 { parts.append(amounts(max(least, 0), most)) }
        if least < 0 { parts.append(.sequence([.text("-"), amounts(max(-most, 1), -least)])) }
        return .choice(parts)
    }

    /// Whole numbers that are not negative.
    private static func amounts(_ least: Int, _ most: Int) -> Expression {
        guard least <= most else { return .never }
        var parts: [Expression] = []
        var smallest = 0
        var power = 10
        for _ in 1...JSONRules.digits {
            let low = max(least, smallest)
            let high = min(most, power - 1)
            if low <= high { parts.append(sameLength(digits(low), digits(high))) }
            smallest = power
            // 10^19 is only computed after the last round.
            power &*= 10
        }
        return .choice(parts)
    }

    private static func digits(_ number: Int) -> ArraySlice<UInt8> { "\(number)".utf8.map { $0 - 0x30 }[...] }

    private static func any(_ count: Int) -> [Expression] { .init(repeating: JSONRules.digit, count: count) }

    private static func digit(_ low: UInt8, _ high: UInt8) -> Expression {
        .scalars(ScalarSet([UInt32(low) + 0x30...UInt32(high) + 0x30]))
    }

    private static func sameLength(_ low: ArraySlice<UInt8>, _ high: ArraySlice<UInt8>) -> Expression {
        guard let first = low.first, let last = high.first else { return .empty }
        let rest = low.count - 1
        let isWhole = low.dropFirst().allSatisfy { $0 == 0 } && high.dropFirst().allSatisfy { $0 == 9 }
        if isWhole { return .sequence([digit(first, last)] + any(rest)) }
        if first == last { return .sequence([digit(first, first), sameLength(low.dropFirst(), high.dropFirst())]) }
        let nines = [UInt8](repeating: 9, count: rest)[...]
        let zeros = [UInt8](repeating: 0, count: rest)[...]
        var parts = [
            Expression.sequence([digit(first, first), sameLength(low.dropFirst(), nines)]),
            .sequence([digit(last, last), sameLength(zeros, high.dropFirst())]),
        ]
        if last - first > 1 { parts.append(.sequence([digit(first + 1, last - 1)] + any(rest))) }
        return .choice(parts)
    }

    // MARK: Numbers with a point

    /// Numbers that are not negative, between two bounds; up to 18 digits where there is no upper one.
    static func amounts(_ least: DecimalBound, _ most: DecimalBound?) -> Expression {
        let most = most ?? DecimalBound(whole: largest, fraction: [UInt8](repeating: 9, count: JSONRules.digits))
        if most < least { return .never }
        if least.whole == most.whole {
            return .sequence([.text("\(least.whole)"), fractions(least, most)])
        }
        return .choice([
            .sequence([.text("\(least.whole)"), fractions(least, nil)]),
            .sequence([amounts(least.whole + 1, most.whole - 1), optionalDigits]),
            .sequence([
                .text("\(most.whole)"), fractions(DecimalBound(whole: most.whole, fraction: []), most),
            ]),
        ])
    }

    private static let moreDigits = Expression.repeated(JSONRules.digit, 0, JSONRules.digits - 1)
    private static let moreZeros = Expression.repeated(.text("0"), 0, JSONRules.digits - 1)
    private static let optionalDigits = Expression.optional(
        .sequence([.text("."), JSONRules.digit, moreDigits]))
    /// Digits that are not all zeros.
    private static let positiveDigits = Expression.sequence([moreZeros, .ascii("1"..."9"), moreDigits])

    /// Point and digits, or nothing, of amounts with the whole part of both bounds; without `most`, up to the next whole.
    private static func fractions(_ least: DecimalBound, _ most: DecimalBound?) -> Expression {
        let low = least.fraction[...]
        let digits: Expression
        if let most {
            digits = between(low, least.isInclusive, most.fraction[...], most.isInclusive)
        } else {
            digits =
                low.isEmpty
                ? (least.isInclusive ? .sequence([JSONRules.digit, moreDigits]) : positiveDigits)
                : atLeast(low, least.isInclusive)
        }
        let pointed = Expression.sequence([.text("."), digits])
        let mayBeWhole =
            low.isEmpty && least.isInclusive && (most.map { !$0.fraction.isEmpty || $0.isInclusive } ?? true)
        return mayBeWhole ? .optional(pointed) : pointed
    }

    /// One digit or more that are at least `low`, which has digits.
    private static func atLeast(_ low: ArraySlice<UInt8>, _ isInclusive: Bool) -> Expression {
        guard let first = low.first else { return isInclusive ? moreDigits : positiveDigits }
        var parts = [Expression.sequence([digit(first, first), atLeast(low.dropFirst(), isInclusive)])]
        if first < 9 { parts.append(.sequence([digit(first + 1, 9), moreDigits])) }
        return .choice(parts)
    }

    /// One digit or more that are at most `high`.
    private static func atMost(_ high: ArraySlice<UInt8>, _ isInclusive: Bool) -> Expression {
        guard let first = high.first else { return isInclusive ? .sequence([.text("0"), moreZeros]) : .never }
        var parts = [Expression.sequence([digit(first, first), rest(high.dropFirst(), isInclusive)])]
        if first > 0 { parts.append(.sequence([digit(0, first - 1), moreDigits])) }
        return .choice(parts)
    }

    /// Digits, or none, that are at most `high`; the digits before them are those of the bound.
    private static func rest(_ high: ArraySlice<UInt8>, _ isInclusive: Bool) -> Expression {
        if high.isEmpty && !isInclusive { return .never }
        return .optional(atMost(high, isInclusive))
    }

    /// One digit or more between two bounds.
    private static func between(
        _ low: ArraySlice<UInt8>, _ lowIsInclusive: Bool, _ high: ArraySlice<UInt8>, _ highIsInclusive: Bool
    ) -> Expression {
        if low.isEmpty && lowIsInclusive { return atMost(high, highIsInclusive) }
        if high.isEmpty {
            return low.isEmpty && lowIsInclusive && highIsInclusive ? .sequence([.text("0"), moreZeros]) : .never
        }
        let first = low.first ?? 0
        let last = high.first ?? 0
        guard first <= last else { return .never }
        let lowRest = low.dropFirst()
        let highRest = high.dropFirst()
        let mayStop = lowRest.isEmpty && lowIsInclusive && !(low.isEmpty)
        if first == last {
            if lowRest.isEmpty && highRest.isEmpty && !low.isEmpty {
                return lowIsInclusive && highIsInclusive ? .sequence([digit(first, first), moreZeros]) : .never
            }
            let further = between(lowRest, lowIsInclusive, highRest, highIsInclusive)
            return .sequence([digit(first, first), mayStop ? .optional(further) : further])
        }
        var parts = [Expression.sequence([digit(last, last), rest(highRest, highIsInclusive)])]
        parts.append(.sequence([digit(first, first), atLeast(lowRest, lowIsInclusive)]))
        if last - first > 1 { parts.append(.sequence([digit(first + 1, last - 1), moreDigits])) }
        return .choice(parts)
    }
}
