/// One thing that `e2llm doctor` looked at.
struct DoctorFinding: Encodable, Sendable, Hashable {
    /// How it is.
    enum State: String, Encodable, Sendable {
        case ok, warn, fail
    }

    /// What was looked at: `ports`, `keys`, `clock`, `versions`, `services`, `memory`, `files`, `model`, `processor`, `folder`.
    var check: String
    var state: State
    /// What was found.
    var text: String
    /// What to do; none where it is well.
    var advice: String?

    init(_ check: String, _ state: State, _ text: String, advice: String? = nil) {
        self.check = check
        self.state = state
        self.text = text
        self.advice = advice
    }
}

/// All findings. Its JSON has these names for good.
struct DoctorReport: Encodable, Sendable, Hashable {
    var findings: [DoctorFinding]

    /// Whether something fails, which the exit code 1 says.
    var hasFailed: Bool { findings.contains { $0.state == .fail } }

    /// A line for each finding, and what to do below it; a last one with the counts.
    var text: String {
        let width = findings.map(\.check.count).max() ?? 0
        var lines: [String] = []
        for finding in findings {
            let state = finding.state.rawValue.padding(4)
            lines.append("\(state)  \(finding.check.padding(width))  \(finding.text)")
            if let advice = finding.advice { lines.append("".padding(4 + 2 + width + 2) + "-> \(advice)") }
        }
        func count(_ state: DoctorFinding.State) -> Int { findings.count { $0.state == state } }
        lines.append("\(count(.ok)) ok, \(count(.warn)) warnings, \(count(.fail)) failures")
        return lines.joined(separator: "\n")
    }
}

extension String {
    /// The text with spaces behind it up to a width.
    fileprivate func padding(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
