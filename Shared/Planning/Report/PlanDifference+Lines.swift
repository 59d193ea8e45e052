internal import Domain
internal import Drawing

extension PlanDifference {
    /// Most changed groups that are described one by one.
    private static let mostChanges = 8

    /// The difference in sentences, one a line; indented lines belong to the one above.
    public var lines: [String] {
        var lines: [String] = []
        if !added.isEmpty { lines.append("Added: \(ReportText.list(added.map(\.rawValue))).") }
        if !removed.isEmpty { lines.append("Removed: \(ReportText.list(removed.map(\.rawValue))).") }
        lines.append(rateLine)
        lines.append(certaintyLine)
        lines += waitingLines
        lines.append(limitLine)
        lines += groupLines
        if !leftOut.isEmpty {
            lines.append("Left idle by the second plan: \(ReportText.list(leftOut.map(\.rawValue))).")
        }
        return lines
    }

    private static func differs(_ change: Change) -> Bool { change.share.magnitude >= 0.000_5 }

    private var rateLine: String {
        let number = ReportText.number
        guard Self.differs(rate) else { return "The sustained rate stays \(number(rate.after)) requests/s." }
        return "The sustained rate \(rate.share > 0 ? "rises" : "falls") from \(number(rate.before)) to "
            + "\(number(rate.after)) requests/s (\(Self.signed(rate.share)))."
    }

    private var certaintyLine: String {
        switch certainty {
        case .provedBetter: "  That is more than any plan can sustain without the change."
        case .provedWorse: "  No plan with the change reaches the rate without it."
        case .open:
            upperBound.after.isFinite && upperBound.before.isFinite
                ? "  Bounds: no plan exceeds \(ReportText.number(upperBound.before)) without and "
                    + "\(ReportText.number(upperBound.after)) with the change."
                : "  No bound was proved for both."
        }
    }

    private var waitingLines: [String] {
        let seconds = ReportText.seconds
        guard asked.before == asked.after else {
            return [
                "Waits are not compared: \(ReportText.number(asked.before)) and then \(ReportText.number(asked.after)) "
                    + "requests/s were asked for."
            ]
        }
        let at = "At \(ReportText.number(asked.after)) requests/s"
        func text(_ what: String, _ change: Change) -> String {
            guard Self.differs(change), seconds(change.before) != seconds(change.after) else {
                return "\(what) stays \(seconds(change.after))"
            }
            let verb = change.after > change.before ? "rises" : "falls"
            return "\(what) \(verb) from \(seconds(change.before)) to \(seconds(change.after))"
        }
        return ["\(at) \(text("waiting", waiting)) and the time of a request \(text("", total).dropFirst())."]
    }

    private var limitLine: String {
        limitBefore == limitAfter
            ? "\(Self.name(limitAfter, isFirst: true)) limits both plans."
            : "\(Self.name(limitBefore, isFirst: true)) limited the rate before, "
                + "\(Self.name(limitAfter, isFirst: false)) after."
    }

    private static func name(_ limit: PlanLimit, isFirst: Bool) -> String {
        switch limit {
        case .prefill: isFirst ? "Prefill" : "prefill"
        case .decode: isFirst ? "Decoding" : "decoding"
        case .network(let name): "\(isFirst ? "The" : "the") network at \(name)"
        case .mixed: "\(isFirst ? "The" : "the") speed of mixed groups"
        }
    }

    private var groupLines: [String] {
        guard !changes.isEmpty else {
            return [keptGroups == 1 ? "The group stays as it is." : "All groups stay as they are."]
        }
        let kept =
            switch keptGroups {
            case 0: "No group stays as it was"
            case 1: "1 group stays as it was"
            default: "\(keptGroups) groups stay as they were"
            }
        var lines = ["\(kept); changed:"]
        lines += changes.prefix(Self.mostChanges).map { "  " + Self.text($0) }
        if changes.count > Self.mostChanges { lines.append("  and \(changes.count - Self.mostChanges) more.") }
        return lines
    }

    private static func text(_ change: GroupChange) -> String {
        let number = ReportText.number
        guard let before = change.before else {
            return "\(change.after ?? "") is new: \(devices(change.gained)); \(number(change.rate.after)) requests/s."
        }
        guard let after = change.after else { return "\(before) is dissolved: \(devices(change.lost))." }
        var parts: [String] = []
        if change.roleBefore != change.roleAfter {
            parts.append("turns from \(change.roleBefore?.rawValue ?? "") to \(change.roleAfter?.rawValue ?? "")")
        }
        if !change.gained.isEmpty { parts.append("gains \(devices(change.gained))") }
        if !change.lost.isEmpty { parts.append("loses \(devices(change.lost))") }
        if change.gained.isEmpty, change.lost.isEmpty, !change.moved.isEmpty {
            parts.append("moves layers on \(devices(change.moved))")
        }
        let rates =
            change.roleBefore == change.roleAfter
            ? "\(number(change.rate.before)) to \(number(change.rate.after)) requests/s"
            : "\(number(change.rate.after)) requests/s"
        let name = before == after ? before : "\(before) (then \(after))"
        return "\(name) \(ReportText.list(parts)); \(rates)."
    }

    private static func devices(_ ids: [DeviceID]) -> String { ReportText.list(ids.map(\.rawValue), most: 6) }

    private static func signed(_ share: Double) -> String {
        (share > 0 ? "+" : "-") + ReportText.percent(share.magnitude)
    }
}
