import Domain
import Scenarios
import Testing

@Suite struct StreamGeneratorTests {
    @Test func everySeedGivesAValidStream() throws {
        for seed in 0..<UInt64(200) {
            let generator = seed % 2 == 0 ? StreamGenerator.conversation(seed: seed) : .code(seed: seed)
            let stream = try generator.stream(100, name: "w")
            #expect(stream.requests.count == 100)
            #expect(try generator.stream(100, name: "w") == stream)
            #expect(try WorkloadFile.read(WorkloadFile.write(stream), name: "w") == stream)
            #expect(stream.statistics.total.max <= 2048)
            #expect(abs(stream.statistics.meanInterarrival - 1) < 1e-9)
        }
    }

    @Test func conversation() throws {
        let statistics = try StreamGenerator.conversation(seed: 1).stream(50_000).statistics
        #expect((0.95...1.05).contains(statistics.arrivalVariation))
        // Below the distribution's 1020 and 129, because long requests are left out.
        #expect((800...1020).contains(statistics.prompt.p50))
        #expect((100...129).contains(statistics.output.p50))
        #expect(statistics.output.mean > Double(statistics.output.p50))
    }

    @Test func untruncatedLengthsHaveTheMeansOfTheTraces() throws {
        var generator = StreamGenerator.conversation(seed: 2)
        generator.totalTokenLimit = WorkloadFile.tokenLimit
        let conversation = try generator.stream(50_000).statistics
        #expect(abs(conversation.prompt.mean / 1155 - 1) < 0.02)
        #expect(abs(Double(conversation.prompt.p50) / 1020 - 1) < 0.02)
        #expect(abs(conversation.output.mean / 211 - 1) < 0.03)
        #expect(abs(Double(conversation.output.p50) / 129 - 1) < 0.03)
        generator = .code(seed: 2)
        generator.totalTokenLimit = WorkloadFile.tokenLimit
        let code = try generator.stream(50_000).statistics
        #expect(abs(code.prompt.mean / 2048 - 1) < 0.02)
        #expect(abs(Double(code.prompt.p50) / 1469 - 1) < 0.02)
        #expect(abs(code.output.mean / 28 - 1) < 0.04)
        #expect(abs(Double(code.output.p50) / 13 - 1) < 0.08)
    }

    @Test func bursts() throws {
        let bursty = StreamGenerator.conversation(seed: 4, arrivals: .bursty(variation: 9))
        let statistics = try bursty.stream(100_000).statistics
        #expect((8...10).contains(statistics.arrivalVariation))
        // The kind of arrivals does not change the lengths.
        let poisson = try StreamGenerator.conversation(seed: 4).stream(50)
        #expect(try bursty.stream(50).requests.map(\.promptTokens) == poisson.requests.map(\.promptTokens))
        #expect(try StreamGenerator.code(seed: 4).stream(50_000).statistics.arrivalVariation > 100)
    }

    @Test func settings() throws {
        let generator = StreamGenerator.conversation(seed: 1)
        refused(.invalidField, "request count is 0") { _ = try generator.stream(0) }
        #expect(try generator.stream(1).requests.map(\.arrival) == [0])
        refused(.invalidField, "arrival variation is 1.0") {
            _ = try StreamGenerator.code(seed: 1, arrivals: .bursty(variation: 1)).stream(5)
        }
        var other = generator
        other.totalTokenLimit = 1
        refused(.invalidField, "token limit is 1") { _ = try other.stream(5) }
        // Hardly any pair is within the limit: the last is cut.
        other.totalTokenLimit = 8
        #expect(try other.stream(50).requests.allSatisfy { $0.totalTokens <= 8 && $0.promptTokens >= 1 })
        other = generator
        other.output.median = 500
        refused(.invalidField, "output lengths must have 1 <= median <= mean") { _ = try other.stream(5) }
    }
}
