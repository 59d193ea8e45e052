import CostModel
import Domain
import Testing

@Suite struct DeviceCostTests {
    @Test func exactTablesGiveExactFits() throws {
        var random = TestRandom(1)
        let device = SyntheticDevice()
        let cost = try DeviceCost(measurements: device.measurements(noise: 0, &random), model: .small)
        let fit = try #require(cost.fit)
        for (found, wanted) in zip(fit.prefill, device.prefill) { #expect(abs(found / wanted - 1) < 1e-6) }
        for (found, wanted) in zip(fit.head, device.head) { #expect(abs(found / wanted - 1) < 1e-6) }
        let decode = try #require(fit.decode)
        #expect(decode.knee == device.knee)
        #expect(decode.relativeError < 1e-6)
        #expect(abs(decode.low.constant / device.low[0] - 1) < 1e-4)
        #expect(abs(decode.high.perSequence / device.high[2] - 1) < 1e-4)
        // Far outside of the table the fit extrapolates.
        #expect(abs(cost.prefillSeconds(layers: 3, tokens: 2000) / (3 * device.prefillSeconds(2000)) - 1) < 1e-6)
        let far = cost.decodeSeconds(layers: 2, batch: 20, contextSum: 40_000)
        #expect(abs(far / (2 * device.decodeSeconds(20, 40_000)) - 1) < 0.02)
        #expect(abs(cost.headSeconds(rows: 32) / (device.head[0] + 32 * device.head[1]) - 1) < 1e-6)
    }

    @Test func measuredPointsAreReproduced() throws {
        var random = TestRandom(2)
        let device = SyntheticDevice()
        let tables = device.measurements(noise: 0, &random)
        let cost = try DeviceCost(measurements: tables, model: .small)
        for sample in tables.prefill {
            let seconds = cost.prefillSeconds(layers: 1, tokens: sample.tokens)
            #expect(abs(seconds / sample.secondsPerLayer - 1) < 1e-9)
        }
        for sample in tables.decode {
            let seconds = cost.decodeSeconds(
                layers: 1, batch: sample.batch, contextSum: sample.batch * sample.context)
            #expect(abs(seconds / sample.secondsPerLayer - 1) < 1e-6)
        }
    }

    @Test(arguments: 0..<20)
    func noisyTablesStayAccurateBetweenPoints(seed: Int) throws {
        var random = TestRandom(UInt64(seed) + 10)
        let device = SyntheticDevice()
        let cost = try DeviceCost(measurements: device.measurements(noise: 0.05, &random), model: .small)
        for tokens in stride(from: 20, through: 1024, by: 37) {
            let wanted = device.prefillSeconds(Double(tokens))
            #expect(abs(cost.prefillSeconds(layers: 1, tokens: tokens) / wanted - 1) < 0.25)
        }
        for (batch, context) in [(1, 100), (2, 600), (4, 64), (8, 512), (12, 512), (16, 900)] {
            let wanted = device.decodeSeconds(batch, Double(batch * context))
            let found = cost.decodeSeconds(layers: 1, batch: batch, contextSum: batch * context)
            #expect(abs(found / wanted - 1) < 0.3)
        }
    }

    @Test(arguments: 0..<30)
    func outputsArePositiveAndMonotoneWhateverTheNoise(seed: Int) throws {
        var random = TestRandom(UInt64(seed) + 100)
        let noise = random.between(0, 0.9)
        let cost = try DeviceCost(
            measurements: SyntheticDevice().measurements(noise: noise, &random), model: .small)
        let tokens = [1, 2, 8, 15, 16, 17, 64, 100, 300, 512, 513, 1000, 5000]
        let prefill = tokens.map { cost.prefillSeconds(layers: 1, tokens: $0) }
        #expect(prefill.allSatisfy { $0 > 0 && $0.isFinite })
        #expect(zip(prefill, prefill.dropFirst()).allSatisfy { $0 <= $1 * (1 + 1e-12) })
        let contexts = [0, 1, 31, 32, 100, 500, 1000, 4000, 16_000, 20_000, 100_000]
        let batches = Array(1...20) + [40, 64]
        for batch in batches {
            let row = contexts.map { cost.decodeSeconds(layers: 1, batch: batch, contextSum: $0) }
            #expect(row.allSatisfy { $0 > 0 && $0.isFinite })
            #expect(zip(row, row.dropFirst()).allSatisfy { $0 <= $1 * (1 + 1e-12) }, "batch \(batch)")
        }
        for sum in contexts {
            let column = batches.map { cost.decodeSeconds(layers: 1, batch: $0, contextSum: sum) }
            #expect(zip(column, column.dropFirst()).allSatisfy { $0 <= $1 * (1 + 1e-12) }, "contexts \(sum)")
        }
        let heads = (1...40).map { cost.headSeconds(rows: $0) }
        #expect(heads.allSatisfy { $0 > 0 } && zip(heads, heads.dropFirst()).allSatisfy { $0 <= $1 * (1 + 1e-12) })
    }

    @Test func impossibleSamplesAreIgnoredAndEmptyTablesRefused() throws {
        let bad = DeviceMeasurements(
            prefill: [
                PrefillSample(tokens: 0, secondsPerLayer: 1), PrefillSample(tokens: 8, secondsPerLayer: .nan),
                PrefillSample(tokens: 8, secondsPerLayer: -1), PrefillSample(tokens: .max, secondsPerLayer: .infinity),
            ],
            decode: [DecodeSample(batch: -1, context: 0, secondsPerLayer: 1)], memoryUsableBytes: 1)
        let error = #expect(throws: CostError.self) { try DeviceCost(measurements: bad, model: .small) }
        #expect(error?.code == .noMeasurements)
        var some = bad
        some.decode.append(DecodeSample(batch: .max, context: .max, secondsPerLayer: 1e-3))
        let cost = try DeviceCost(measurements: some, model: .small)
        #expect(cost.supports(.decode) && !cost.supports(.prefill))
        #expect(cost.prefillSeconds(layers: 1, tokens: 10) == .infinity)
        #expect(cost.decodeSeconds(layers: 1, batch: 1, contextSum: 10) > 0)
    }

    @Test func oneSampleGrowsWithTokens() throws {
        let tables = DeviceMeasurements(
            prefill: [PrefillSample(tokens: 100, secondsPerLayer: 0.01)], memoryUsableBytes: 1)
        let cost = try DeviceCost(measurements: tables, model: .small)
        #expect(abs(cost.prefillSeconds(layers: 2, tokens: 300) - 0.06) < 1e-9)
    }

    @Test func earlierContextCostsOnlyTheQuadraticTerm() throws {
        var random = TestRandom(3)
        let cost = try DeviceCost(measurements: SyntheticDevice().measurements(noise: 0, &random), model: .small)
        let whole = cost.prefillSeconds(layers: 1, tokens: 512)
        let halves =
            cost.prefillSeconds(layers: 1, tokens: 256) + cost.prefillSeconds(layers: 1, tokens: 256, earlier: 256)
        // Two halves do the same arithmetic and pay the constant twice.
        #expect(abs(halves - whole - 2e-4) < 1e-8)
    }
}
