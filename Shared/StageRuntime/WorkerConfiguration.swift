public import Domain
import Foundation
public import Messaging
public import Scheduling
public import ServiceRuntime

/// The settings of a worker process.
///
/// | key | default | meaning |
/// |---|---|---|
/// | `worker.device` | host name | id of the device |
/// | `worker.model` | | GGUF file |
/// | `worker.threads` | all processors | compute threads |
/// | `worker.compute_share` | 1 | share of the threads' time that may be used |
/// | `worker.memory_limit` | 80 % of the machine | memory of the process |
/// | `worker.link_rate` | unlimited | bytes per second that leave the device |
/// | `worker.link_latency_ms` | 0 | latency of what leaves the device |
/// | `worker.host` | the machine's name | devices of one host are measured one after the other |
/// | `worker.data_bind` | any free port | data socket |
/// | `worker.data_announce` | the bound endpoint | what peers connect to |
/// | `fleet.chunk_tokens` | 256 | token budget of a step |
/// | `fleet.batching` | chunks | how prompts are computed beside sequences that decode |
/// | `fleet.largest_batch` | twice-planned | most sequences that a replica decodes together |
/// | `worker.lease_s` | 90 | seconds after which a stage frees a sequence that its first stage no longer names |
public struct WorkerConfiguration: Sendable {
    /// Which of the two workers of a device.
    public var kind: WorkerKind
    /// The device.
    public var device: DeviceID
    /// The GGUF file.
    public var modelPath: String
    /// Compute threads.
    public var threads: Int
    /// Share of the threads' time.
    public var computeShare: Double
    /// Memory that the process may use, in bytes.
    public var memoryLimitBytes: Int
    /// Emulated egress of the device.
    public var link: LinkShape?
    /// Where the data socket binds.
    public var dataBind: String
    /// What peers connect to; `nil`: the bound endpoint.
    public var dataAnnounce: String?
    /// Token budget of a step.
    public var maxBatchedTokens: Int
    /// How prompts are computed beside sequences that decode.
    public var batching: Batching
    /// Most sequences that a replica decodes together.
    public var largestBatch: DecodeLimit
    /// Seconds for which a stage that does not drive a sequence keeps it without hearing of it.
    public var leaseSeconds: Int
    /// Where it connects.
    public var addresses: Addresses
    /// The machine, for the rule that devices of one host are not measured at the same time.
    public var host: String

    /// Memory of the process that is neither weights nor KV cache: code, runtime, activations, queues.
    public static let overheadBytes = 64 << 20

    /// Bytes that may be used for weights and KV cache.
    public var memoryUsableBytes: Int { max(0, memoryLimitBytes - Self.overheadBytes) }

    /// The table of settings.
    public static let keys: [SettingKey] =
        [
            SettingKey("worker.device", "", "id of the device; default: the host name"),
            SettingKey("worker.model", "", "the GGUF file"),
            SettingKey("worker.threads", "0", "compute threads; 0: all processors"),
            SettingKey("worker.compute_share", "1", "share of the threads' time that may be used, 0.05 to 1"),
            SettingKey("worker.memory_limit", "", "memory of the process, such as 512M; default: 80 % of the machine"),
            SettingKey(
                "worker.link_rate", "", "bytes per second that leave the device, such as 100M; default: no limit"),
            SettingKey("worker.link_latency_ms", "0", "latency of what leaves the device, in milliseconds"),
            SettingKey(
                "worker.host", "",
                "the machine, devices of which are measured one after the other; default: its own name"),
            SettingKey(
                "worker.data_bind", "",
                "where the data socket binds; default: any free port, of this machine only where the scheduler is on it"
            ),
            SettingKey("worker.data_announce", "", "what peers connect to; default: the bound endpoint"),
            SettingKey(
                "worker.lease_s", "90",
                "seconds after which a stage frees a sequence that its first stage no longer names"),
        ] + EndpointSetting.keys(binding: [])

    /// Reads the settings.
    public init(kind: WorkerKind, settings: Settings) throws {
        self.kind = kind
        let hostName = ProcessInfo.processInfo.hostName
        device = DeviceID(settings.optionalString("worker.device") ?? hostName)
        guard !device.rawValue.isEmpty, device.rawValue.utf8.count <= 64,
            device.rawValue.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else {
            throw RuntimeError(.badSetting, "worker.device must be 1 to 64 printable characters without spaces")
        }
        modelPath = try settings.string("worker.model")
        let threads = try settings.int("worker.threads", in: 0...1024)
        self.threads = threads == 0 ? ProcessInfo.processInfo.activeProcessorCount : threads
        computeShare = try settings.double("worker.compute_share", in: 0.05...1)
        memoryLimitBytes =
            settings.optionalString("worker.memory_limit") == nil
            ? ProcessFacts.physicalMemoryBytes() / 5 * 4 : try settings.bytes("worker.memory_limit")
        let latency = try settings.double("worker.link_latency_ms", in: 0...60_000)
        let rate = settings.optionalString("worker.link_rate") == nil ? 0 : try settings.bytes("worker.link_rate")
        link =
            rate > 0 || latency > 0
            ? LinkShape(bytesPerSecond: Double(rate), latency: .seconds(latency / 1000)) : nil
        dataAnnounce = settings.optionalString("worker.data_announce")
        maxBatchedTokens = try settings.chunkTokens()
        batching = try settings.batching()
        largestBatch = try settings.largestBatch(names: DecodeLimit.names) { DecodeLimit($0) }
        leaseSeconds = try settings.int("worker.lease_s", in: 1...3600)
        addresses = try Addresses(settings)
        dataBind =
            settings.optionalString("worker.data_bind")
            ?? (Reach.leavesMachine(addresses[.control]) ? "tcp://[::]:*" : "tcp://127.0.0.1:*")
        try addresses.check(dataBind, "worker.data_bind")
        host = settings.optionalString("worker.host") ?? ProcessFacts.hostName()
    }

    /// How devices are measured; counts up where it changes, so that what was kept is measured again.
    private static let method = 2

    /// Names everything that a measurement depends on besides the model.
    public func fingerprint(processor: String) -> String {
        "\(processor)|threads=\(threads)|share=\(computeShare)|memory=\(memoryLimitBytes >> 20)M|method=\(Self.method)"
            + (link.map { "|link=\(Int($0.bytesPerSecond.isFinite ? $0.bytesPerSecond : 0))/\($0.latency)" } ?? "")
    }
}
