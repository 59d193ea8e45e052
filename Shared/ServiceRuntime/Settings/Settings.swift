import Configuration
import Foundation
import Yams

/// One setting of a service: its key, its default and what it means. The table of a service's settings is the single
/// place that its help, its README and the check for unknown keys are made from.
public struct SettingKey: Sendable, Hashable {
    /// Dotted name, `scheduler.routing`.
    public let name: String
    /// Default as text; empty where there is none.
    public let defaultValue: String
    /// One sentence.
    public let summary: String

    /// Whether its value is a secret, which everybody on the machine could read in an argument list.
    public let isSecret: Bool

    /// Makes a row of the table.
    public init(_ name: String, _ defaultValue: String, _ summary: String, isSecret: Bool = false) {
        self.isSecret = isSecret
        self.name = name
        self.defaultValue = defaultValue
        self.summary = summary
    }

    /// The environment variable that sets it: `E2LLM_SCHEDULER_ROUTING`.
    public var environmentVariable: String {
        "E2LLM_" + name.map { $0 == "." || $0 == "-" ? "_" : String($0).uppercased() }.joined()
    }
}

/// The settings of a process: arguments win over the environment, the environment over the file, the file over defaults.
public struct Settings: Sendable {
    private let reader: ConfigReader
    private let defaults: [String: String]

    /// Reads the sources.
    ///
    /// - Parameters:
    ///   - keys: every setting that the process knows.
    ///   - arguments: `key=value` texts from the command line.
    ///   - file: a YAML file; keys of sections that no setting of `keys` begins with belong to other services.
    ///   - environment: variables that begin with `E2LLM_`; `nil`: those of this process. Variables of other services are ignored.
    /// - Throws: `RuntimeError` with code `badSetting` for keys that nobody knows and for a file that cannot be read.
    public init(
        keys: [SettingKey], arguments: [String] = [], file: String? = nil,
        environment: [String: String]? = nil
    ) throws(RuntimeError) {
        let environment = environment ?? ProcessInfo.processInfo.environment
        let known = Set(keys.map(\.name))
        let sections = Set(keys.map { String($0.name.prefix { $0 != "." }) })
        var fromArguments: [String: String] = [:]
        for argument in arguments {
            guard let split = argument.firstIndex(of: "=") else {
                throw RuntimeError(.badSetting, "--set takes key=value, not \(argument)")
            }
            let key = String(argument[..<split])
            guard known.contains(key) else {
                throw RuntimeError(.badSetting, "unknown setting \(key)\(Settings.suggestion(for: key, among: known))")
            }
            if let secret = keys.first(where: { $0.name == key && $0.isSecret }) {
                throw RuntimeError(
                    .badSetting,
                    "\(key) is not taken from arguments, which everybody on this machine can read: use a file with "
                        + "--config, or \(secret.environmentVariable)")
            }
            fromArguments[key] = String(argument[argument.index(after: split)...])
        }
        var fromEnvironment: [String: String] = [:]
        for key in keys {
            if let value = environment[key.environmentVariable] { fromEnvironment[key.name] = value }
        }
        if let unknown = Settings.unknownVariable(environment, keys, sections) {
            throw RuntimeError(
                .badSetting,
                "the environment variable \(unknown) is no setting of this service"
                    + Settings.question(forVariable: unknown, among: keys))
        }
        var fromFile: [String: String] = [:]
        if let file {
            for (key, value) in try Settings.flatten(file: file) {
                let section = String(key.prefix { $0 != "." })
                guard sections.contains(section) else {
                    if Settings.sections.contains(section) { continue }
                    throw RuntimeError(
                        .badSetting,
                        "\(file): unknown section \(section)"
                            + NearestName.question(section, among: Settings.sections)
                            + "; sections are \(Settings.sections.sorted().joined(separator: ", "))")
                }
                guard known.contains(key) else {
                    throw RuntimeError(
                        .badSetting, "\(file): unknown setting \(key)\(Settings.suggestion(for: key, among: known))")
                }
                fromFile[key] = value
            }
        }
        defaults = Dictionary(keys.map { ($0.name, $0.defaultValue) }) { first, _ in first }
        reader = ConfigReader(providers: [fromArguments, fromEnvironment, fromFile].map(Settings.provider))
    }

