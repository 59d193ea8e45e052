import Domain
import Messaging
import Protocol

@testable import Profiler

/// A profiler core with a clock, and the workers that its instructions would reach.
struct ProfilerWorld {
    var core: ProfilerCore
    var now = 0.0
    /// Instructions of the last event.
    var last: [ProfilerInstruction] = []
    /// Measurements that were ordered and not answered.
    var open: [(run: RunID, instruction: ProfilerInstruction)] = []
    /// Every measurement that was ordered, in order.
    var ordered: [ProfilerInstruction] = []
    var kept: [StoredDevice] = []
    var keptLinks: [StoredLink] = []
    var published: [Fleet] = []
    /// Bytes per second that measured links turn out to carry.
    var linkRate = 1e7

    /// Heartbeats of a second.
    static var limits: ProfilerLimits {
        var limits = ProfilerLimits()
        limits.heartbeatSeconds = 1
        return limits
    }

    init(limits: ProfilerLimits = ProfilerWorld.limits, stored: StoredProfiles = StoredProfiles()) {
        core = ProfilerCore(limits: limits, stored: stored)
    }

    /// The fleet as last published.
    var fleet: Fleet { published.last ?? Fleet() }
    func state(_ id: DeviceID) -> DeviceState? { fleet.device(id)?.state }

    static func model(digest: ModelDigest = "digest-1", layers: Int = 12) -> ModelDescription {
        ModelDescription(
            name: "test", digest: digest, layers: layers, hidden: 576, ffn: 1536, heads: 9, kvHeads: 3, headDim: 64,
            vocabulary: 49152, maxContext: 2048, paramsPerLayer: 3_538_944, bytesPerLayer: 2_000_000,
            bytesEmbedding: 16_000_000, bytesHead: 16_000_000, bytesTotal: 40_000_000, kvBytesPerTokenPerLayer: 768,
            activationBytesPerToken: 1152)
    }

    static func tables(_ kind: WorkerKind, memory: Int = 1_000_000_000, speed: Double = 1) -> DeviceMeasurements {
        guard kind == .decode else {
            return DeviceMeasurements(
                prefill: [16, 64, 256].map { PrefillSample(tokens: $0, secondsPerLayer: 2e-5 * Double($0) / speed) },
                memoryUsableBytes: memory)
        }
        return DeviceMeasurements(
            decode: [1, 8].flatMap { batch in
                [64, 512].map { DecodeSample(batch: batch, context: $0, secondsPerLayer: 3e-4 * Double(batch) / speed) }
            }, head: [HeadSample(rows: 1, seconds: 1e-3), HeadSample(rows: 8, seconds: 3e-3)], memoryUsableBytes: memory
        )
    }

    static func registration(
        _ device: DeviceID, _ kind: WorkerKind, host: String = "host", fingerprint: String? = nil,
        model: ModelDescription = model(), memory: Int = 1_000_000_000
    ) -> RegisterDevice {
        RegisterDevice(
            device: device, worker: kind, host: host, fingerprint: fingerprint ?? "cpu-\(device)", threads: 2,
            computeShare: 0.5, memoryUsableBytes: memory, dataEndpoint: "tcp://127.0.0.1:1", model: model)
    }

    static func sender(_ device: DeviceID, _ kind: WorkerKind, _ process: Int = 1) -> Sender {
        Sender(
            session: "\(device)-\(kind.rawValue)-\(process)",
            peer: PeerIdentity("\(device)-\(kind.rawValue)-\(process)"))
    }

    @discardableResult
    mutating func handle(_ event: ProfilerEvent) -> [ProfilerInstruction] {
        last = core.handle(event, at: now)
        for instruction in last {
            switch instruction {
            case .measure(let run, _, _), .measureLink(let run, _, _):
                open.append((run, instruction))
                ordered.append(instruction)
            case .keep(let device): kept.append(device)
            case .keepLink(let link): keptLinks.append(link)
            case .publish(let fleet): published.append(fleet)
            case .accept, .acknowledge, .refuse, .tell, .note: break
            }
        }
        return last
    }

    /// The error with which the last event was refused.
    var refusal: Fault? {
        for case .refuse(let error) in last { return error }
        return nil
    }

    mutating func register(
        _ device: DeviceID, _ kinds: [WorkerKind] = WorkerKind.allCases, host: String = "host",
        fingerprint: String? = nil, model: ModelDescription = model(), process: Int = 1
    ) {
        for kind in kinds {
            handle(
                .register(
                    Self.registration(device, kind, host: host, fingerprint: fingerprint, model: model),
                    Self.sender(device, kind, process)))
        }
    }

    mutating func beat(_ device: DeviceID, _ kinds: [WorkerKind] = WorkerKind.allCases, process: Int = 1) {
        for kind in kinds {
            handle(
                .heartbeat(
                    DeviceHeartbeat(device: device, worker: kind, residentBytes: 1), Self.sender(device, kind, process))
            )
        }
    }

    /// Time passes; the named devices send heartbeats.
    mutating func pass(_ seconds: Double, beating devices: [DeviceID] = []) {
        let end = now + seconds
        while now < end {
            now = min(end, now + 0.5)
            for device in devices {
                for kind in WorkerKind.allCases where core.devices[device]?.workers[kind] != nil {
                    guard let sender = core.devices[device]?.workers[kind]?.sender else { continue }
                    handle(.heartbeat(DeviceHeartbeat(device: device, worker: kind, residentBytes: 1), sender))
                }
            }
            handle(.tick)
        }
    }

    /// Answers the oldest open measurement; `false` where there is none.
    @discardableResult
    mutating func answer(failing problem: String? = nil) -> Bool {
        guard !open.isEmpty else { return false }
        let (run, instruction) = open.removeFirst()
        switch instruction {
        case .measure(_, let order, let peer):
            let kind: WorkerKind = order.phases == [.prefill] ? .prefill : .decode
            let memory = peer.description.hasPrefix("small") ? 500_000_000 : 1_000_000_000
            handle(
                .measured(
                    run,
                    problem.map { .failure(MeasurementFailure(problem: $0)) }
                        ?? .success(Self.tables(kind, memory: memory))))
        case .measureLink(_, let order, let peer):
            let from = DeviceID(String(peer.description.prefix { $0 != "-" }))
            let link = LinkProfile(from: from, to: order.peer, latencySeconds: 1e-3, bytesPerSecond: linkRate)
            handle(.linkMeasured(run, problem.map { .failure(MeasurementFailure(problem: $0)) } ?? .success(link)))
        default: return false
        }
        return true
    }

    /// Answers measurements until none is open.
    mutating func answerAll() { while answer() {} }
}
