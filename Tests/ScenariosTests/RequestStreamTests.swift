import Domain
import Scenarios
import Testing

@Suite struct RequestStreamTests {
    private func stream(_ rows: [(Double, Int, Int)]) -> RequestStream {
        RequestStream(
            name: "s",
            requests: rows.enumerated().map {
                StreamRequest(
                    id: RequestID("\($0)"), arrival: $1.0, promptTokens: $1.1, outputTokens: $1.2)
            })
    }

    @Test func statistics() {
        let rows = (0..<10).map { (Double($0), ($0 + 1) * 10, 100 - $0) }
        let statistics = stream(rows).statistics
        #expect(statistics.count == 10)
        #expect(statistics.prompt.mean == 55 && statistics.prompt.p50 == 60 && statistics.prompt.p90 == 100)
        #expect(statistics.prompt.max == 100)
        #expect(statistics.output.mean == 95.5 && statistics.output.max == 100)
        #expect(statistics.total.mean == 150.5 && statistics.total.max == 191)
        #expect(statistics.meanInterarrival == 1)
        #expect(statistics.arrivalVariation == 0)
    }

    @Test func variationOfArrivals() {
        // Gaps 0, 0, 3: mean 1, variance 2.
        #expect(stream([(0, 1, 1), (0, 1, 1), (0, 1, 1), (3, 1, 1)]).statistics.arrivalVariation == 2)
        // Nothing is known of one gap, or of requests that arrive at once.
        #expect(stream([(0, 1, 1), (2, 1, 1)]).statistics.arrivalVariation == 1)
        #expect(stream([(0, 1, 1), (0, 1, 1), (0, 1, 1)]).statistics.arrivalVariation == 1)
        let empty = stream([]).statistics
        #expect(empty.count == 0 && empty.prompt.max == 0 && empty.arrivalVariation == 1)
    }

    @Test func whatAPlannerIsTold() {
        let told = stream([(0, 10, 1), (1, 20, 3), (2, 30, 5)]).statistics(rate: 0.5)
        #expect(
            told
                == WorkloadStatistics(
                    requestsPerSecond: 0.5, meanPromptTokens: 20, meanOutputTokens: 3, arrivalVariation: 0,
                    sampleCount: 3))
    }

    @Test func scaled() {
        let quarter = stream([(0, 10, 1), (1, 22, 4), (2, 1024, 3)]).scaled(lengthsBy: 0.25)
        #expect(quarter.requests.map(\.promptTokens) == [3, 6, 256])
        #expect(quarter.requests.map(\.outputTokens) == [1, 1, 1])
        #expect(quarter.requests.map(\.arrival) == [0, 1, 2])
        for factor in [Double.nan, -1, 0] {
            #expect(stream([(0, 10, 1)]).scaled(lengthsBy: factor).requests[0].promptTokens == 1)
        }
        #expect(stream([(0, 10, 1)]).scaled(lengthsBy: 1e300).requests[0].promptTokens == WorkloadFile.tokenLimit)
    }

    @Test func limited() {
        let short = stream([(0, 3000, 1), (1, 20, 4), (2, 2047, 2), (4, 2000, 48), (7, 1, 1)])
            .limited(totalTokens: 2048)
        #expect(short.requests.map(\.id) == ["1", "3", "4"])
        #expect(short.requests.map(\.arrival) == [0, 1, 2])
        #expect(short.droppedRequests == 2)
        #expect(stream([(0, 10, 1)]).limited(totalTokens: 1).requests.isEmpty)
    }

    @Test func prefix() {
        let whole = stream([(0, 1, 1), (0.25, 2, 1), (2, 3, 1)])
        #expect(whole.prefix(2).requests == Array(whole.requests.prefix(2)))
        #expect(whole.prefix(9) == whole)
        #expect(whole.prefix(-1).requests.isEmpty)
        #expect(whole.prefix(2).atUnitRate().requests.map(\.arrival) == [0, 1])
    }
}
