import Foundation
import ServiceRuntime

/// A setting with its value and where that comes from. Its JSON has these names for good.
struct EffectiveSetting: Encodable, Sendable, Hashable {
    /// Where a value comes from; later ones win.
    enum Source: String, Encodable, Sendable {
        case preset = "default"
        case file, environment, flag
    }

    var key: String
    /// Empty where there is none; hidden where it is a secret.
    var value: String
    var source: Source
    /// The variable that would set it.
    var environmentVariable: String
    /// The services that know it.
    var services: [String]
    var summary: String

    enum CodingKeys: String, CodingKey {
        case key, value, source, services, summary
        case environmentVariable = "environment_variable"
    }
}

/// The settings of all services, as the sources give them.
enum EffectiveSettings {
    /// Names of settings that are, or may be, secrets themselves and not their files.
    private static let secrets: Set = ["gateway.api_keys", "security.token"]

    /// Reads what an executable prints for `--show-settings`.
    static func parse(_ text: String) -> [SettingKey] {
        var keys: [SettingKey] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.hasPrefix(" ") {
            guard let open = line.range(of: "  ["), let close = line.range(of: "]  E2LLM_", options: .backwards) else {
                continue
            }
            let next = lines.indices.contains(index + 1) ? lines[index + 1] : ""
            let summary = next.hasPrefix("    ") ? String(next.dropFirst(4)) : ""
            keys.append(
                SettingKey(
                    String(line[..<open.lowerBound]), String(line[open.upperBound..<close.lowerBound]), summary))
        }
        return keys
    }

    /// What counts for each setting.
    ///
    /// - Parameters:
    ///   - services: each service with the settings that it knows.
    ///   - flags: `key=value` texts, the last one of a key counts.
    static func resolve(
        _ services: [(name: String, keys: [SettingKey])], flags: [String], environment: [String: String],
        file: [String: String]
    ) -> [EffectiveSetting] {
        var flagged: [String: String] = [:]
        for flag in flags {
            guard let split = flag.firstIndex(of: "=") else { continue }
            flagged[String(flag[..<split])] = String(flag[flag.index(after: split)...])
        }
        var found: [String: EffectiveSetting] = [:]
        for (name, keys) in services {
            for key in keys {
                if found[key.name] != nil {
                    found[key.name]?.services.append(name)
                    continue
                }
                let candidates: [(String?, EffectiveSetting.Source)] = [
                    (flagged[key.name], .flag), (environment[key.environmentVariable], .environment),
                    (file[key.name], .file), (key.defaultValue, .preset),
                ]
                guard let (value, source) = candidates.first(where: { $0.0 != nil }) else { continue }
                let isHidden = secrets.contains(key.name) && value?.isEmpty == false
                found[key.name] = EffectiveSetting(
                    key: key.name, value: isHidden ? "(hidden)" : value ?? "", source: source,
                    environmentVariable: key.environmentVariable, services: [name], summary: key.summary)
            }
        }
        return found.values.sorted { $0.key < $1.key }
    }
}
