import Testing

@testable import Experiments

@Suite struct AveragesTests {
    @Test func geometricMean() throws {
        #expect(Averages.geometricMean([]) == nil)
        #expect(abs(try #require(Averages.geometricMean([1, 4])) - 2) < 1e-12)
        #expect(Averages.geometricMean([3, 0]) == 0)
    }

    @Test func median() {
        #expect(Averages.median([]) == nil)
        #expect(Averages.median([3, 1, 2]) == 2)
        #expect(Averages.median([4, 1, 2, 3]) == 2.5)
    }

    @Test func share() {
        #expect(Averages.share([]) { $0 > 0 } == nil)
        #expect(Averages.share([1, 2, 3, 4]) { $0 > 3 } == 0.25)
    }
}
