import Domain
import Testing

@Suite struct ExactFigureTests {
    private static let figures: [(Double, String)] = [
        (0, "0"), (12, "12"), (-3, "-3"), (0.1, "0.1"), (1e14, "100000000000000"), (1e20, "1e+20"), (.infinity, "inf"),
        (.nan, "nan"),
    ]

    @Test(arguments: figures)
    func wholeNumbersHaveNoFraction(value: Double, text: String) {
        #expect(ExactFigure.text(value) == text)
    }
}
