internal import Domain
internal import Foundation

/// Draws request streams for tests and comparisons: the same stream for the same settings and seed.
public struct StreamGenerator: Sendable, Hashable {
    /// How requests arrive.
    public enum Arrivals: Sendable, Hashable {
        /// Independently of each other.
        case poisson
        /// In bursts: most times between arrivals are short and few are long (a hyperexponential distribution of two
        /// phases with balanced means). `variation` is their squared coefficient of variation, above 1.
        case bursty(variation: Double)
    }

    /// A log-normal distribution of lengths, by two figures that traces publish.
    public struct Lengths: Sendable, Hashable {
        /// Its median in tokens.
        public var median: Double
        /// Its mean in tokens, at least the median.
        public var mean: Double

        /// Makes a distribution.
        public init(median: Double, mean: Double) {
            self.median = median
            self.mean = mean
        }
    }

    /// Prompt and output lengths.
    public var prompt: Lengths
    /// Output lengths.
    public var output: Lengths
    /// How requests arrive.
    public var arrivals: Arrivals
    /// Most tokens of prompt and output together; the means of a stream stay below those of its distributions for it.
    public var totalTokenLimit: Int
    /// Decides every number.
    public var seed: UInt64

    /// Makes a generator.
    public init(prompt: Lengths, output: Lengths, arrivals: Arrivals, seed: UInt64, totalTokenLimit: Int = 2048) {
        self.prompt = prompt
        self.output = output
        self.arrivals = arrivals
        self.seed = seed
        self.totalTokenLimit = totalTokenLimit
    }

    /// Lengths as in the conversation trace of Azure (Patel et al., Splitwise, ISCA 2024), whose arrivals are nearly Poisson.
    public static func conversation(seed: UInt64, arrivals: Arrivals = .poisson) -> StreamGenerator {
        StreamGenerator(
            prompt: Lengths(median: 1020, mean: 1155), output: Lengths(median: 129, mean: 211), arrivals: arrivals,
            seed: seed)
    }

    /// Lengths as in the code trace of Azure: shorter answers, and arrivals in bursts of a coefficient of variation of 13.2.
    public static func code(seed: UInt64, arrivals: Arrivals = .bursty(variation: 13.2 * 13.2)) -> StreamGenerator {
        StreamGenerator(
            prompt: Lengths(median: 1469, mean: 2048), output: Lengths(median: 13, mean: 28), arrivals: arrivals,
            seed: seed)
    }

    /// Draws a stream of `count` requests, at a mean rate of exactly 1.
    ///
    /// - Throws: `invalidField` for a setting out of range.
    public func stream(_ count: Int, name: String = "generated") throws(ScenarioError) -> RequestStream {
        try checkSettings(count)
        // Lengths have their own numbers: they are the same for all kinds of arrivals.
        var lengths = ScenarioRandom(seed: seed)
        var times = ScenarioRandom(seed: seed ^ 0x5DEE_CE66_D1CE_4E5B)
        var now = 0.0
        var requests: [StreamRequest] = []
        requests.reserveCapacity(count)
        for index in 0..<count {
            let (promptTokens, outputTokens) = drawLengths(&lengths)
            requests.append(
                StreamRequest(
                    id: RequestID(rawValue: String(index)), arrival: now, promptTokens: promptTokens,
                    outputTokens: outputTokens))
            now += gap(&times)
        }
        return RequestStream(name: name, requests: requests).atUnitRate()
    }

    private func checkSettings(_ count: Int) throws(ScenarioError) {
        func refuse(_ what: String) -> ScenarioError {
            ScenarioError(.invalidField, in: .workload, "the generator's \(what)")
        }
        guard (1...WorkloadFile.requestLimit).contains(count) else {
            throw refuse("request count is \(count), it must be in 1...\(WorkloadFile.requestLimit)")
        }
        guard (2...WorkloadFile.tokenLimit).contains(totalTokenLimit) else {
            throw refuse("token limit is \(totalTokenLimit), it must be in 2...\(WorkloadFile.tokenLimit)")
        }
        if case .bursty(let variation) = arrivals, !(variation > 1 && variation <= 1e6) {
            throw refuse("arrival variation is \(variation), it must be above 1 and at most 1e6")
        }
        for (name, lengths) in [("prompt", prompt), ("output", output)] {
            guard lengths.median >= 1, lengths.mean >= lengths.median, lengths.mean <= 1e7 else {
                throw refuse("\(name) lengths must have 1 <= median <= mean <= 1e7")
            }
        }
    }

    /// A pair of lengths within the limit. Like the rows of a trace, pairs above it are dropped; where hardly any is below,
    /// the last is cut.
    private func drawLengths(_ random: inout ScenarioRandom) -> (prompt: Int, output: Int) {
        var pair = (prompt: 1, output: 1)
        for _ in 0..<64 {
            pair = (prompt.draw(&random), output.draw(&random))
            if pair.prompt + pair.output <= totalTokenLimit { return pair }
        }
        let output = min(pair.output, max(1, totalTokenLimit / 2))
        return (min(pair.prompt, totalTokenLimit - output), output)
    }

    /// A time between two arrivals, of mean 1.
    private func gap(_ random: inout ScenarioRandom) -> Double {
        let time = random.exponential()
        guard case .bursty(let variation) = arrivals else { return time }
        // Balanced means: the rare long gaps hold half of the time.
        let short = (1 + ((variation - 1) / (variation + 1)).squareRoot()) / 2
        let isShort = random.unit() < short
        return time / (2 * (isShort ? short : 1 - short))
    }
}

extension StreamGenerator.Lengths {
    /// A length of at least 1 token.
    fileprivate func draw(_ random: inout ScenarioRandom) -> Int {
        // Of a log-normal distribution, the median is exp(mu) and the mean exp(mu + sigma^2 / 2).
        let sigma = (2 * log(mean / median)).squareRoot()
        return Int(min(1e9, max(1, (median * exp(sigma * random.normal())).rounded())))
    }
}
