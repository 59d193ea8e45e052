internal import Domain
internal import Drawing

/// The sentences about groups.
extension ExplanationText {
    /// Most groups that are described one by one.
    private static let mostSingle = 8
    /// Most kinds of groups that are described.
    private static let mostKinds = 14

    static func groups(_ groups: [GroupFinding]) -> [String] {
        let sorted = ReplicaRole.allCases.flatMap { role in groups.filter { $0.role == role } }
        if groups.count <= mostSingle { return sorted.flatMap { [single($0), pace($0)] } }
        var order: [String] = []
        var kinds: [String: [GroupFinding]] = [:]
        for group in sorted {
            let key = kind(group)
            if kinds[key] == nil { order.append(key) }
            kinds[key, default: []].append(group)
        }
        var lines = order.prefix(mostKinds).flatMap { key in several(kinds[key] ?? []) }
        if order.count > mostKinds {
            let rest = order.dropFirst(mostKinds).flatMap { kinds[$0] ?? [] }
            lines.append(
                "\(ReportText.count(rest.count, "further group", "further groups")) of "
                    + "\(order.count - mostKinds) kinds: "
                    + "\(ReportText.number(rest.reduce(0) { $0 + $1.rate })) requests/s together.")
        }
        return lines
    }

    // MARK: - One group

    private static func single(_ group: GroupFinding) -> String {
        let stages = group.stages.map { stage in
            group.stages.count == 1 ? stage.device.rawValue : "\(stage.device) \(stage.layers)"
        }
        return "\(group.name): \(ReportText.list(stages)); \(ReportText.number(group.rate)) requests/s\(share(group))"
            + "\(load(group))."
    }

    private static func share(_ group: GroupFinding) -> String {
        guard group.share < 1 - 1e-9 else { return "" }
        return ", \(ReportText.percent(group.share)) of \(all(group.role))"
    }

    /// What a share is a share of.
    private static func all(_ role: ReplicaRole) -> String {
        switch role {
        case .prefill: "prefill"
        case .decode: "decoding"
        case .mixed: "all mixed groups"
        }
    }

    private static func load(_ group: GroupFinding) -> String {
        guard group.role != .prefill else { return "" }
        return "; \(ReportText.count(group.concurrency, "sequence", "sequences")) at "
            + "\(ReportText.number(1 / group.tokenGap)) tokens/s each"
    }

    /// What sets the pace, and what keeps the batch small.
    private static func pace(_ group: GroupFinding) -> String {
        "  " + bottleneck(group) + (group.batchLimit.map { " " + batch($0) } ?? "")
    }

    private static func bottleneck(_ group: GroupFinding) -> String {
        let slow = group.bottleneck
        let each = slow.phase == .prefill || slow.kind == .port ? "a prompt" : "a step"
        let time = "\(ReportText.seconds(slow.seconds)) \(each)"
        let layers = ReportText.count(slow.layers.count, "layer", "layers")
        let phase =
            group.role == .mixed
            ? "Decoding takes \(ReportText.percent(group.decodeShare)) of its time. " : ""
        let text: String
        switch slow.kind {
        case .stage where slow.isSum:
            text =
                "A token passes all stages in \(ReportText.seconds(slow.wholeSeconds)), longest on \(slow.device): "
                + "\(layers), \(time); hops take \(ReportText.seconds(slow.hopSeconds))."
        case .stage where group.stages.count == 1: text = "\(slow.device) computes all \(layers) in \(time)."
        case .stage: text = "The slowest stage is \(slow.device): \(layers), \(time)."
        case .hop where slow.isSum:
            text =
                "Hops take \(ReportText.seconds(slow.hopSeconds)) of the \(ReportText.seconds(slow.wholeSeconds)) between "
                + "two tokens, the slowest from \(slow.device) to \(target(slow)) \(time)."
        case .hop: text = "The hop from \(slow.device) to \(target(slow)) is slower than every stage: \(time)."
        case .port:
            let way = slow.phase == .prefill ? "way out of" : "way into"
            text = "The \(way) \(slow.device) is slower than every stage: the KV of its \(layers) takes \(time)."
        }
        return phase + text
    }

