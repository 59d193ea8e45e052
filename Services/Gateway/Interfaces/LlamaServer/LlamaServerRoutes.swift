import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore

/// `/props` and `/slots` in llama-server's form.
struct LlamaServerRoutes: Sendable {
    let service: GatewayService
    let model: ServedModel
    let reader: RequestReader

    /// What the server is, and what it does where a request does not say. The path of the file is nobody's affair.
    func properties() throws(APIError) -> Response {
        let sampling = try SamplingReader(RequestFields(.object([])), model.vocabulary).read()
        let parameters: JSONValue = [
            "temperature": .number(sampling.temperature), "top_k": .integer(sampling.topK),
            "top_p": .number(sampling.topP), "min_p": .number(sampling.minP),
            "repeat_penalty": .number(sampling.repetitionPenalty),
            "presence_penalty": .number(sampling.presencePenalty),
            "frequency_penalty": .number(sampling.frequencyPenalty), "seed": -1,
            "n_predict": reader.limits.defaultMaxTokens.map { .integer($0) } ?? -1,
        ]
        return .json([
            "default_generation_settings": ["n_ctx": context, "params": parameters],
            "total_slots": .integer(service.mostRequests), "model_alias": .string(model.names.id),
            "modalities": ["vision": false, "audio": false],
            "chat_template": .string(model.vocabulary.chatTemplate ?? ""),
            "eos_token": .string(model.vocabulary.endTokens.first.map { model.vocabulary.decode([$0]) } ?? ""),
            "build_info": .string("e2llm-" + ProductVersion.number),
        ])
    }

    /// The places for sequences; those of requests that run or wait are named first.
    ///
    /// - Throws: 503 with `?fail_on_no_slot=1` where all are taken.
    func slots(_ request: Request) throws(APIError) -> Response {
        let open = service.openNames
        let count = max(service.mostRequests, open.count)
        if request.uri.queryParameters["fail_on_no_slot"].map({ $0 == "1" }) == true, open.count >= count {
            throw APIError.unavailable("no slot is free")
        }
        let slots = (0..<count).map { index -> JSONValue in
            let isTaken = index < open.count
            let base: JSONValue = [
                "id": .integer(index), "n_ctx": context, "is_processing": .bool(isTaken),
            ]
            return isTaken ? base.adding(["request": .string(open[index].rawValue)]) : base
        }
        return .json(.array(slots))
    }

    private var context: JSONValue { model.toldContext.map { .integer($0) } ?? .null }
}
