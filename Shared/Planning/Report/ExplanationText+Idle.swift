internal import Domain
internal import Drawing

/// The sentences about devices that are left out.
extension ExplanationText {
    static func idle(_ plan: PlanExplanation) -> [String] {
        guard !plan.idle.isEmpty else { return [] }
        var lines: [String] = []
        func add(_ devices: [IdleDevice], _ why: ([IdleDevice]) -> String) {
            if !devices.isEmpty { lines.append("Idle: \(names(devices)), \(why(devices)).") }
        }
        add(plan.idle.filter { $0.reason == .noRoom }) { _ in
            "without room for one layer and the KV cache of the longest request"
        }
        add(plan.idle.filter { $0.reason == .unusable }) { _ in "measured for neither phase" }
        let minimum = "the minimum decode speed of \(ReportText.number(plan.minimumTokensPerSecond)) tokens/s"
        add(plan.idle.filter { if case .tooSlow = $0.reason { true } else { false } }) { devices in
            "\(each(devices)) could add \(most(devices)) to the rate, but only below \(minimum)"
        }
        add(plan.idle.filter { if case .addsLittle = $0.reason { true } else { false } }) { devices in
            largestGain(devices) < 1e-6
                ? "which would add nothing to the rate, alone or in any group"
                : "\(each(devices)) would add \(most(devices)) to the rate, alone or in a group"
        }
        add(plan.idle.filter { $0.reason == .notTried }) { _ in "not tried one by one" }
        if let together = plan.idleTogether {
            let gain = ReportText.percent(together.gain)
            lines.append(
                together.gain < 1e-6
                    ? "  One more group of all idle devices would add nothing either."
                    : "  One more group of all idle devices would add \(gain)"
                        + (together.isTooSlow ? ", below \(minimum)." : "."))
        }
        return lines
    }

    private static func each(_ devices: [IdleDevice]) -> String { devices.count > 1 ? "each of which" : "which" }

    /// `up to 3 %`, or `less than 0.1 %`.
    private static func most(_ devices: [IdleDevice]) -> String {
        let text = ReportText.percent(largestGain(devices))
        return text.first?.isNumber == true ? "up to \(text)" : text
    }

    private static func largestGain(_ devices: [IdleDevice]) -> Double {
        devices.map { device in
            switch device.reason {
            case .tooSlow(let gain), .addsLittle(let gain): gain
            default: 0
            }
        }.max() ?? 0
    }

    private static func names(_ devices: [IdleDevice]) -> String {
        if devices.count <= 6 {
            let names = devices.map { device in device.type.map { "\(device.id) (\($0))" } ?? "\(device.id)" }
            return ReportText.list(names)
        }
        let types = devices.compactMap(\.type)
        if types.count == devices.count { return "\(devices.count) devices (\(ReportText.counted(types.sorted())))" }
        return "\(devices.count) devices (\(ReportText.list(devices.map(\.id.rawValue), most: 6)))"
    }
}