    private static func target(_ slow: GroupBottleneck) -> String { slow.target.map(\.rawValue) ?? "another" }

    private static func batch(_ limit: BatchLimit) -> String {
        let gain = "would bring \(ReportText.percent(limit.gain)) more"
        switch limit.reason {
        case .memory:
            let device = limit.device.map(\.rawValue) ?? "a device"
            return "The memory of \(device) keeps its batch at \(limit.sequences): \(limit.wanted) \(gain)."
        case .minimumSpeed:
            return "The minimum speed keeps its batch at \(limit.sequences): \(limit.wanted) \(gain)."
        }
    }

    // MARK: - Groups that are alike

    /// Groups with the same kind are counted together: role and devices by type; without types, the number of devices.
    private static func kind(_ group: GroupFinding) -> String { "\(group.role.rawValue) \(members(group))" }

    private static func members(_ group: GroupFinding) -> String {
        let types = group.stages.compactMap(\.type).sorted()
        guard types.count == group.stages.count else {
            return ReportText.count(group.stages.count, "device", "devices")
        }
        return types.count == 1 ? types[0] : ReportText.counted(types)
    }

    private static func several(_ groups: [GroupFinding]) -> [String] {
        guard let first = groups.first else { return [] }
        if groups.count == 1 { return [single(first), pace(first)] }
        let number = ReportText.number
        let names = "\(groups[0].name) to \(groups[groups.count - 1].name)"
        let isRow = groups.count == lastNumber(groups) - firstNumber(groups) + 1
        let label = isRow ? names : ReportText.list(groups.map(\.name), most: 4)
        let rate = groups.reduce(0) { $0 + $1.rate }
        let share = groups.reduce(0) { $0 + $1.share }
        var text =
            "\(groups.count) \(first.role.rawValue) groups of \(members(first)) (\(label)): "
            + "\(ReportText.range(groups.map(\.rate), number)) requests/s each, \(ReportText.percent(share)) of \(all(first.role)), "
            + "\(number(rate)) together"
        if first.role != .prefill {
            text +=
                "; \(ReportText.range(groups.map { Double($0.concurrency) }, number)) sequences at "
                + "\(ReportText.range(groups.map { 1 / $0.tokenGap }, number)) tokens/s each"
        }
        return [text + ".", "  " + paces(groups)]
    }

    private static func firstNumber(_ groups: [GroupFinding]) -> Int { numberOf(groups[0]) }
    private static func lastNumber(_ groups: [GroupFinding]) -> Int { numberOf(groups[groups.count - 1]) }

    private static func numberOf(_ group: GroupFinding) -> Int {
        Int(group.name.split(separator: "-").last ?? "") ?? 0
    }

    private static func paces(_ groups: [GroupFinding]) -> String {
        let words = groups.map { group in
            switch group.bottleneck.kind {
            case .stage: "a stage on \(type(of: group.bottleneck.device, in: group))"
            case .hop: "a hop"
            case .port: "KV at the port of \(type(of: group.bottleneck.device, in: group))"
            }
        }
        let times = ReportText.range(groups.map(\.bottleneck.seconds), ReportText.seconds)
        let kinds = Set(words)
        let named = kinds.count == 1 ? words[0] : ReportText.counted(words)
        var text = "Slowest: \(named), \(times)."
        let limited = groups.compactMap(\.batchLimit).filter { $0.reason == .memory }
        if !limited.isEmpty {
            let batches = ReportText.range(limited.map { Double($0.sequences) }, ReportText.number)
            text += " Memory keeps the batch of \(limited.count) of them at \(batches)."
        }
        return text
    }

    private static func type(of device: DeviceID, in group: GroupFinding) -> String {
        group.stages.first { $0.device == device }?.type ?? "one device"
    }
}
