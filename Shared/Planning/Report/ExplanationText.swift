internal import Domain
internal import Drawing

/// The sentences of an explanation that concern the whole plan.
enum ExplanationText {
    static func plan(_ plan: PlanExplanation) -> [String] {
        var lines = [limit(plan), bound(plan)]
        lines += waiting(plan)
        lines.append(kv(plan))
        lines += network(plan)
        return lines + plan.relaxations.map { "Relaxed: \($0)." }
    }

    // MARK: - Limit and bound

    private static func limit(_ plan: PlanExplanation) -> String {
        let rate = ReportText.number
        let split = plan.rate - plan.mixedCapacity
        let beside =
            plan.mixedCapacity > 0 && plan.prefillCapacity > 0
            ? " Mixed groups serve \(rate(plan.mixedCapacity)) of them." : ""
        let head = "The plan sustains \(rate(plan.rate)) requests/s"
        switch plan.limit {
        case .prefill:
            return "\(head); prefill limits it: its groups are \(full(split, plan.prefillCapacity)) while decoders are "
                + "\(used(split, plan.decodeCapacity)).\(beside)"
        case .decode:
            return "\(head); decoding limits it: its groups are \(full(split, plan.decodeCapacity)) while prefill is "
                + "\(used(split, plan.prefillCapacity)).\(beside)"
        case .network(let name):
            let title = plan.network.first { $0.name == name }?.title ?? name
            return "\(head); the network limits it: \(title) is full of KV, while prefill is "
                + "\(used(split, plan.prefillCapacity)) and decoders are \(used(split, plan.decodeCapacity))." + beside
        case .mixed:
            return "\(head); all of its groups do both phases and are full."
        }
    }

    /// Other limits may keep a few groups of the limiting phase from being full.
    private static func full(_ rate: Double, _ capacity: Double) -> String {
        rate > 0.995 * capacity ? "full" : used(rate, capacity)
    }

    private static func used(_ rate: Double, _ capacity: Double) -> String {
        "used to \(ReportText.percent(capacity > 0 ? min(1, rate / capacity) : 0))"
    }

    private static func bound(_ plan: PlanExplanation) -> String {
        let stopped = plan.wasStopped ? " The deadline ended the search." : ""
        if plan.isExact { return "That is proved optimal: no plan for this fleet sustains more." + stopped }
        guard plan.upperBound.isFinite else { return "How much more any plan could sustain was not proved." + stopped }
        return "No plan can sustain more than \(ReportText.number(plan.upperBound)) requests/s: at most "
            + "\(ReportText.percent(plan.gap)) more than this one." + stopped
    }

    // MARK: - Waiting

    private static func waiting(_ plan: PlanExplanation) -> [String] {
        let times = plan.times
        let seconds = ReportText.seconds
        let load = ReportText.percent(times.utilisation)
        let asked = "At \(ReportText.number(plan.askedRate)) requests/s (\(load) of the sustained rate)"
        let parts = [
            (times.prefillWait, "before prefill"), (times.kvTransfer, "for KV transfer"),
            (times.decodeWait, "before decoding"), (times.stall, "while prompts stall decoding"),
        ].filter { $0.0 >= 0.000_5 }.map { "\(seconds($0.0)) \($0.1)" }
        let waits = parts.isEmpty ? "hardly any" : ReportText.list(parts)
        var lines = [
            "\(asked) a request takes \(seconds(times.total)): \(seconds(times.prefill)) prefill, "
                + "\(seconds(times.decode)) decoding and \(seconds(times.waiting)) waiting.",
            "  Waiting: \(waits).",
        ]
        if times.utilisation > 1 {
            lines.append(
                "  That is more than the plan sustains: queues grow; the waits are means over the first "
                    + "\(Int(QueueModel.usualRunLength)) requests.")
        }
        return lines
    }

    // MARK: - Network

    /// The busiest resource, unless the first sentence named it.
    private static func network(_ plan: PlanExplanation) -> [String] {
        if case .network = plan.limit { return [] }
        guard let busiest = plan.network.first else { return [] }
        let share = ReportText.percent(busiest.share)
        // Several things may be exhausted at once.
        let also = busiest.share > 0.995 ? ", so it limits the plan as well" : ""
        return ["  The busiest part of the network is \(busiest.title): KV uses \(share) of it\(also)."]
    }

    private static func kv(_ plan: PlanExplanation) -> String {
        let kv = plan.kv
        let travels = kv.bytesPerPrompt > 0 ? "\(ReportText.bytes(kv.bytesPerPrompt)) a prompt travel" : "none travels"
        let what = "KV is kept as \(kv.type.rawValue) (\(travels))"
        switch kv.reason {
        case .onlyOneAllowed: return "\(what): nothing else is allowed."
        case .isInForce: return "\(what): as in the plan in force."
        case .plainIsAsGood: return "\(what): smaller KV would bring nothing that counts."
        case .plainDoesNotFit: return "\(what): with f16 the plan would lack memory."
        case .plainIsWorse:
            let rate = kv.plainRate ?? plan.rate
            if rate < plan.rate * 0.999 {
                return "\(what): with f16 the plan would sustain \(ReportText.number(rate)) requests/s."
            }
            return "\(what): with f16 a request would wait "
                + "\(ReportText.seconds(kv.plainWaiting ?? plan.times.waiting)) instead of "
                + "\(ReportText.seconds(plan.times.waiting))."
        }
    }
}
