import Domain
import Inference
import Testing

@Suite struct SamplerTests {
    private let logits: [Float] = [0.5, 2.0, -1.0, 2.0, 1.0, 0.0]

    private func draw(
        _ logits: [Float], _ parameters: SamplingParameters, position: Int = 0, history: TokenHistory = TokenHistory()
    ) throws -> Int32 {
        var sampler = Sampler()
        return try sampler.sample(logits: logits.span, parameters: parameters, history: history, position: position)
            .token
    }

    private func counts(_ logits: [Float], _ parameters: SamplingParameters, draws: Int = 6_000) throws -> [Double] {
        var sampler = Sampler()
        var counts = [Double](repeating: 0, count: logits.count)
        for position in 0..<draws {
            let token = try sampler.sample(
                logits: logits.span, parameters: parameters, history: TokenHistory(), position: position
            ).token
            counts[Int(token)] += 1 / Double(draws)
        }
        return counts
    }

    private func softmax(_ logits: [Float], temperature: Double = 1) -> [Double] {
        let weights = logits.map { Double($0) / temperature }.map { $0.exponential }
        let total = weights.reduce(0, +)
        return weights.map { $0 / total }
    }

    @Test func greedyTakesTheLowestOfEqualMaxima() throws {
        #expect(try draw(logits, SamplingParameters(temperature: 0)) == 1)
        #expect(try draw(logits, SamplingParameters(temperature: 1, topK: 1)) == 1)
        #expect(try draw([.nan, -.infinity, 3, .nan], SamplingParameters(temperature: 0)) == 2)
    }