    /// The sections of all services, so that one file, and one environment, serves all.
    static let sections: Set = [
        "profiler", "partitioner", "clusterer", "scheduler", "gateway", "model", "worker", "fleet", "endpoints", "bind",
        "security",
    ]
    /// Variables that are no settings: of the engine, of the supervisor, of scripts and compose files, which people export.
    private static let otherVariables: Set = [
        "E2LLM_ISA", "E2LLM_EXIT_WITH_PARENT", "E2LLM_TINY_MODELS", "E2LLM_MODELS", "E2LLM_MODEL", "E2LLM_PORT",
        "E2LLM_IMAGE", "E2LLM_BASE_IMAGE", "E2LLM_SWAP_IMAGE", "E2LLM_KEYS", "E2LLM_TOKEN", "E2LLM_HOST",
        "E2LLM_API_KEY",
    ]

    /// A variable that looks like a setting and is none.
    private static func unknownVariable(
        _ environment: [String: String], _ keys: [SettingKey], _ own: Set<String>
    ) -> String? {
        let known = Set(keys.map(\.environmentVariable))
        let others = sections.subtracting(own).map { "E2LLM_\($0.uppercased())_" }
        return environment.keys.sorted().first { name in
            name.hasPrefix("E2LLM_") && !known.contains(name) && !otherVariables.contains(name)
                && !name.hasPrefix("E2LLM_TEST_") && !others.contains { name.hasPrefix($0) }
        }
    }

    /// What somebody meant who set a variable that is no setting: one of this service, or one of another section.
    private static func question(forVariable name: String, among keys: [SettingKey]) -> String {
        // What all have in common would make everything look near.
        let prefix = "E2LLM_"
        let rest = name.dropFirst(prefix.count)
        let own = keys.map { String($0.environmentVariable.dropFirst(prefix.count)) }
        if let near = NearestName.find(String(rest), among: own) { return " (did you mean \(prefix)\(near)?)" }
        let section = String(rest.prefix { $0 != "_" })
        guard let near = NearestName.find(section, among: sections) else { return "" }
        return " (did you mean \(prefix)\(near.uppercased())\(rest.dropFirst(section.count))?)"
    }

    /// A text; throws where the setting has neither value nor default.
    public func string(_ key: String) throws(RuntimeError) -> String {
        guard let value = optionalString(key) else {
            throw RuntimeError(
                .badSetting, "the setting \(key) is missing: give --set \(key)=... or a file with --config")
        }
        return value
    }

