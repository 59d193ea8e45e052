import Domain
import Protocol
import Simulation

/// Makes the record of a measured run.
extension RequestTimes {
    /// A request as it was sent and answered. The gateway's times count from when it took the request; here they are put
    /// after the moment of sending.
    init(_ entry: LoadSchedule.Entry, _ result: LoadRun.Result) {
        self.init(
            id: entry.id, arrival: result.sent, promptTokens: entry.prompt.count, outputTokens: entry.outputTokens)
        switch result.outcome {
        case .refused(let problem): (outcome, self.problem) = (.refused, problem)
        case .failed(let problem): (outcome, self.problem) = (.failed, problem)
        case .finished(let moments, let outputTokens):
            func moment(_ milliseconds: Double) -> Double { result.sent + milliseconds / 1000 }
            outcome = .finished
            self.outputTokens = outputTokens
            prefillReplica = moments.prefillReplica
            decodeReplica = moments.decodeReplica
            prefillStart = moments.prefillStarted.map(moment)
            firstToken = moment(moments.firstToken)
            kvComplete = moments.kvComplete.map(moment)
            // Room on the decoder is reserved before a request starts, so that its KV may travel from the first chunk on.
            if kvComplete != nil { kvStart = prefillStart ?? arrival }
            decodeStart = moments.decodeStarted.map(moment)
            end = moment(moments.end)
            retries = moments.migrations
        }
    }
}

extension RunRecord {
    /// The record of requests that were sent to a fleet.
    ///
    /// - Parameters:
    ///   - before: the fleet before the first request; its plan is the record's.
    ///   - after: the fleet after the last token, for how much its devices computed.
    init(
        _ schedule: LoadSchedule, _ results: [LoadRun.Result], before: ServedFleet, after: ServedFleet?, server: String,
        workload: String, rate: Double, seed: UInt64
    ) {
        self.init(
            source: .measured, system: "services", fleet: server, model: before.fleet.model?.name ?? "",
            workload: workload, rate: rate, seed: seed, plan: before.plan,
            requests: zip(schedule.entries, results).map { RequestTimes($0, $1) }.sorted { $0.arrival < $1.arrival })
        measure()
        guard let after, after.epoch == before.epoch, seconds > 0 else { return }
        let earlier = before.computedSeconds
        devices = after.computedSeconds.sorted { $0.key < $1.key }.map { device, total in
            Use(name: device.rawValue, share: min(1, max(0, total - (earlier[device] ?? 0)) / seconds))
        }
    }
}

extension ServedFleet {
    /// Seconds that the stages of the plan in force have computed, by device.
    var computedSeconds: [DeviceID: Double] {
        var seconds: [DeviceID: Double] = [:]
        for stage in state.replicas.flatMap(\.stages) {
            guard let counters = stage.status?.load.counters else { continue }
            seconds[stage.device, default: 0] += counters.prefillSeconds + counters.decodeSeconds
        }
        return seconds
    }
}

/// What the reader of a measured run should know besides its figures.
enum LoadNotes {
    /// Notes in sentences.
    static func of(_ schedule: LoadSchedule, _ results: [LoadRun.Result], before: ServedFleet) -> [String] {
        var notes: [String] = []
        let late = zip(schedule.entries, results).map { $1.sent - $0.seconds }.max() ?? 0
        if late > 0.05 { notes.append("requests were sent up to \(TableFigure.short(late)) s late") }
        let finished = results.compactMap { result -> (LoadMoments, Int)? in
            if case .finished(let moments, let tokens) = result.outcome { (moments, tokens) } else { nil }
        }
        // Of an answer that was over before the scheduler said where it runs, the plan is not known.
        let elsewhere = finished.filter { $0.0.plan != nil && $0.0.plan != before.plan?.id }
        if !elsewhere.isEmpty {
            let plans = Set(elsewhere.compactMap { $0.0.plan?.rawValue }).sorted().joined(separator: ", ")
            notes.append("\(elsewhere.count) requests were served by another plan than that of the record: \(plans)")
        }
        let silent = finished.count { $0.0.prefillStarted == nil || $0.1 > 1 && $0.0.decodeStarted == nil }
        if silent > 0 {
            notes.append("of \(silent) requests the start of prefill or decoding is not known; it counts as no waiting")
        }
        let short = zip(schedule.entries, results).count { entry, result in
            if case .finished(_, let tokens) = result.outcome { tokens != entry.outputTokens } else { false }
        }
        if short > 0 { notes.append("\(short) requests got another number of tokens than they asked for") }
        return notes
    }
}
