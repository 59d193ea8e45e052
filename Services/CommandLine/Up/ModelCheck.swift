import Inference

/// Whether a fleet can serve a model file: found out before anything starts, since every process would refuse it for
/// the same reason.
enum ModelCheck {
    /// Checks sizes, tensors and vocabulary.
    ///
    /// - Returns: why chats cannot be served although completions can; `nil` where both can, or the file is not made
    ///   for chats.
    /// - Throws: a `Failure` that names the file and what is wrong with it.
    static func run(_ path: String) throws -> String? {
        do {
            let file = try ModelFile(path: path)
            let tokenizer = try Tokenizer(gguf: file.gguf)
            return ChatSupport.read(file.gguf, tokenizer: tokenizer).problem.map {
                "\(path): \($0); chats are refused, completions are served"
            }
        } catch {
            throw Failure(.failed, "\(path): \(error)")
        }
    }
}