    /// A text that was given, whatever the default is.
    func given(_ key: String) -> String? {
        reader.string(forKey: ConfigKey(key.split(separator: ".").map(String.init))).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A text, or `nil` where the setting has neither value nor default.
    public func optionalString(_ key: String) -> String? {
        guard let fallback = defaults[key] else {
            preconditionFailure("\(key) is not in the service's table of settings")
        }
        let value = reader.string(forKey: ConfigKey(key.split(separator: ".").map(String.init))) ?? fallback
        return value.isEmpty ? nil : value
    }

    /// A whole number in a range.
    public func int(_ key: String, in range: ClosedRange<Int>) throws(RuntimeError) -> Int {
        let text = try string(key)
        guard let value = Int(text), range.contains(value) else {
            throw RuntimeError(
                .badSetting,
                "\(key) must be a whole number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return value
    }

    /// A number in a range.
    public func double(_ key: String, in range: ClosedRange<Double>) throws(RuntimeError) -> Double {
        let text = try string(key)
        guard let value = Double(text), range.contains(value) else {
            throw RuntimeError(
                .badSetting, "\(key) must be a number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return value
    }

    /// `true` or `false`.
    public func bool(_ key: String) throws(RuntimeError) -> Bool {
        switch try string(key).lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0": return false
        case let text: throw RuntimeError(.badSetting, "\(key) must be true or false, not \(text)")
        }
    }

    /// One of several names.
    public func choice<Value: RawRepresentable & CaseIterable>(
        _ key: String, as type: Value.Type = Value.self
    ) throws(RuntimeError) -> Value where Value.RawValue == String {
        let text = try string(key)
        guard let value = Value(rawValue: text) else {
            let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw RuntimeError(.badSetting, "\(key) must be one of \(names), not \(text)")
        }
        return value
    }

    /// Bytes: a number with an optional unit K, M, G (powers of 1024; `KB`, `MiB` and the like are the same).
    public func bytes(_ key: String) throws(RuntimeError) -> Int {
        let text = try string(key)
        guard let value = ByteText.parse(text) else {
            throw RuntimeError(.badSetting, "\(key) must be a size such as 512M or 2G, not \(text)")
        }
        return value
    }

    private static func provider(_ values: [String: String]) -> any ConfigProvider {
        var entries: [AbsoluteConfigKey: ConfigValue] = [:]
        for (key, value) in values {
            entries[AbsoluteConfigKey(key.split(separator: ".").map(String.init))] = ConfigValue(
                .string(value), isSecret: false)
        }
        return InMemoryProvider(values: entries)
    }

    /// The scalars of a YAML file by dotted key.
    public static func flatten(file: String) throws(RuntimeError) -> [String: String] {
        let text = try YAMLText.read(file)
        let root: Any?
        do {
            root = try Yams.load(yaml: text)
        } catch {
            throw RuntimeError(.badSetting, "\(file): \(error)")
        }
        var result: [String: String] = [:]
        func walk(_ value: Any, _ prefix: String) throws(RuntimeError) {
            if let map = value as? [String: Any] {
                for (key, inner) in map { try walk(inner, prefix.isEmpty ? key : "\(prefix).\(key)") }
            } else if value is [Any] {
                throw RuntimeError(.badSetting, "\(file): \(prefix) is a list; settings are single values")
            } else if !(value is NSNull) {
                result[prefix] = "\(value)"
            }
        }
        if let root {
            guard root is [String: Any] else { throw RuntimeError(.badSetting, "\(file): is not a map of settings") }
            try walk(root, "")
        }
        return result
    }

    private static func suggestion(for key: String, among known: Set<String>) -> String {
        if let near = NearestName.find(key, among: known) { return " (did you mean \(near)?)" }
        let last = key.split(separator: ".").last.map(String.init) ?? key
        let close = known.filter { $0.contains(last) || key.hasPrefix($0) }.sorted()
        return close.isEmpty ? "" : " (known: \(close.joined(separator: ", ")))"
    }
}

/// Sizes as people write them.
public enum ByteText {
    /// Bytes from `800`, `512M`, `2G`, `1.5GiB`; `nil` where the text is no positive size.
    public static func parse(_ text: String) -> Int? {
        var digits = Substring(text.lowercased())
        for suffix in ["ib", "b"] where digits.hasSuffix(suffix) {
            digits = digits.dropLast(suffix.count)
            break
        }
        var factor = 1.0
        for (unit, value) in [("k", 1024.0), ("m", 1_048_576), ("g", 1_073_741_824), ("t", 1_099_511_627_776)]
        where digits.hasSuffix(unit) {
            digits = digits.dropLast()
            factor = value
            break
        }
        guard let number = Double(digits), number > 0, number * factor < 1e18 else { return nil }
        return Int(number * factor)
    }

    /// `96.5 MiB` and the like.
    public static func format(_ bytes: Int) -> String {
        var value = Double(bytes)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if abs(value) < 1024 || unit == "GiB" {
                return unit == "B" ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(unit)"
            }
            value /= 1024
        }
        return "\(bytes) B"
    }
}
