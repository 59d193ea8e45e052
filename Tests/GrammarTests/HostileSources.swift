import Domain
import Grammar

/// Sources that try to make their compilation long: each must end with an error.
enum HostileSources {
    static let kinds = 20

    static func compile(_ number: Int) throws(GrammarError) -> CompiledGrammar {
        var random = SeededRandom(seed: UInt64(number))
        let size = 1 + random.below(4)
        switch number % kinds {
        case 0: return try .jsonSchema(text: nested(#"{"type":"array","items":"#, "{}", "}", 64 + random.below(900)))
        case 1: return try .jsonSchema(text: String(repeating: "[", count: 30_000 * size))
        case 2: return try .jsonSchema(text: doubling("allOf", levels: 12 + random.below(40)))
        case 3: return try .jsonSchema(text: doubling("anyOf", levels: 12 + random.below(40)))
        case 4: return try .jsonSchema(text: properties(600 * size, #"{"type":"string"}"#))
        case 5:
            return try .jsonSchema(
                text: #"{"type":"string","pattern":"\#(nested("(", "a", "+)+", 65 + random.below(500)))"}"#)
        case 6: return try .jsonSchema(text: #"{"type":"string","maxLength":\#(1_000_001 + random.below(1 << 40))}"#)
        case 7: return try .regex(String(repeating: #"[^\x00-\uFFFF]{1,999999}"#, count: 200 * size))
        case 8: return try .regex("(" + String(repeating: "(a?){0,\(65 + random.below(1_000))}", count: 50) + ")*")
        case 9: return try .gbnf(chain(1_500 * size) + "last ::= r0\n")
        case 10: return try .gbnf("root ::= " + String(repeating: "(", count: 65 + random.below(60_000)))
        case 11: return try .gbnf("root ::= \"a\"" + String(repeating: "*", count: 65 + random.below(60_000)))
        case 12: return try .gbnf("root ::= " + String(repeating: "[^\u{80}-\u{10FFFF}é] ", count: 4_000) + "[")
        case 13: return try .gbnf(complete(70 + random.below(100)))
        case 14:
            let name = String(repeating: "n", count: 900 * size)
            return try .jsonSchema(
                text: #"{"properties":{"\#(name)":{},"\#(name)x":{}},"additionalProperties":{"type":"string"}}"#)
        case 15:
            let pattern = String(repeating: ".", count: 4_000)
            return try .jsonSchema(text: properties(14, #"{"type":"string","pattern":"\#(pattern)"}"#))
        case 16: return try .gbnf("root ::= " + String(repeating: ".", count: 60_000))
        case 17:
            let classes = (0..<9_000).map { "[^\(Unicode.Scalar(UInt32(0x100 + $0)) ?? "a")]" }
            return try .gbnf("root ::= " + classes.joined())
        case 18:
            let schemas = (0..<14).map { property in
                let classes = (0..<600).map { "[^\(Unicode.Scalar(UInt32(0x100 + $0 + property * size)) ?? "a")]" }
                return #"{"type":"string","pattern":"\#(classes.joined())"}"#
            }
            return try .jsonSchema(text: #"{"prefixItems":[\#(schemas.joined(separator: ","))]}"#)
        default: return try .jsonSchema(text: references(300 * size))
        }
    }

    private static func nested(_ open: String, _ inner: String, _ close: String, _ count: Int) -> String {
        String(repeating: open, count: count) + inner + String(repeating: close, count: count)
    }

    /// Definitions of which each uses the next one twice, beside a keyword, so that they are merged anew each time.
    private static func doubling(_ keyword: String, levels: Int) -> String {
        let definitions = (0..<levels).map { level in
            let next = ##"{"$ref":"#/$defs/d\##(level + 1)"}"##
            return #""d\#(level)":{"type":"object","\#(keyword)":[\#(next),\#(next)]}"#
        }
        return ##"{"$ref":"#/$defs/d0","type":"object","$defs":{"##
            + definitions.joined(separator: ",") + #","d\#(levels)":{"not":{}}}}"#
    }

    private static func properties(_ count: Int, _ schema: String) -> String {
        #"{"properties":{"# + (0..<count).map { #""p\#($0)":\#(schema)"# }.joined(separator: ",") + "}}"
    }

    /// Rules of which each begins with the one before; the first begins with the last.
    private static func chain(_ count: Int) -> String {
        "root ::= r\(count - 1)\nr0 ::= r\(count - 1) | \"a\"\n"
            + (1..<count).map { "r\($0) ::= r\($0 - 1) \"b\"\n" }.joined()
    }

    /// Rules of which each begins with every one, itself included.
    private static func complete(_ count: Int) -> String {
        let names = (0..<count).map { "r\($0)" }.joined(separator: " | ")
        return "root ::= r0\n" + (0..<count).map { "r\($0) ::= \"x\" | \(names)\n" }.joined()
    }

    /// A chain of references that ends at a keyword that is not known.
    private static func references(_ count: Int) -> String {
        let definitions = (0..<count).map { ##""d\##($0)":{"items":{"$ref":"#/$defs/d\##($0 + 1)"}}"## }
        return ##"{"$ref":"#/$defs/d0","$defs":{"## + definitions.joined(separator: ",") + #","d\#(count)":{"x":1}}}"#
    }
}
