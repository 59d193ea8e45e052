internal import Domain

extension RunRecord {
    /// Most tokens of a prompt or an output, and largest moment in seconds, that a record may have.
    private static let mostTokens = 1_000_000_000
    private static let latest = 1e12

    /// What of a record that was read from a file cannot be, naming the field; `nil` where nothing is wrong.
    public var problem: String? {
        if !(rate >= 0 && rate <= Self.latest) { return "rate: \(rate) is no number of requests per second" }
        if !(seconds >= 0 && seconds <= Self.latest) { return "makespan_s: \(seconds) is no number of seconds" }
        for request in requests {
            if let problem = Self.problem(request) { return "request \(request.id): \(problem)" }
        }
        for use in devices + network where !use.share.isFinite { return "\(use.name): share is \(use.share)" }
        return timeline?.problem.map { "timeline: \($0)" }
    }

    private static func problem(_ request: RequestTimes) -> String? {
        for (name, tokens) in [("prompt_tokens", request.promptTokens), ("output_tokens", request.outputTokens)]
        where !(0...mostTokens).contains(tokens) {
            return "\(name): \(tokens) is not in 0...\(mostTokens)"
        }
        if !(0...mostTokens).contains(request.retries) { return "retries: \(request.retries)" }
        let moments: [(String, Double?)] = [
            ("arrival_s", request.arrival), ("prefill_start_s", request.prefillStart),
            ("first_token_s", request.firstToken), ("kv_start_s", request.kvStart),
            ("kv_complete_s", request.kvComplete), ("decode_start_s", request.decodeStart), ("end_s", request.end),
            ("stall_s", request.stall),
        ]
        for (name, moment) in moments {
            guard let moment, !(moment.magnitude <= latest) else { continue }
            return "\(name): \(moment) is no moment of a run"
        }
        return nil
    }
}

extension RunTimeline {
    /// Bins of a device or link at most.
    private static let mostBins = 100_000

    /// What cannot be, naming the field.
    var problem: String? {
        let uses = devices + network
        if !uses.isEmpty, !(binSeconds > 0 && binSeconds.isFinite) { return "bin_s: \(binSeconds) must be positive" }
        if !start.isFinite { return "start_s: \(start) is no moment" }
        for use in uses where use.shares.count > Self.mostBins { return "\(use.name): more than \(Self.mostBins) bins" }
        for use in uses where !use.shares.allSatisfy(\.isFinite) { return "\(use.name): a share is no number" }
        for (number, step) in steps.enumerated() {
            if !stages.indices.contains(step.stage) { return "step \(number): there is no stage \(step.stage)" }
            if !Self.isSound(step.start, step.end) { return "step \(number): \(step.start) to \(step.end) s" }
        }
        for (number, transfer) in transfers.enumerated() where !Self.isSound(transfer.start, transfer.end) {
            return "transfer \(number): \(transfer.start) to \(transfer.end) s"
        }
        return nil
    }

    private static func isSound(_ start: Double, _ end: Double) -> Bool {
        start.isFinite && end.isFinite && start <= end
    }
}
