import Domain
import Messaging
import Protocol

/// One worker process of a device.
struct DeviceWorker: Sendable, Hashable {
    var sender: Sender
    var endpoint: String
    var memoryUsableBytes: Int
    var lastHeard: Double
    var isAlive: Bool
}

/// Everything that a measurement of a device depends on besides the model.
struct DeviceIdentity: Sendable, Hashable {
    var host: String
    var fingerprint: String
    var threads: Int
    var computeShare: Double

    init(_ body: RegisterDevice) {
        host = body.host
        fingerprint = body.fingerprint
        threads = body.threads
        computeShare = body.computeShare
    }
}

/// One device.
///
/// ```
///                 a worker registers
///                        |
///   registered --measurement starts--> measuring --all measured, links to ready devices tried--> ready
///        ^                                |  ^                                                      |
///        |                             failure |                                                    |
///        |                                v  | retry                                                |
///        |                              failed                                                      |
///        +------ a worker registers ------ lost <------------- no worker is alive ------------------+
/// ```
/// A device that was ready and comes back unchanged is ready again at once.
struct DeviceRecord: Sendable {
    let id: DeviceID
    var identity: DeviceIdentity
    var workers: [WorkerKind: DeviceWorker] = [:]
    /// Sessions that another process of the same kind has replaced: they are not let in again while it lives.
    var replaced: [String] = []
    /// Since when at least one worker is there, for the grace of the second.
    var presentSince: Double
    /// When the last worker was lost.
    var lostAt: Double?
    /// What each worker measured.
    var parts: [WorkerKind: DeviceMeasurements] = [:]
    /// What went wrong, by worker.
    var retries: [WorkerKind: Retry] = [:]
    /// Whether it was published as ready since it registered with its present identity.
    var isReleased = false

    init(id: DeviceID, identity: DeviceIdentity, at now: Double) {
        self.id = id
        self.identity = identity
        presentSince = now
    }

    var isPresent: Bool { workers.values.contains(where: \.isAlive) }

    func alive(_ kind: WorkerKind) -> DeviceWorker? { workers[kind].flatMap { $0.isAlive ? $0 : nil } }

    /// The worker that measures links from here: `sender` prefers the prefill worker, a target the decoder worker.
    func linkEnd(sends: Bool) -> DeviceWorker? {
        sends ? alive(.prefill) ?? alive(.decode) : alive(.decode) ?? alive(.prefill)
    }

    /// Whether everything that this device will be used with has been measured: both workers, or after the grace period
    /// the one that is there.
    func isMeasured(grace: Double, at now: Double) -> Bool {
        guard isPresent else { return false }
        return WorkerKind.allCases.allSatisfy { kind in
            alive(kind) == nil ? now - presentSince >= grace : parts[kind] != nil
        }
    }

    /// Bytes for weights and KV: the least that a worker has reported.
    var memoryUsableBytes: Int {
        (workers.values.map(\.memoryUsableBytes) + parts.values.map(\.memoryUsableBytes)).min() ?? 0
    }

    /// Both workers' tables as one: prefill from the prefill worker, decode and LM head from the decoder worker.
    var measurements: DeviceMeasurements? {
        guard !parts.isEmpty else { return nil }
        let head = parts[.decode]?.head ?? []
        return DeviceMeasurements(
            prefill: parts[.prefill]?.prefill ?? [], decode: parts[.decode]?.decode ?? [],
            head: head.isEmpty ? parts[.prefill]?.head ?? [] : head, memoryUsableBytes: memoryUsableBytes,
            handoverSeconds: parts.values.map(\.handoverSeconds).max() ?? 0)
    }

    /// Why it is not ready, if something failed.
    var problem: String? {
        WorkerKind.allCases.compactMap { kind in retries[kind]?.problem.map { "\(kind.rawValue): \($0)" } }
            .joined(separator: "; ").nilIfEmpty
    }
}

extension String {
    /// The text, or `nil` where it is empty.
    fileprivate var nilIfEmpty: String? { isEmpty ? nil : self }
}
