/// Text in Prometheus's format (version 0.0.4) of several processes as one: every family once, with all of its lines.
struct MetricText: Sendable {
    private struct Family: Sendable {
        var comments: [String] = []
        var samples: [String] = []
    }

    private var order: [String] = []
    private var families: [String: Family] = [:]

    /// Adds what a process told; lines that are neither comments nor samples are left out.
    ///
    /// - Parameter labels: names and values for all of its samples.
    mutating func add(_ text: String, labels: [(String, String)] = []) {
        let added = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        for line in text.split(separator: "\n") {
            if line.hasPrefix("#") {
                let words = line.split(separator: " ", maxSplits: 3)
                guard words.count > 2, words[1] == "HELP" || words[1] == "TYPE" else { continue }
                let name = String(words[2])
                let comments = family(name).comments
                // The first process that tells of a family describes it.
                if !comments.contains(where: { $0.hasPrefix("# \(words[1]) ") }) {
                    families[name]?.comments.append(String(line))
                }
            } else if let end = line.firstIndex(where: { $0 == "{" || $0 == " " }), end > line.startIndex {
                let name = String(line[..<end])
                let key = familyName(name)
                _ = family(key)
                var sample = String(line)
                if !added.isEmpty {
                    let rest = line[end...]
                    sample = name + "{" + added + (rest.hasPrefix("{") ? "," + rest.dropFirst() : "}" + rest)
                }
                families[key]?.samples.append(sample)
            }
        }
    }

    /// Adds one figure.
    mutating func add(_ name: String, _ help: String, labels: [(String, String)] = [], _ value: Double) {
        guard value.isFinite else { return }
        add("# HELP \(name) \(help)\n# TYPE \(name) gauge\n\(name) \(value)", labels: labels)
    }

    /// The text.
    var text: String {
        order.compactMap { families[$0] }.filter { !$0.samples.isEmpty }
            .map { ($0.comments + $0.samples).joined(separator: "\n") + "\n" }.joined()
    }

    /// The samples of a histogram belong to the family without their suffixes.
    private func familyName(_ name: String) -> String {
        for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) {
            let stem = String(name.dropLast(suffix.count))
            if families[stem] != nil { return stem }
        }
        return name
    }

    private mutating func family(_ name: String) -> Family {
        if let family = families[name] { return family }
        order.append(name)
        families[name] = Family()
        return Family()
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
