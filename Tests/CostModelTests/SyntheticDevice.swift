import CostModel
import Domain

/// A small generator so that every run sees the same numbers.
struct TestRandom: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed &* 2_654_435_761 &+ 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
    mutating func between(_ low: Double, _ high: Double) -> Double { Double.random(in: low...high, using: &self) }
}

extension ModelDescription {
    /// Twelve layers, sizes like a small model's.
    static let small = ModelDescription(
        name: "small", digest: "digest", layers: 12, hidden: 576, ffn: 1536, heads: 9, kvHeads: 3, headDim: 64,
        vocabulary: 49152, maxContext: 2048, paramsPerLayer: 3_538_944, bytesPerLayer: 2_200_000,
        bytesEmbedding: 17_000_000, bytesHead: 17_000_000, bytesTotal: 60_000_000, kvBytesPerTokenPerLayer: 768,
        activationBytesPerToken: 1152)

    /// The description `llama-2-7b-q4` of the scenario files.
    static let llama2 = ModelDescription(
        name: "llama-2-7b-q4", layers: 32, hidden: 4096, ffn: 11008, heads: 32, kvHeads: 32, headDim: 128,
        vocabulary: 32000, maxContext: 4096, paramsPerLayer: 202_375_168, bytesPerLayer: 113_868_800,
        bytesEmbedding: 73_728_000, bytesHead: 107_536_384, bytesTotal: 3_825_065_984,
        kvBytesPerTokenPerLayer: 16384, activationBytesPerToken: 8192)
}

/// A device with known formulas behind its tables, with relative noise.
struct SyntheticDevice {
    var prefill = [2e-4, 3e-5, 1e-8]
    var low = [4e-4, 1e-7, 2e-6]
    var high = [1e-4, 1e-7, 8e-5]
    var knee = 4
    var head = [2e-3, 4e-4]

    func prefillSeconds(_ tokens: Double) -> Double { prefill[0] + prefill[1] * tokens + prefill[2] * tokens * tokens }
    func decodeSeconds(_ batch: Int, _ contexts: Double) -> Double {
        let use = batch <= knee ? low : high
        return use[0] + use[1] * contexts + use[2] * Double(batch)
    }

    func measurements(noise: Double, _ random: inout TestRandom, memory: Int = 1 << 30) -> DeviceMeasurements {
        func noisy(_ value: Double) -> Double { value * (1 + random.between(-noise, noise)) }
        var decode: [DecodeSample] = []
        for batch in [1, 2, 4, 8, 16] {
            for context in [32, 256, 1024] {
                let seconds = noisy(decodeSeconds(batch, Double(batch * context)))
                decode.append(DecodeSample(batch: batch, context: context, secondsPerLayer: seconds))
            }
        }
        return DeviceMeasurements(
            prefill: [16, 64, 128, 256, 512].map {
                PrefillSample(tokens: $0, secondsPerLayer: noisy(prefillSeconds(Double($0))))
            },
            decode: decode,
            head: [1, 4, 16].map { HeadSample(rows: $0, seconds: noisy(head[0] + head[1] * Double($0))) },
            memoryUsableBytes: memory)
    }
}
