/// Figures as people read them; the same on every machine.
public enum ReportText {
    /// A number with three significant digits, without zeros that say nothing: `0.0813`, `2.5`, `12`, `4310`.
    public static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "unknown" : value > 0 ? "unlimited" : "-unlimited" }
        let size = value.magnitude
        guard size >= 1e-9 else { return "0" }
        guard size < 1e15 else { return "\(value)" }
        // Rounded first: 9.996 is 10, which has one decimal less.
        var decimals = 2
        var scale = 100.0
        while decimals > 0, (size * scale).rounded() >= 1000 {
            decimals -= 1
            scale /= 10
        }
        while decimals < 11, (size * scale).rounded() < 100 {
            decimals += 1
            scale *= 10
        }
        let digits = Int((size * scale).rounded())
        var text = "\(digits)"
        if decimals > 0 {
            text = String(repeating: "0", count: max(0, decimals + 1 - text.count)) + text
            let whole = text.dropLast(decimals)
            var fraction = text.suffix(decimals)
            while fraction.last == "0" { fraction.removeLast() }
            text = fraction.isEmpty ? String(whole) : "\(whole).\(fraction)"
        }
        return value < 0 ? "-" + text : text
    }

    /// A time with its unit: `3.2 ms`, `1.25 s`.
    public static func seconds(_ value: Double) -> String {
        // Just below a second rounds up to it.
        value.magnitude < 0.9995 ? "\(number(value * 1000)) ms" : "\(number(value)) s"
    }

    /// A share as percent: `0.4 %`, `37 %`.
    public static func percent(_ share: Double) -> String {
        guard share.isFinite else { return "\(number(share)) %" }
        let percent = share * 100
        if percent != 0, percent.magnitude < 0.05 { return percent > 0 ? "less than 0.1 %" : "0 %" }
        let scale = percent.magnitude < 10 ? 10.0 : 1
        return "\(number((percent * scale).rounded() / scale)) %"
    }

    /// A size: `4.2 MB`.
    public static func bytes(_ value: Double) -> String {
        if value < 1e6 { return "\(number(value / 1e3)) kB" }
        return value < 1e9 ? "\(number(value / 1e6)) MB" : "\(number(value / 1e9)) GB"
    }

    /// A word for a number of things.
    public static func count(_ number: Int, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }

    /// `a, b and c`; of more than `most` only the first and how many more.
    public static func list(_ names: [String], most: Int = 8) -> String {
        guard names.count > 1 else { return names.first ?? "none" }
        if names.count > most {
            return names.prefix(most - 1).joined(separator: ", ") + " and \(names.count - most + 1) more"
        }
        return names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
    }

    /// Equal words counted together: `2 nano and 1 pi`; in order of their first.
    public static func counted(_ words: [String]) -> String {
        var counts: [String: Int] = [:]
        var order: [String] = []
        for word in words {
            if counts[word] == nil { order.append(word) }
            counts[word, default: 0] += 1
        }
        return list(order.map { "\(counts[$0] ?? 0) \($0)" })
    }

    /// `0.5 to 0.7`, or one number where both read the same.
    public static func range(_ values: [Double], _ text: (Double) -> String) -> String {
        let low = text(values.min() ?? 0)
        let high = text(values.max() ?? 0)
        return low == high ? low : "\(low) to \(high)"
    }
}
