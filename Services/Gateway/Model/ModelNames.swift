import ServiceRuntime

/// The names by which clients ask for the model.
struct ModelNames: Sendable, Hashable {
    /// The id that answers carry.
    let id: String
    /// Other names that are told to clients.
    let aliases: [String]
    /// Names that are accepted and not told: those that the file has for itself.
    private let silent: Set<String>

    /// Most aliases, and most bytes of a name.
    private static let mostAliases = 64
    private static let nameBytes = 256
    /// What clients write that do not care which model answers.
    private static let anyModel: Set<String> = ["", "default"]
    private static let suffix = ".gguf"

    /// Makes names; what is there twice counts once.
    init(id: String, aliases: [String] = [], silent: [String] = []) {
        self.id = id
        var told: [String] = []
        for alias in aliases where alias != id && !told.contains(alias) { told.append(alias) }
        self.aliases = told
        self.silent = Set(silent)
    }

    /// All names that are told, the id first.
    var told: [String] { [id] + aliases }

    /// Whether a client's name means this model: one of its names, with or without the ending of a model file, or a name
    /// that means any model.
    func contain(_ name: String) -> Bool {
        if Self.anyModel.contains(name) || knows(name) { return true }
        return name.lowercased().hasSuffix(Self.suffix) && knows(String(name.dropLast(Self.suffix.count)))
    }

    private func knows(_ name: String) -> Bool { name == id || aliases.contains(name) || silent.contains(name) }

    /// The error for a client's name that is none of these.
    func unknown(_ name: String) -> APIError {
        let list = told.prefix(8).joined(separator: ", ")
        return APIError.notFound(
            "the model \(name.prefix(128)) does not exist; there is \(list)", code: "model_not_found", "model")
    }

    /// The id of a model file: its name without folders and ending.
    static func short(_ path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let isFile = name.lowercased().hasSuffix(suffix) && name.count > suffix.count
        return isFile ? String(name.dropLast(suffix.count)) : name
    }

    /// Reads aliases with commas between.
    ///
    /// - Throws: `badSetting` for names that no client could write, and for too many.
    static func read(_ text: String, setting: String) throws(RuntimeError) -> [String] {
        let names = text.split(separator: ",").map { $0.trimming(while: \.isWhitespace) }.filter { !$0.isEmpty }
        guard names.count <= mostAliases else {
            throw RuntimeError(.badSetting, "\(setting): there are more than \(mostAliases) names")
        }
        for name in names where name.utf8.count > nameBytes || name.utf8.contains(where: { $0 < 0x21 || $0 == 0x7f }) {
            throw RuntimeError(
                .badSetting,
                "\(setting): a name has at most \(nameBytes) bytes, none of them a space or a control character")
        }
        return names
    }
}

extension Substring {
    /// Without the characters at both ends for which a condition holds.
    fileprivate func trimming(while condition: (Character) -> Bool) -> String {
        var rest = self.drop(while: condition)
        while let last = rest.last, condition(last) { rest.removeLast() }
        return String(rest)
    }
}
