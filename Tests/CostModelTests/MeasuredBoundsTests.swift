import CostModel
import Domain
import Testing

@Suite("Bounds of measured figures")
struct MeasuredBoundsTests {
    private static let sound = DeviceMeasurements(
        prefill: [
            PrefillSample(tokens: 1, secondsPerLayer: 1e-6), PrefillSample(tokens: 1 << 24, secondsPerLayer: 1e6),
        ],
        decode: [DecodeSample(batch: 1, context: 0, secondsPerLayer: 1e-3)],
        head: [HeadSample(rows: 1, seconds: 1e-3)], memoryUsableBytes: 0)

    private static let faults: [(String, @Sendable (inout DeviceMeasurements) -> Void)] = [
        ("memory_usable_bytes is -1, which is out of range", { $0.memoryUsableBytes = -1 }),
        ("memory_usable_bytes is 1125899906842625, which is out of range", { $0.memoryUsableBytes = (1 << 50) + 1 }),
        ("prefill[1].tokens is 16777217, which is out of range", { $0.prefill[1].tokens += 1 }),
        ("prefill[0].seconds_per_layer is 0.0, which is out of range", { $0.prefill[0].secondsPerLayer = 0 }),
        ("prefill[1].seconds_per_layer is nan, which is out of range", { $0.prefill[1].secondsPerLayer = .nan }),
        ("decode[0].batch is 0, which is out of range", { $0.decode[0].batch = 0 }),
        ("decode[0].context is -1, which is out of range", { $0.decode[0].context = -1 }),
        ("decode[0].seconds_per_layer is inf, which is out of range", { $0.decode[0].secondsPerLayer = .infinity }),
        ("head[0].rows is 0, which is out of range", { $0.head[0].rows = 0 }),
        ("head[0].seconds is 1000001.0, which is out of range", { $0.head[0].seconds = 1_000_001 }),
        ("head: 4097 samples are more than 4096", { $0.head = Array(repeating: $0.head[0], count: 4097) }),
    ]

    @Test func soundTablesAreTaken() {
        #expect(Self.sound.problem == nil)
        #expect(DeviceMeasurements(prefill: [], decode: [], memoryUsableBytes: 1 << 50).problem == nil)
    }

    @Test(arguments: faults.indices)
    func faultsAreNamed(_ index: Int) {
        let (text, change) = Self.faults[index]
        var tables = Self.sound
        change(&tables)
        #expect(tables.problem == text)
    }

    @Test func links() {
        func problem(_ latency: Double, _ rate: Double) -> String? {
            LinkProfile(from: "a", to: "b", latencySeconds: latency, bytesPerSecond: rate).problem
        }
        #expect(problem(0, 1) == nil && problem(1e6, 1e15) == nil)
        #expect(problem(-1, 1) == "latency_s is -1.0, which is out of range")
        #expect(problem(.nan, 1) == "latency_s is nan, which is out of range")
        #expect(problem(0, 0) == "bytes_per_s is 0.0, which is out of range")
        #expect(problem(0, .infinity) == "bytes_per_s is inf, which is out of range")
    }
}
