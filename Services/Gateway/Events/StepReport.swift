import Domain
import Protocol
import ServiceRuntime

/// What stages have computed and sent of late, put together from what their processes remember.
struct StepReport: Sendable {
    /// A stage computed rows of one or more requests in one step.
    struct Step: Sendable, Hashable {
        var replica: ReplicaID
        var stage: Int
        var number: UInt64
        var device: DeviceID
        /// Microseconds since 1970 on this host's clock.
        var at: Int
        var took: Int
        var rows: Int
        var requests: Int
        var decode: Bool
    }

    /// KV cache left a stage of a prefill replica, or came to a stage of a decoder replica.
    struct Transfer: Sendable, Hashable {
        var replica: ReplicaID
        var stage: Int
        var device: DeviceID
        var at: Int
        var bytes: Int
        var isSent: Bool
    }

    private(set) var steps: [Step] = []
    private(set) var transfers: [Transfer] = []
    /// Devices that did not tell.
    private(set) var silent: [DeviceID] = []
    private let most: Int

    /// Makes an empty report, which takes so many entries of each kind.
    init(most: Int = 4096) { self.most = most }

    /// Takes what one process told.
    ///
    /// - Parameters:
    ///   - clock: how far its clock is ahead.
    ///   - since: only moments behind this one of its clock count; the others have been told.
    mutating func add(_ trace: ServiceTrace, of device: DeviceID, clock: ClockOffset, since: Int) {
        guard trace.isPlausible else { return }
        let first = steps.count
        for moment in trace.moments where moment.atMicroseconds > since {
            guard let replica = moment.replica, let stage = moment.stage else { continue }
            let at = moment.atMicroseconds - clock.correction
            switch moment.kind {
            case .computed:
                let step = Step(
                    replica: replica, stage: stage, number: moment.step ?? 0, device: device, at: at,
                    took: moment.tookMicroseconds ?? 0, rows: moment.rows ?? 0, requests: 1,
                    decode: moment.decode ?? false)
                // A step has a moment for each of its requests.
                if let last = steps.indices.last, last >= first, steps[last].joins(step) {
                    steps[last].rows += step.rows
                    steps[last].requests += 1
                    steps[last].decode = steps[last].decode && step.decode
                } else if steps.count < most {
                    steps.append(step)
                }
            case .kvSent, .kvReceived:
                guard transfers.count < most else { continue }
                transfers.append(
                    Transfer(
                        replica: replica, stage: stage, device: device, at: at, bytes: moment.bytes ?? 0,
                        isSent: moment.kind == .kvSent))
            default: break
            }
        }
    }

    /// Notes that a device did not tell.
    mutating func missing(_ device: DeviceID) { silent.append(device) }

    /// The report for the page: arrays of replica, stage, step, device, microseconds (when, how long), rows, requests, 1 for decode; and of replica,
    /// stage, device, when, bytes, 1 for sent. Texts are listed once, arrays name them by their places.
    func json(now: Int) -> JSONValue {
        var places: [String: Int] = [:]
        var names: [JSONValue] = []
        func place(_ name: String) -> JSONValue {
            if let place = places[name] { return .integer(place) }
            places[name] = names.count
            names.append(.string(name))
            return .integer(names.count - 1)
        }
        // Relative to the report's moment, so that numbers stay short.
        let told: [JSONValue] = steps.map {
            [
                place($0.replica.rawValue), .integer($0.stage), .integer(Int(clamping: $0.number)),
                place($0.device.rawValue), .integer($0.at - now), .integer($0.took), .integer($0.rows),
                .integer($0.requests), .integer($0.decode ? 1 : 0),
            ]
        }
        let sent: [JSONValue] = transfers.map {
            [
                place($0.replica.rawValue), .integer($0.stage), place($0.device.rawValue), .integer($0.at - now),
                .integer($0.bytes), .integer($0.isSent ? 1 : 0),
            ]
        }
        return [
            "now_us": .integer(now), "steps": .array(told), "transfers": .array(sent),
            "silent": .array(silent.map { .string($0.rawValue) }), "names": .array(names),
        ]
    }
}

extension StepReport.Step {
    /// Whether another moment belongs to the same step of the same stage.
    fileprivate func joins(_ other: Self) -> Bool {
        replica == other.replica && stage == other.stage && number == other.number && at == other.at
    }
}
