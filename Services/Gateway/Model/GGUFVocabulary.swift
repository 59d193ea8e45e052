import Domain
import Inference
import ServiceRuntime

/// The vocabulary and chat template of a GGUF file.
struct GGUFVocabulary: ServedVocabulary {
    private let tokenizer: Tokenizer
    private let chats: ChatSupport

    /// Reads both; a file without a template, or with one that is not understood, serves completions only.
    init(_ file: GGUFFile) throws {
        tokenizer = try Tokenizer(gguf: file)
        chats = ChatSupport.read(file, tokenizer: tokenizer)
    }

    var chatProblem: String? { chats.problem }

    var count: Int { tokenizer.vocabularySize }
    var endTokens: [Int32] { tokenizer.endOfGenerationTokens }

    func encode(_ text: String, addsSpecial: Bool, parsesSpecial: Bool) -> [Int32] {
        tokenizer.encode(text, addSpecial: addsSpecial, parseSpecial: parsesSpecial)
    }

    func encode(_ chat: [ChatMessage], extra: [String: TemplateValue], ending: ChatEnding) throws -> [Int32] {
        switch chats {
        case .format(let format): return try format.tokens(chat, extra: extra, ending: ending)
        case .absent: throw NoChatTemplate()
        case .unusable(let reason): throw UnusableChatTemplate(reason: reason)
        }
    }

    var chatTemplate: String? { if case .format(let format) = chats { format.source } else { nil } }

    func controlTokens(_ names: Set<String>) -> [String: Int32] {
        var found: [String: Int32] = [:]
        for name in names {
            let tokens = tokenizer.encode(name, addSpecial: false, parseSpecial: true)
            if tokens.count == 1, tokenizer.isControl(tokens[0]) { found[name] = tokens[0] }
        }
        return found
    }

    func decode(_ tokens: [Int32]) -> String { tokenizer.decode(tokens, skipSpecial: false) }

    func piece(_ token: Int32) -> String { String(decoding: tokenizer.piece(token), as: UTF8.self) }

    func bytes(of token: Int32) -> [UInt8] { Array(tokenizer.piece(token)) }

    func makeText() -> any TokenText { StreamingDetokenizer(tokenizer: tokenizer, skipSpecial: true) }

    func makeText(showing tokens: Set<Int32>) -> any TokenText {
        StreamingDetokenizer(tokenizer: tokenizer, skipSpecial: true, showing: tokens)
    }
}

/// The model is not made for chats.
struct NoChatTemplate: Error {}

/// The model is made for chats, but its template is not understood.
struct UnusableChatTemplate: Error {
    /// Why, with the key of the file.
    var reason: String
}

extension StreamingDetokenizer: TokenText {}

extension ServedModel {
    /// Opens the model file of the configuration; no weights are read.
    ///
    /// - Throws: an error that names the file or the key where it cannot be used.
    init(_ configuration: GatewayConfiguration) throws {
        let file = try GGUFFile(path: configuration.modelPath)
        let metadata = file.metadata
        let architecture = try metadata.string("general.architecture")
        let trained = try metadata.uint("\(architecture).context_length")
        guard trained >= 2 else {
            throw RuntimeError(.badSetting, "\(configuration.modelPath): a context of \(trained) tokens is too short")
        }
        let short = ModelNames.short(configuration.modelPath)
        let own = try metadata.optionalString("general.name")
        let names = ModelNames(
            id: configuration.modelAlias ?? short, aliases: configuration.aliases,
            silent: [short] + (own.map { [$0] } ?? []))
        let vocabulary: GGUFVocabulary
        do {
            vocabulary = try GGUFVocabulary(file)
        } catch {
            throw RuntimeError(.badSetting, "\(configuration.modelPath): \(error)")
        }
        self.init(
            names: names, digest: ModelDigest(file.digest),
            trainedContext: min(configuration.context ?? trained, trained), vocabulary: vocabulary,
            file: ModelFileFacts(file, path: configuration.modelPath))
    }
}
