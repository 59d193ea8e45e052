import Drawing
import Testing

/// Figures as people read them.
@Suite struct ReportTextTests {
    @Test(arguments: [
        (0, "0"), (1e-12, "0"), (0.08134, "0.0813"), (0.9996, "1"), (2.5, "2.5"), (2.504, "2.5"), (9.996, "10"),
        (12.04, "12"), (99.96, "100"), (999.6, "1000"), (4310.4, "4310"), (-0.5, "-0.5"), (-1234, "-1234"),
        (.infinity, "unlimited"), (-.infinity, "-unlimited"), (.nan, "unknown"),
    ])
    func numbersHaveThreeDigits(value: Double, text: String) {
        #expect(ReportText.number(value) == text)
    }

    @Test func unitsFitTheirFigures() {
        #expect(ReportText.seconds(0.0032) == "3.2 ms" && ReportText.seconds(1.25) == "1.25 s")
        #expect(ReportText.seconds(0.999_6) == "1 s" && ReportText.seconds(0.999_4) == "999 ms")
        #expect(ReportText.percent(0.004) == "0.4 %" && ReportText.percent(0.371) == "37 %")
        #expect(ReportText.percent(0.000_1) == "less than 0.1 %" && ReportText.percent(0) == "0 %")
        #expect(ReportText.bytes(500) == "0.5 kB" && ReportText.bytes(4.2e6) == "4.2 MB")
        #expect(ReportText.bytes(3e9) == "3 GB")
    }

    @Test func listsStayShort() {
        #expect(ReportText.list([]) == "none" && ReportText.list(["a"]) == "a")
        #expect(ReportText.list(["a", "b", "c"]) == "a, b and c")
        #expect(ReportText.list(["a", "b", "c", "d"], most: 3) == "a, b and 2 more")
        #expect(ReportText.counted(["pi", "nano", "pi"]) == "2 pi and 1 nano")
        #expect(ReportText.count(1, "group", "groups") == "1 group")
        #expect(ReportText.count(0, "group", "groups") == "0 groups")
        #expect(ReportText.range([3, 1, 2], ReportText.number) == "1 to 3")
        #expect(ReportText.range([1.0001, 1.0002], ReportText.number) == "1")
    }
}
