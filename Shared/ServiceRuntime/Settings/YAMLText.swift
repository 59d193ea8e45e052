import Foundation
import Yams

/// YAML files as they may be given to a process: of a size, and without aliases that make much out of little.
public enum YAMLText {
    /// Most bytes of a file.
    public static let mostBytes = 1 << 20
    /// Most values in a file, those that aliases repeat included.
    public static let mostValues = 50_000

    /// Reads a file.
    ///
    /// - Throws: `RuntimeError` with code `badSetting`, naming the file and what is wrong with it.
    public static func read(_ path: String) throws(RuntimeError) -> String {
        let data: Data
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            data = try file.read(upToCount: mostBytes + 1) ?? Data()
        } catch {
            throw RuntimeError(.badSetting, "\(path): cannot be read: \(error.localizedDescription)")
        }
        guard data.count <= mostBytes else {
            throw RuntimeError(.badSetting, "\(path): is larger than \(mostBytes) bytes")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw RuntimeError(.badSetting, "\(path): is not text in UTF-8")
        }
        if let problem = problem(text) { throw RuntimeError(.badSetting, "\(path): \(problem)") }
        return text
    }

    /// What is wrong with a text; `nil` where it can be parsed and unfolded in little time.
    static func problem(_ text: String) -> String? {
        // Aliases share their value until it is looked at as a whole; keys are looked at while the text is parsed.
        if text.contains("&"), text.contains("*"), text.contains(compoundKey) {
            return "aliases and keys that are not plain text cannot be in one file"
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            return "is not YAML: \(error)"
        }
        var left = mostValues
        if let root, !fits(root, &left) { return "its aliases stand for more than \(mostValues) values" }
        return nil
    }

    /// A key after `?`, an alias or a list or map as key.
    private static var compoundKey: Regex<Substring> { /(?:^|[\s{,\[])\?\s|(?:\*[^\s,\[\]{}]+|[\]}])\s*:(?:[^\d]|$)/ }

    private static func fits(_ node: Node, _ left: inout Int) -> Bool {
        left -= 1
        guard left >= 0 else { return false }
        switch node {
        case .scalar, .alias: return true
        case .sequence(let sequence):
            for element in sequence where !fits(element, &left) { return false }
        case .mapping(let mapping):
            for (key, value) in mapping where !fits(key, &left) || !fits(value, &left) { return false }
        }
        return true
    }
}
