import ArgumentParser
import Domain
import Drawing
import Protocol
import ServiceRuntime

/// `e2llm what-if`: the plan that would be made for another fleet or other traffic, beside the one in force.
struct WhatIfCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "what-if",
        abstract:
            "Shows the plan that a running cluster would make for another fleet or other traffic; nothing changes.")

    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var changes: WhatIfOptions
    @Flag(help: "Print JSON.") var json = false

    func validate() throws { _ = try changes.read() }

    func run() async throws {
        try await Failure.reporting {
            let changes = try changes.read()
            let state = try await cluster.ask(.control, .stateGet, as: SchedulerState.self).body
            let question = PlanPreview(
                changes: changes, workload: self.changes.workload(state.workload), planInForce: state.plan,
                contextTokens: state.contextTokens)
            let answer = try await cluster.ask(
                .plan, .planPreview, question, as: PlanPreviewed.self, timeout: .seconds(60)
            ).body
            let comparison = PlanComparison(
                inForce: state.plan, preview: answer.plan, inForceRequestsPerSecond: answer.inForceRequestsPerSecond,
                move: answer.move, searchSeconds: answer.searchSeconds)
            if json { return try JSONOutput.print(comparison) }
            print(comparison.text)
        }
    }
}

/// How the fleet and its traffic are imagined to differ.
struct WhatIfOptions: ParsableArguments {
    @Option(help: "A device that is not there; may be repeated.") var without: [String] = []
    @Option(
        help: ArgumentHelp(
            "Another link, both ways, bytes per second and seconds; either may be left out; may be repeated.",
            valueName: "A:B=RATE,LATENCY"))
    var link: [String] = []
    @Option(
        help: ArgumentHelp(
            "A device for which everything takes longer; may be repeated.", valueName: "DEVICE=FACTOR"))
    var slow: [String] = []
    @Option(help: "Mean tokens of a prompt.") var prompt: Double?
    @Option(help: "Mean tokens of an output.") var output: Double?
    @Option(help: "Requests per second.") var rate: Double?

    /// The changes of the fleet.
    ///
    /// - Throws: `ValidationError` naming the option.
    func read() throws -> FleetChanges {
        for (name, value, range) in [
            ("prompt", prompt, 1...1e7), ("output", output, 1...1e7), ("rate", rate, 1e-9...1e9),
        ] {
            guard let value, !range.contains(value) else { continue }
            throw ValidationError("--\(name) must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
        return FleetChanges(
            without: without.map { DeviceID($0) }, links: try link.flatMap(Self.link),
            slowdowns: try slow.map(Self.slow))
    }

    /// The traffic to plan for; what is not told stays as the scheduler sees it.
    func workload(_ seen: WorkloadStatistics) -> WorkloadStatistics? {
        guard prompt != nil || output != nil || rate != nil else { return nil }
        var workload = seen
        workload.sampleCount = 0
        workload.requestsPerSecond = rate ?? workload.requestsPerSecond
        workload.meanPromptTokens = prompt ?? workload.meanPromptTokens
        workload.meanOutputTokens = output ?? workload.meanOutputTokens
        return workload
    }

    /// The name before the last equals sign and what stands behind it: names of devices may have one.
    private static func pair(_ text: String) -> (name: Substring, value: Substring)? {
        guard let sign = text.lastIndex(of: "="), sign > text.startIndex else { return nil }
        return (text[..<sign], text[text.index(after: sign)...])
    }

    private static func link(_ text: String) throws -> [FleetChanges.Link] {
        let wrong = ValidationError("--link must be like A:B=12500000,0.002, not \(text)")
        guard let (names, values) = pair(text) else { throw wrong }
        let ends = names.split(separator: ":", omittingEmptySubsequences: false)
        let figures = values.split(separator: ",", omittingEmptySubsequences: false)
        guard ends.count == 2, !ends[0].isEmpty, !ends[1].isEmpty, (1...2).contains(figures.count) else { throw wrong }
        func figure(_ place: Int, _ range: ClosedRange<Double>) throws -> Double? {
            guard figures.indices.contains(place), !figures[place].isEmpty else { return nil }
            guard let value = Double(figures[place]), range.contains(value) else { throw wrong }
            return value
        }
        let change = FleetChanges.Link(
            from: DeviceID(String(ends[0])), to: DeviceID(String(ends[1])),
            latencySeconds: try figure(1, FleetChanges.latencies), bytesPerSecond: try figure(0, FleetChanges.speeds))
        guard change.latencySeconds != nil || change.bytesPerSecond != nil else { throw wrong }
        return [change, change.reversed]
    }

    private static func slow(_ text: String) throws -> DeviceSlowdown {
        guard let (name, value) = pair(text), let factor = Double(value), FleetChanges.factors.contains(factor) else {
            throw ValidationError("--slow must be like DEVICE=2, with a factor from 1 to 1000, not \(text)")
        }
        return DeviceSlowdown(device: DeviceID(String(name)), factor: factor)
    }
}

extension PlanComparison {
    /// Both plans side by side.
    var text: String {
        func number(_ value: Double?) -> String { value.map { ReportText.number($0) } ?? "-" }
        var lines = [
            TextTable.format([
                ["", "IN FORCE", "WHAT IF"],
                ["requests/s", number(inForce?.requestsPerSecond), number(preview.requestsPerSecond)],
                ["prompt tokens/s", number(inForce?.promptTokensPerSecond), number(preview.promptTokensPerSecond)],
                ["output tokens/s", number(inForce?.outputTokensPerSecond), number(preview.outputTokensPerSecond)],
            ])
        ]
        var rows = [["", "DEVICE", "IN FORCE", "WHAT IF", "PREFILL", "DECODE"]]
        for device in devices {
            rows.append([
                device.differs ? "*" : "", device.device.rawValue, Self.place(device.now), Self.place(device.then),
                Self.times(device, \.predictedPrefillSeconds), Self.times(device, \.predictedDecodeSeconds),
            ])
        }
        lines.append(TextTable.format(rows))
        if let rate = inForceRequestsPerSecond {
            lines.append("the plan in force would sustain \(number(rate)) requests/s there")
        }
        if let move {
            lines.append("the services would \(move.replaces ? "move" : "stay with the plan in force"): \(move.reason)")
        }
        lines += preview.plan.relaxations
        return lines.joined(separator: "\n")
    }

    private static func place(_ place: Place?) -> String {
        place.map { "\($0.replica) \($0.role.rawValue) \($0.layers)" } ?? "idle"
    }

    private static func times(_ device: Device, _ time: (Place) -> Double?) -> String {
        func text(_ place: Place?) -> String {
            place.flatMap(time).map { "\(ReportText.number($0 * 1000)) ms" } ?? "-"
        }
        return "\(text(device.now)) / \(text(device.then))"
    }
}
