import Testing

@testable import Gateway

struct JSONTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

    @Test(arguments: [
        (#"{"a":[1,-2.5,true,null,"x"]}"#, #"{"a":[1,-2.5,true,null,"x"]}"#),
        (#" "\u00e9\ud83d\ude00\n" "#, #""é😀\n""#), ("1e3", "1000.0"), ("0", "0"), ("[]", "[]"), ("{}", "{}"),
        ("18446744073709551615", "18446744073709551615"), (#""\u001f\u007f""#, #""\u001f\u007f""#), ("1e308", "1e+308"),
    ])
    func roundTrip(text: String, expected: String) throws {
        #expect(String(decoding: try parse(text).serialized(), as: UTF8.self) == expected)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "nul", "01", "1.", "-", "+1", "NaN", "Infinity", "1e999", "\"",
        "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\u0000\"", "\"\\u12g4\"", "\"a\nb\"", "1 2",
        "{\"a\":1,\"a\":2}",
        "{1:2}", "[", "]", "\u{feff}{}",
    ])
    func refuses(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test func refusesHostileDepthAndBadText() {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        #expect(throws: JSONError.self) { try parse(deep) }
        let allowed = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try parse(allowed) }
        #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0xff, 0x22]) }
    }

    @Test(
        arguments: [
            ([0x22, 0xff, 0x22], 1), ([0xc3], 0), ([0x7b, 0x22, 0xc3, 0xa9, 0x22, 0x3a, 0x22, 0xe2, 0x82, 0x22], 7),
            ([0x20, 0x20, 0x80], 2),
            ([0x22, 0xed, 0xa0, 0x80, 0x22], 1),
        ] as [([UInt8], Int)])
    func invalidBytesAreNamedByTheirPlace(bytes: [UInt8], offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSONParser.parse(bytes) }
        #expect(error == JSONError(message: "the text is not UTF-8", offset: offset))
    }

    @Test func wholeNumbers() throws {
        #expect(try parse("5.0").whole == 5)
        #expect(try parse("5.5").whole == nil)
        #expect(try parse("18446744073709551616").whole == nil)
        #expect(try parse("18446744073709551615") == .unsigned(.max))
        #expect(try parse("18446744073709551615").whole == nil && parse("18446744073709551615").isWhole)
        #expect(try parse("9223372036854775807").whole == Int.max)
        #expect(try parse("1e300").whole == nil)
    }
}
