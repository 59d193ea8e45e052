internal import Domain

/// Collects a timeline during a run. Runs without one have no recorder, and nothing is collected.
final class TimelineRecorder {
    private struct OpenFlow {
        var from: DeviceID
        var to: DeviceID
        var request: RequestID?
        var bytes = 0.0
        /// When it began to send; `nil` while it has nothing to send.
        var start: Double?
    }

    private let settings: TimelineSettings
    private var timeline: RunTimeline
    private var bins: TimeBins
    private var stageNumbers: [RunTimeline.Stage: Int] = [:]
    private var deviceRows: [DeviceID: Int] = [:]
    private var resourceRows: [Int: Int] = [:]
    private var flows: [TransferNetwork.FlowID: OpenFlow] = [:]

    /// `start` is the first arrival.
    init(_ settings: TimelineSettings, start: Double) {
        self.settings = settings
        timeline = RunTimeline(start: start, binSeconds: 0, intervalsFrom: settings.from)
        bins = TimeBins(start: start)
    }

    // MARK: - Stages

    /// A stage computes a step.
    func computed(_ replica: PlanReplica, _ step: RunTimeline.Step) {
        let device = replica.stages[step.stage].device
        bins.add(1, from: step.start, to: step.end, row: row(of: device))
        guard isRecorded(timeline.steps.count, from: step.start, to: step.end) else { return }
        let stage = RunTimeline.Stage(replica: replica.id, stage: step.stage, device: device)
        var step = step
        step.stage = stageNumbers[stage] ?? timeline.stages.count
        if step.stage == timeline.stages.count {
            stageNumbers[stage] = step.stage
            timeline.stages.append(stage)
        }
        timeline.steps.append(step)
    }

    private func row(of device: DeviceID) -> Int {
        if let known = deviceRows[device] { return known }
        let row = bins.addRow()
        deviceRows[device] = row
        return row
    }

    /// Whether there is room for an interval; remembers from when on there was none.
    private func isRecorded(_ count: Int, from start: Double, to end: Double) -> Bool {
        guard end >= settings.from else { return false }
        if count < settings.mostIntervals { return true }
        timeline.intervalsUntil = min(timeline.intervalsUntil ?? .infinity, start)
        return false
    }

    // MARK: - Network

    /// A flow was opened.
    func opened(_ flow: TransferNetwork.FlowID, from: DeviceID, to: DeviceID) {
        flows[flow] = OpenFlow(from: from, to: to)
    }

    /// A flow carries the KV of a request.
    func owns(_ flow: TransferNetwork.FlowID, _ request: RequestID) { flows[flow]?.request = request }

    /// A flow got bytes to send.
    func fed(_ flow: TransferNetwork.FlowID, _ bytes: Double, at time: Double) {
        guard bytes > 0, var state = flows[flow] else { return }
        state.start = state.start ?? time
        state.bytes += bytes
        flows[flow] = state
    }

    /// A flow sent what it had, but for `left` bytes of a flow that was given up.
    func paused(_ flow: TransferNetwork.FlowID, at time: Double, left: Double = 0) {
        guard var state = flows[flow], let start = state.start else { return }
        if isRecorded(timeline.transfers.count, from: start, to: time) {
            timeline.transfers.append(
                RunTimeline.Transfer(
                    from: state.from, to: state.to, request: state.request, bytes: max(0, state.bytes - left),
                    start: start, end: time))
        }
        state.start = nil
        state.bytes = 0
        flows[flow] = state
    }

    /// A flow has ended.
    func closed(_ flow: TransferNetwork.FlowID) { flows[flow] = nil }

    /// A resource of the network, by its number, was used.
    func used(_ resource: Int, share: Double, from start: Double, to end: Double) {
        let row = resourceRows[resource] ?? bins.addRow()
        resourceRows[resource] = row
        bins.add(share, from: start, to: end, row: row)
    }

    // MARK: - Result

    /// The timeline so far; `resources` are the names of the network's resources by their numbers.
    func result(resources: [String]) -> RunTimeline {
        var result = timeline
        result.binSeconds = bins.width
        let count = bins.count
        func shares(_ row: Int) -> [Double] {
            // Six decimals are enough, and keep files small.
            bins.means(row, count: count).map { ($0 * 1e6).rounded() / 1e6 }
        }
        result.devices = deviceRows.keys.sorted().map { device in
            RunTimeline.Use(name: device.rawValue, shares: deviceRows[device].map(shares) ?? [])
        }
        result.network = resourceRows.keys.sorted().map { resource in
            RunTimeline.Use(
                name: resource < resources.count ? resources[resource] : "\(resource)",
                shares: resourceRows[resource].map(shares) ?? [])
        }
        result.network.sort { $0.name < $1.name }
        result.steps.sort { ($0.start, $0.stage) < ($1.start, $1.stage) }
        result.transfers.sort { ($0.start, $0.end, $0.from, $0.to) < ($1.start, $1.end, $1.from, $1.to) }
        return result
    }
}
