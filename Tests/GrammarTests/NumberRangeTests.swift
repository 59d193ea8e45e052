import Domain
import Grammar
import Testing

@Suite struct NumberRangeTests {
    @Test(arguments: [
        (-5, 5), (0, 0), (0, 9), (7, 7), (10, 99), (-120, -13), (98, 1003), (-1, 250), (-1000, 0), (123, 321),
    ])
    func wholeNumbersWithinBounds(least: Int, most: Int) throws {
        let grammar = try CompiledGrammar.jsonSchema(
            text: #"{"type":"integer","minimum":\#(least),"maximum":\#(most)}"#)
        let exclusive = try CompiledGrammar.jsonSchema(
            text: #"{"type":"integer","exclusiveMinimum":\#(least - 1),"exclusiveMaximum":\#(most + 1)}"#)
        for number in -1_300...1_300 {
            let isWithin = least <= number && number <= most
            #expect(accepts(grammar, "\(number)") == isWithin, "\(number)")
            #expect(accepts(exclusive, "\(number)") == isWithin, "\(number)")
        }
        #expect(!accepts(grammar, "0\(most)"))
    }

    @Test func oneBoundLeavesTheOtherSideOpen() throws {
        let least = try CompiledGrammar.jsonSchema(text: #"{"type":"integer","minimum":17}"#)
        let most = try CompiledGrammar.jsonSchema(text: #"{"type":"integer","maximum":-3.5}"#)
        for number in -200...2_000 {
            #expect(accepts(least, "\(number)") == (number >= 17), "\(number)")
            #expect(accepts(most, "\(number)") == (number <= -4), "\(number)")
        }
        #expect(accepts(least, "999999999999999999"))
        #expect(accepts(most, "-999999999999999999"))
        let all = try CompiledGrammar.jsonSchema(text: #"{"type":"integer","minimum":-1e30,"maximum":1e30}"#)
        #expect(accepts(all, "0") && accepts(all, "-999999999999999999"))
    }

    /// Bounds in hundredths, so that the test compares whole numbers.
    @Test(arguments: [
        (-150, 1_225, true), (-150, 1_225, false), (0, 100, true), (0, 100, false), (25, 75, true), (25, 75, false),
        (100, 100, true), (120, 125, true), (120, 125, false), (-300, -120, true), (-300, -120, false),
        (-100, 0, false),
        (5, 950, true), (105, 110, false), (100, 101, false),
    ])
    func numbersWithinBounds(least: Int, most: Int, isInclusive: Bool) throws {
        func text(_ hundredths: Int) -> String { "\(Double(hundredths) / 100)" }
        let words = isInclusive ? ("minimum", "maximum") : ("exclusiveMinimum", "exclusiveMaximum")
        let grammar = try CompiledGrammar.jsonSchema(
            text: #"{"type":"number","\#(words.0)":\#(text(least)),"\#(words.1)":\#(text(most))}"#)
        for number in -400...1_300 {
            let isWithin = isInclusive ? least <= number && number <= most : least < number && number < most
            let sign = number < 0 ? "-" : ""
            let amount = number.magnitude
            let digits = "\(amount % 100 / 10)\(amount % 10)"
            #expect(accepts(grammar, "\(sign)\(amount / 100).\(digits)") == isWithin, "\(number)")
            #expect(accepts(grammar, "\(sign)\(amount / 100).\(digits)00") == isWithin, "\(number)")
            if amount % 10 == 0 { #expect(accepts(grammar, "\(sign)\(amount / 100).\(amount % 100 / 10)") == isWithin) }
            if amount % 100 == 0 { #expect(accepts(grammar, "\(sign)\(amount / 100)") == isWithin, "\(number)") }
        }
        #expect(!accepts(grammar, text(most) + "1") || least < most)
        #expect(!accepts(grammar, "\(most / 100 + 1).5"))
        #expect(!accepts(grammar, "1e-1"))
    }
}
