import Testing

@testable import CommandLineTool

/// JSON whose figures are replaced one by one.
@Suite struct WireValueTests {
    private static let value: WireValue = [
        "name": "a \"b\"", "count": -3, "share": 0.5, "isThere": true,
        "stages": [["layers": ["start": 0, "end": 8]], ["layers": []]], "empty": [:],
    ]

    @Test func isWrittenInOrder() {
        let json =
            #"{"name":"a \"b\"","count":-3,"share":0.5,"isThere":true,"#
            + #""stages":[{"layers":{"start":0,"end":8}},{"layers":[]}],"empty":{}}"#
        #expect(Self.value.json == json)
    }

    @Test func figuresAreNumbersOnly() {
        #expect(
            Self.value.figures == [
                ["count"], ["share"], ["stages", "0", "layers", "start"], ["stages", "0", "layers", "end"],
            ])
    }

    @Test func oneFigureIsReplaced() {
        let value: WireValue = ["a": 1, "b": [2, 3]]
        #expect(value.setting(["a"], to: .figure("1e308")).json == #"{"a":1e308,"b":[2,3]}"#)
        #expect(value.setting(["b", "1"], to: "7").json == #"{"a":1,"b":[2,"7"]}"#)
        #expect(value.setting(["b", "0"], to: nil).json == #"{"a":1,"b":[3]}"#)
        #expect(value.setting(["a"], to: nil).json == #"{"b":[2,3]}"#)
        #expect(value.setting(["nowhere"], to: 5).json == value.json)
    }
}
