import HTTPTypes
import Hummingbird
import HummingbirdCore

/// `/tokenize` and `/detokenize`, in the shapes of llama-server and vLLM.
struct TokenizeRoutes: Sendable {
    let model: ServedModel
    let bodies: BodyReader
    let reader: RequestReader

    func tokenize(_ request: Request, _ connection: ClientConnection) async throws(APIError) -> Response {
        let fields = try RequestFields(try await bodies.json(request, connection))
        let tokens: [Int32]
        let content = try fields.string("content")
        if content == nil, fields.value("messages") != nil {
            tokens = try ChatReader(reader).tokens(
                fields, try ToolReader(fields, model.vocabulary).read())
        } else {
            let prompt = try fields.string("prompt")
            guard let text = content ?? prompt else {
                throw APIError.invalid("content, prompt or messages must be given", "content")
            }
            guard text.utf8.count <= reader.limits.promptBytes else {
                throw APIError.invalid("the text has \(text.utf8.count) bytes, at most \(reader.limits.promptBytes)")
            }
            // llama-server adds nothing unless asked, vLLM adds the special tokens unless told not to.
            let llama = try fields.bool("add_special")
            let vllm = try fields.bool("add_special_tokens")
            let parses = try fields.bool("parse_special") ?? true
            tokens = try encode(text, addsSpecial: llama ?? vllm ?? (content == nil), parsesSpecial: parses)
        }
        var answer: JSONValue = [
            "count": .integer(tokens.count), "max_model_len": model.toldContext.map { .integer($0) } ?? .null,
            "tokens": .array(tokens.map { .integer(Int($0)) }),
        ]
        if try fields.bool("with_pieces") == true {
            let pieces = tokens.map { token -> JSONValue in
                ["id": .integer(Int(token)), "piece": .string(model.vocabulary.piece(token))]
            }
            answer = ["count": .integer(tokens.count), "tokens": .array(pieces)]
        } else if try fields.bool("return_token_strs") == true {
            answer = answer.adding([
                "token_strs": .array(tokens.map { .string(model.vocabulary.piece($0)) })
            ])
        }
        return .json(answer)
    }

    func detokenize(_ request: Request, _ connection: ClientConnection) async throws(APIError) -> Response {
        let fields = try RequestFields(try await bodies.json(request, connection))
        guard let tokens = try fields.tokens("tokens", vocabulary: model.vocabulary.count, atMost: 1_000_000) else {
            throw APIError.invalid("tokens must be an array of token ids", "tokens")
        }
        let text = model.vocabulary.decode(tokens)
        return .json(["content": .string(text), "prompt": .string(text)])
    }

    private func encode(_ text: String, addsSpecial: Bool, parsesSpecial: Bool) throws(APIError) -> [Int32] {
        do {
            return try model.vocabulary.encode(text, addsSpecial: addsSpecial, parsesSpecial: parsesSpecial)
        } catch {
            throw APIError.invalid("the text cannot be tokenized: \(error)", "content")
        }
    }
}
