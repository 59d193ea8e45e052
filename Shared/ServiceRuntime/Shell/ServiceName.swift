/// The kinds of processes that a fleet consists of, by the names of their executables.
public enum ServiceName: String, CaseIterable, Sendable {
    case profiler, partitioner, clusterer, scheduler, gateway
    case prefillWorker = "prefill-worker"
    case decoderWorker = "decoder-worker"

    /// Those of which a fleet has one.
    public static let central: [ServiceName] = [.profiler, .partitioner, .clusterer, .scheduler, .gateway]

    /// As names of metrics have it.
    var metricName: String { rawValue.replacing("-", with: "_") }
}