    @Test(
        arguments: [[], [.nan, .nan], [-.infinity, .nan], [-.infinity, -.infinity], [0, .infinity, 1]] as [[Float]])
    func nothingIsChosenByNoNumbers(logits: [Float]) throws {
        for parameters in [
            SamplingParameters(temperature: 0), SamplingParameters(temperature: 1), SamplingParameters(topK: 1),
            SamplingParameters(topK: 2, topP: 0.5), SamplingParameters(temperature: 0, presencePenalty: 1),
        ] {
            #expect {
                try draw(logits, parameters, position: 7, history: TokenHistory(output: [0]))
            } throws: { error in
                let error = error as? InferenceError
                return error?.code == .notFinite && error?.message.contains("position 7") == true
            }
        }
    }

    @Test func biasesAreAddedFirst() throws {
        var parameters = SamplingParameters(temperature: 0, logitBias: [LogitBias(token: 5, bias: 2.5)])
        #expect(try draw(logits, parameters) == 5)
        parameters.logitBias = [LogitBias(token: 1, bias: LogitBias.never), LogitBias(token: 3, bias: LogitBias.never)]
        #expect(try draw(logits, parameters) == 4)
        for position in 0..<500 {
            parameters.temperature = 2
            let token = try draw(logits, parameters, position: position)
            #expect(token != 1 && token != 3)
        }
        // Tokens that there are not change nothing.
        parameters = SamplingParameters(temperature: 0, logitBias: [LogitBias(token: 600, bias: 100)])
        #expect(try draw(logits, parameters) == 1)
    }

    @Test func scoresAreOfTheModelItself() throws {
        var sampler = Sampler()
        let expected = softmax(logits)
        for token in logits.indices {
            let score = sampler.score(Int32(token), top: 2, logits: logits.span)
            #expect(abs(Double(score.logProbability).exponential - expected[token]) < 1e-6)
            #expect(score.top.map(\.token) == [1, 3])
            #expect(score.top.allSatisfy { abs(Double($0.logProbability).exponential - expected[1]) < 1e-6 })
        }
        #expect(sampler.score(0, top: 0, logits: logits.span).top.isEmpty)
        for token: Int32 in [-1, 6] {
            #expect(sampler.score(token, top: 1, logits: logits.span).logProbability == -.infinity)
        }
    }

    @Test func tokensWithoutANumberAreNeverDrawn() throws {
        let damaged: [Float] = [.nan, 1, -.infinity, 1]
        for position in 0..<200 {
            let token = try draw(damaged, SamplingParameters(temperature: 1, seed: 3), position: position)
            #expect(token == 1 || token == 3)
        }
    }

    @Test func frequenciesFollowTheDistribution() throws {
        for temperature in [0.5, 1, 2.0] {
            let measured = try counts(logits, SamplingParameters(temperature: temperature, seed: 7))
            for (left, right) in zip(measured, softmax(logits, temperature: temperature)) {
                #expect(abs(left - right) < 0.025)
            }
        }
    }

    @Test func topKKeepsTheBest() throws {
        let measured = try counts(logits, SamplingParameters(temperature: 2, topK: 3, seed: 1))
        #expect(measured.enumerated().filter { $1 > 0 }.map(\.offset) == [1, 3, 4])
        #expect(try counts(logits, SamplingParameters(topK: 1000)).allSatisfy { $0 > 0 })
    }

    @Test func topPKeepsTheShortestPrefix() throws {
        // Probabilities: two of about 0.35 each, then 0.13: 0.5 needs both, 0.3 only the first.
        let half = try counts(logits, SamplingParameters(topP: 0.5))
        #expect(half.enumerated().filter { $1 > 0 }.map(\.offset) == [1, 3])
        for mass in [0.3, 0] {
            let first = try counts(logits, SamplingParameters(topP: mass), draws: 100)
            #expect(first.enumerated().filter { $1 > 0 }.map(\.offset) == [1])
        }
    }

    @Test func topPReachesFarIntoAFlatDistribution() throws {
        let flat = [Float](repeating: 0, count: 200)
        let measured = try counts(flat, SamplingParameters(topP: 0.7, seed: 3), draws: 2000)
        #expect(measured[..<140].filter { $0 > 0 }.count > 135)
        #expect(measured[141...].allSatisfy { $0 == 0 })
    }

    @Test func minPIsRelativeToTheBest() throws {
        let measured = try counts(logits, SamplingParameters(minP: 0.3))
        #expect(measured.enumerated().filter { $1 > 0 }.map(\.offset) == [1, 3, 4])
    }

    @Test func drawsDependOnSeedAndPositionOnly() throws {
        let flat = [Float](repeating: 0, count: 1 << 12)
        let first = try (0..<50).map { try draw(flat, SamplingParameters(seed: 1), position: $0) }
        #expect(try first == (0..<50).map { try draw(flat, SamplingParameters(seed: 1), position: $0) })
        #expect(try first != (0..<50).map { try draw(flat, SamplingParameters(seed: 2), position: $0) })
        #expect(Set(first).count > 40)
        // Filters that keep everything draw from the same distribution as no filter.
        #expect(CounterRandom.uniform(seed: 5, counter: 9) != CounterRandom.uniform(seed: 5, counter: 10))
    }

    /// Written down once: another implementation, or a later version, must draw the same numbers.
    @Test func randomNumbersNeverChange() {
        #expect(CounterRandom.bits(seed: 0, counter: 0) == 0xE220_A839_7B1D_CDAF)
        #expect(CounterRandom.bits(seed: 1, counter: 0) == 0xBFEF_8030_DDC2_D772)
        #expect(CounterRandom.bits(seed: 1, counter: 1) == 0x5F55_2CE4_82F2_AA47)
    }

    @Test func penaltiesLowerSeenTokens() throws {
        let history = TokenHistory(prompt: [1], output: [3, 3])
        #expect(try draw(logits, SamplingParameters(temperature: 0, frequencyPenalty: 0.6), history: history) == 1)
        #expect(try draw(logits, SamplingParameters(temperature: 0, repetitionPenalty: 3), history: history) == 4)
        // Presence and frequency ignore the prompt.
        #expect(try draw([0, 2, 0, 1], SamplingParameters(temperature: 0, presencePenalty: 9), history: history) == 1)
        let negative = try draw(
            [-1, -1.5], SamplingParameters(temperature: 0, repetitionPenalty: 2), history: TokenHistory(prompt: [0]))
        #expect(negative == 1)
    }

    @Test func logProbabilitiesIgnoreTemperatureAndPenalties() throws {
        var sampler = Sampler()
        let result = try sampler.sample(
            logits: logits.span, parameters: SamplingParameters(temperature: 0, presencePenalty: 5),
            history: TokenHistory(output: [1]), position: 0, topLogProbabilities: 3)
        #expect(result.token == 3)
        #expect(result.top.map(\.token) == [1, 3, 4])
        let expected = softmax(logits)
        let value = try #require(result.logProbability)
        #expect(abs(Double(value).exponential - expected[3]) < 1e-5)
        for pair in result.top {
            #expect(abs(Double(pair.logProbability).exponential - expected[Int(pair.token)]) < 1e-5)
        }
    }
}

extension Double {
    /// The exponential function by its series, independent of the code under test.
    fileprivate var exponential: Double {
        let reduced = self / 1024
        var term = 1.0
        var sum = 1.0
        for index in 1...12 {
            term *= reduced / Double(index)
            sum += term
        }
        for _ in 0..<10 { sum *= sum }
        return sum
    }
}
