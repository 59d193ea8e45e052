import Domain
import Inference
import Testing

@testable import Gateway

struct RequestReaderTests {
    private let reader = RequestReader(model: ByteVocabulary.model, limits: RequestLimits())

    private func read(_ body: String, _ kind: GenerationKind = .chat) throws -> GenerationRequest {
        try reader.read(JSONParser.parse(Array(body.utf8)), kind: kind)
    }

    private func chat(_ fields: String) -> String {
        #"{"messages":[{"role":"user","content":"hi"}]"# + (fields.isEmpty ? "" : ",\(fields)") + "}"
    }

    @Test func everyFieldArrives() throws {
        let request = try read(
            chat(
                #"""
                "model":"bytes","temperature":0.5,"top_p":0.9,"top_k":40,"min_p":0.1,"seed":-3,"n":2,"max_tokens":5,
                "max_completion_tokens":7,"presence_penalty":1,"frequency_penalty":-1,"repetition_penalty":1.1,
                "stop":["x","y"],"stop_token_ids":[65],"include_stop_str_in_output":true,"min_tokens":2,"stream":true,
                "stream_options":{"include_usage":true,"continuous_usage_stats":true},"logprobs":null,"user":"me",
                "tools":[],"response_format":{"type":"text"},"unknown_field":{"a":1}
                """#))
        #expect(
            request.sampling
                == SamplingParameters(
                    temperature: 0.5, topK: 40, topP: 0.9, minP: 0.1, repetitionPenalty: 1.1, presencePenalty: 1,
                    frequencyPenalty: -1, seed: UInt64(bitPattern: -3)))
        #expect(request.maxTokens == 7)
        #expect(request.stopStrings == ["x", "y"])
        #expect(request.stopTokens == [65, 256])
        #expect(request.choices == 2 && request.minTokens == 2 && request.streams && request.includesStopString)
        #expect(request.includesUsage && request.usageInEveryChunk)
        let demands = request.demands(context: 512)
        #expect(demands.map(\.sampling.seed) == [UInt64(bitPattern: -3), UInt64(bitPattern: -2)])
    }

    @Test func defaults() throws {
        let request = try read(chat(#""stop":null,"n":null"#))
        #expect(request.sampling.temperature == 1)
        #expect(request.maxTokens == .max)
        let demand = try #require(request.demands(context: 512).first)
        #expect(demand.stop.maxTokens == 512 - request.promptTokens)
        #expect(try read(chat(#""ignore_eos":true"#)).stopTokens.isEmpty)
        #expect(try read(chat("")).sampling.seed != read(chat("")).sampling.seed)
    }

    @Test func aLimitOfTheServerCountsWhereTheClientSetsNone() throws {
        var limits = RequestLimits()
        limits.defaultMaxTokens = 9
        let reader = RequestReader(model: ByteVocabulary.model, limits: limits)
        func limit(_ body: String) throws -> Int {
            try reader.read(JSONParser.parse(Array(body.utf8)), kind: .completion).maxTokens
        }
        #expect(try limit(#"{"prompt":"a"}"#) == 9)
        #expect(try limit(#"{"prompt":"a","max_tokens":20}"#) == 20)
    }

    @Test(arguments: [
        "byte-model", "byte-model.gguf", "byte-model.GGUF", "bytes", "bytes.gguf", "Byte Model", "default", "",
    ])
    func namesOfTheModel(name: String) throws {
        #expect(try read(chat("\"model\":\"\(name)\"")).prompts.count == 1)
    }

    @Test(arguments: ["byte", ".gguf", "byte-model.gguf.gguf", "/models/byte-model", "Default", "gpt-4"])
    func anUnknownNameIsToldWhatThereIs(name: String) throws {
        let error = #expect(throws: APIError.self) { try read(chat("\"model\":\"\(name)\"")) }
        #expect(error?.status == 404 && error?.code == "model_not_found" && error?.mayPass == false)
        #expect(error?.message.hasSuffix("there is byte-model, bytes") == true)
    }

    @Test func specialTextOfMessagesStaysText() throws {
        let body = #"{"messages":[{"role":"user","content":"<|end|>"}]}"#
        #expect(try read(body).prompts[0].tokens.filter { $0 == ByteVocabulary.end }.count == 1)
    }

    @Test func contentParts() throws {
        let body = #"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}"#
        #expect(
            try read(body).prompts[0].tokens == ByteVocabulary().encode([ChatMessage(role: "user", content: "a\nb")]))
    }

    @Test(arguments: [
        (#""ab""#, [[257, 97, 98]]), (#"["a","b"]"#, [[257, 97], [257, 98]]), ("[97,98]", [[97, 98]]),
        ("[[97],[98,99]]", [[97], [98, 99]]),
    ])
    func prompts(text: String, expected: [[Int32]]) throws {
        #expect(try read("{\"prompt\":\(text)}", .completion).prompts.map(\.tokens) == expected)
    }

    @Test(arguments: [
        (#""temperature":-1"#, 400, "temperature"), (#""temperature":2.1"#, 400, "temperature"),
        (#""temperature":"hot""#, 400, "temperature"), (#""top_p":1.5"#, 400, "top_p"),
        (#""top_k":-2"#, 400, "top_k"), (#""min_p":2"#, 400, "min_p"), (#""n":0"#, 400, "n"),
        (#""n":1000000"#, 400, "n"),
        (#""max_tokens":0"#, 400, "max_tokens"), (#""max_tokens":-1"#, 400, "max_tokens"),
        (#""max_tokens":9223372036854775808"#, 400, "max_tokens"), (#""max_tokens":"a""#, 400, "max_tokens"),
        (#""max_tokens":1.5"#, 400, "max_tokens"), (#""max_completion_tokens":0"#, 400, "max_completion_tokens"),
        (#""seed":18446744073709551616"#, 400, "seed"), (#""seed":0.5"#, 400, "seed"),
        (#""presence_penalty":3"#, 400, "presence_penalty"), (#""frequency_penalty":-3"#, 400, "frequency_penalty"),
        (#""repetition_penalty":0"#, 400, "repetition_penalty"), (#""stop":1"#, 400, "stop"),
        (#""stop":[1]"#, 400, "stop"),
        (#""cache_salt":"""#, 400, "cache_salt"), (#""cache_salt":5"#, 400, "cache_salt"),
        (#""stop":"""#, 400, "stop"), (#""stop_token_ids":[258]"#, 400, "stop_token_ids"),
        (#""stop_token_ids":[-1]"#, 400, "stop_token_ids"), (#""min_tokens":5,"max_tokens":4"#, 400, "min_tokens"),
        (#""stream":1"#, 400, "stream"), (#""stream_options":1"#, 400, "stream_options"),
        (#""stream_options":{"include_usage":"y"}"#, 400, "stream_options.include_usage"),
        (#""model":"gpt-4""#, 404, "model"), (#""model":"../../etc/passwd""#, 404, "model"),
        (#""logprobs":1"#, 400, "logprobs"), (#""top_logprobs":5"#, 400, "top_logprobs"),
        (#""logprobs":true,"top_logprobs":1000000000"#, 400, "top_logprobs"),
        (#""logit_bias":{"x":1}"#, 400, "logit_bias"), (#""logit_bias":{"258":1}"#, 400, "logit_bias"),
        (#""logit_bias":{"5":101}"#, 400, "logit_bias"), (#""logit_bias":{"5":"1"}"#, 400, "logit_bias"),
        (#""logit_bias":[[5]]"#, 400, "logit_bias"), (#""logit_bias":[5,1]"#, 400, "logit_bias"),
        (#""logit_bias":5"#, 400, "logit_bias"), (#""logit_bias":{"-1":1}"#, 400, "logit_bias"),
        (#""n_predict":0"#, 400, "n_predict"), (#""n_predict":-3"#, 400, "n_predict"),
        (#""chat_template_kwargs":1"#, 400, "chat_template_kwargs"),
        (#""chat_template_kwargs":{"messages":[]}"#, 400, "chat_template_kwargs.messages"),
        (#""chat_template_kwargs":{"thinking":true}"#, 400, "chat_template_kwargs.thinking"),
        (#""enable_thinking":true"#, 400, "enable_thinking"), (#""enable_thinking":"no""#, 400, "enable_thinking"),
        (#""reasoning_effort":1"#, 400, "reasoning_effort"), (#""reasoning_format":"x""#, 400, "reasoning_format"),
        (#""continue_final_message":true"#, 400, "continue_final_message"),
        (#""continue_final_message":true,"add_generation_prompt":true"#, 400, "continue_final_message"),
        (#""typical_p":0.9"#, 400, "typical_p"), (#""mirostat":2"#, 400, "mirostat"),
        (#""dry_multiplier":0.8"#, 400, "dry_multiplier"), (#""xtc_probability":0.5"#, 400, "xtc_probability"),
        (#""top_a":0.2"#, 400, "top_a"), (#""tfs_z":0.9"#, 400, "tfs_z"), (#""num_beams":4"#, 400, "num_beams"),
        (#""suffix":"x""#, 400, "suffix"), (#""samplers":["top_k"]"#, 400, "samplers"),
        (#""repeat_last_n":64,"repeat_penalty":1.1"#, 400, "repeat_last_n"),
        (#""no_repeat_ngram_size":3"#, 400, "no_repeat_ngram_size"), (#""prompt_logprobs":1"#, 400, "prompt_logprobs"),
        (#""response_format":{"type":"json_schema"}"#, 400, "response_format.json_schema"),
        (#""response_format":{"type":"xml"}"#, 400, "response_format.type"),
        (#""response_format":1"#, 400, "response_format"),
        (#""max_tokens":1e300"#, 400, "max_tokens"), (#""top_k":18446744073709551615"#, 400, "top_k"),
        (#""seed":-9223372036854775809"#, 400, "seed"), (#""seed":"1""#, 400, "seed"),
        (#""tools":[{"type":"function"}]"#, 400, "tools[0].function"),
        (#""tool_choice":"required""#, 400, "tool_choice"),
        (#""best_of":3"#, 400, "best_of"), (#""guided_json":1"#, 400, "guided_json"), (#""echo":true"#, 400, "echo"),
        (#""use_beam_search":true"#, 400, "use_beam_search"), (#""chat_template":"{{x}}""#, 400, "chat_template"),
    ])
    func refuses(field: String, status: Int, parameter: String) {
        let error = #expect(throws: APIError.self) { try read(chat(field)) }
        #expect(error?.status == status)
        #expect(error?.parameter == parameter)
        #expect(error?.message.isEmpty == false)
    }

    /// Refused for what they are, not as a fault of the server, which clients would ask again and again.
    @Test(arguments: [
        #""tools":[{"type":"retrieval"}]"#, #""suffix":"x""#, #""structured_outputs":{"structural_tag":"{}"}"#,
    ])
    func whatIsNotSupportedIsACallersError(field: String) {
        let error = #expect(throws: APIError.self) { try read(chat(field)) }
        #expect(error?.status == 400 && error?.type == "invalid_request_error" && error?.mayPass == false)
        #expect(error?.code == "unsupported_parameter")
        #expect(error?.message.contains("not supported") == true)
    }

    /// As llama-server's and other clients send them with every request.
    @Test func fieldsThatChangeNothingAreTaken() throws {
        _ = try read(
            chat(
                #"""
                "samplers":[],"dynatemp_range":0,"dynatemp_exponent":1,"typ_p":1,"typical_p":1.0,"xtc_probability":0.0,
                "xtc_threshold":0.1,"repeat_last_n":64,"repeat_penalty":1.0,"dry_multiplier":0,"dry_base":1.75,
                "dry_allowed_length":2,"mirostat":0,"mirostat_tau":5,"tfs_z":1,"top_a":0,"logit_bias":{},"num_beams":1,
                "use_beam_search":false,"best_of":1,"suffix":null,"logprobs":false,"top_logprobs":0,"cache_prompt":true,
                "chat_template_kwargs":{},"enable_thinking":false,"add_generation_prompt":true,"top_n_sigma":-1
                """#))
    }

    @Test func theLeastTopPTakesTheMostLikelyToken() throws {
        #expect(try read(chat(#""top_p":0"#)).sampling.topP == 0)
    }

    @Test(
        arguments: [
            (#"{"65":5,"66":-100,"67":0}"#, [LogitBias(token: 65, bias: 5), LogitBias(token: 66, bias: -100)]),
            (
                #"[[66,1.5],[65,false]]"#,
                [LogitBias(token: 65, bias: LogitBias.never), LogitBias(token: 66, bias: 1.5)]
            ),
            (#"[["BA",2]]"#, [LogitBias(token: 65, bias: 2), LogitBias(token: 66, bias: 2)]), ("{}", nil),
            (#"{"65":0}"#, nil),
        ] as [(String, [LogitBias]?)])
    func biases(text: String, expected: [LogitBias]?) throws {
        let sampling = try read(chat("\"logit_bias\":\(text)")).sampling
        #expect(sampling.logitBias == expected && sampling.problem == nil)
    }

    @Test func llamaServersNameOfTheLimit() throws {
        for (fields, limit) in [
            (#""n_predict":7"#, 7), (#""n_predict":-1"#, Int.max), (#""n_predict":-2"#, Int.max),
            (#""n_predict":7,"max_tokens":5"#, 5),
        ] { #expect(try read(chat(fields)).maxTokens == limit) }
        #expect(try read(#"{"prompt":"a","n_predict":0}"#, .completion).maxTokens == 0)
    }

    @Test func logprobsOfBothKinds() throws {
        #expect(try read(chat("")).sampling.topScores == nil)
        #expect(try read(chat(#""logprobs":true"#)).sampling.topScores == 0)
        let request = try read(chat(#""logprobs":true,"top_logprobs":20"#))
        #expect(request.sampling.topScores == 20 && request.sampling.promptScores == nil)
        func completion(_ fields: String) throws -> GenerationRequest {
            try read(#"{"prompt":[65,66],"# + fields + "}", .completion)
        }
        #expect(try completion(#""logprobs":0"#).sampling.topScores == 0)
        #expect(try completion(#""logprobs":null,"echo":true"#).sampling.promptScores == nil)
        let echo = try completion(#""logprobs":1,"echo":true,"max_tokens":1"#)
        #expect(echo.sampling.topScores == 1 && echo.sampling.promptScores == 1 && !echo.hidesOutput)
        let alone = try completion(#""logprobs":1,"echo":true,"max_tokens":0"#)
        #expect(alone.hidesOutput && alone.demands(context: 512).map(\.stop.maxTokens) == [1])
        #expect(try !completion(#""logprobs":1,"max_tokens":0"#).hidesOutput)
    }

    @Test func templatesAreToldWhatTheyKnow() throws {
        let template = "{% if enable_thinking %}{{ reasoning_effort }}{{ style }}{% endif %}"
        let reader = RequestReader(model: ByteVocabulary.makeModel(template: template), limits: RequestLimits())
        func text(_ fields: String) throws -> String {
            let tokens = try reader.read(JSONParser.parse(Array(chat(fields).utf8)), kind: .chat).prompts[0].tokens
            return ByteVocabulary().decode(tokens)
        }
        #expect(try text(#""enable_thinking":true"#) == "enable_thinking=true;user:hi")
        #expect(try text(#""reasoning_effort":"low""#) == #"reasoning_effort="low";user:hi"#)
        #expect(
            try text(#""chat_template_kwargs":{"style":{"a":[1]},"enable_thinking":false,"other":null}"#)
                == #"enable_thinking=false;style={"a":[1]};user:hi"#)
    }

    @Test func messagesAreContinued() throws {
        func tokens(_ fields: String) throws -> [Int32] {
            try read(
                #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"# + fields + "}"
            ).prompts[0].tokens
        }
        let whole = try tokens("")
        #expect(try tokens(#","continue_final_message":true,"add_generation_prompt":false"#) == whole.dropLast())
        #expect(try tokens(#","add_generation_prompt":false"#) == whole + [ByteVocabulary.start])
    }

    @Test func thoughtsAreReadWhereTheTemplateShowsThem() throws {
        let template = "{{ '<think>' }}{{ '</think>' }}"
        let reader = RequestReader(model: ByteVocabulary.makeModel(template: template), limits: RequestLimits())
        func reading(_ fields: String) throws -> AnswerReading? {
            try reader.read(JSONParser.parse(Array(chat(fields).utf8)), kind: .chat).reading
        }
        #expect(try reading("")?.thinking == ThinkTags(open: "<think>", close: "</think>"))
        #expect(try reading("")?.isThinking == false && reading("")?.syntax == nil)
        #expect(try reading(#""include_reasoning":false"#)?.tellsThoughts == false)
        for fields in [#""reasoning_format":"none""#, #""response_format":{"type":"json_object"}"#] {
            #expect(try reading(fields) == nil)
        }
        #expect(try read(chat("")).reading == nil)
    }

    @Test func seedsHave64Bits() throws {
        for (text, seed) in [
            ("18446744073709551615", UInt64.max), ("9223372036854775808", 1 << 63), ("0", 0), ("7.0", 7),
            ("-2", UInt64.max - 1), ("-9223372036854775808", 1 << 63),
        ] as [(String, UInt64)] {
            #expect(try read(chat(#""seed":\#(text)"#)).sampling.seed == seed)
        }
        // As elsewhere, -1 asks for another one each time.
        for text in ["-1", "-1.0"] {
            #expect(try read(chat(#""seed":\#(text)"#)).sampling.seed != read(chat(#""seed":\#(text)"#)).sampling.seed)
        }
        let error = #expect(throws: APIError.self) { try read(chat(#""seed":18446744073709551616"#)) }
        #expect(error?.message.contains("-9223372036854775808 to 18446744073709551615") == true)
    }

    /// Messages of assistants that clients send back as they got them.
    @Test(
        arguments: [
            (#""content":null"#, ""), (#""content":null,"refusal":null"#, ""),
            (#""content":null,"refusal":"No.""#, "No."),
            (
                #""content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]"#,
                // The template does not know of calls.
                #"<tool_call>[{"name":"f","arguments":{}}]</tool_call>"#
            ),
            (#""content":"a","tool_calls":[]"#, "a"), (#""content":"a","tool_calls":null,"function_call":null"#, "a"),
            (#""content":[{"type":"refusal","refusal":"No."}]"#, "No."),
        ])
    func assistantsNeedNoText(fields: String, text: String) throws {
        let body = #"{"messages":[{"role":"assistant",\#(fields)},{"role":"user","content":"b"}]}"#
        #expect(
            try read(body).prompts[0].tokens
                == ByteVocabulary().encode([
                    ChatMessage(role: "assistant", content: text), ChatMessage(role: "user", content: "b"),
                ]))
    }

    @Test func callsOfToolsReachTheTemplate() throws {
        let fields = try RequestFields(
            JSONParser.parse(
                Array(
                    #"""
                    {"tool_call_id":"1","name":"n","tool_calls":[
                    {"id":"1","function":{"name":"f","arguments":"{\"a\":[1,null]}"}},
                    {"function":{"name":"g","arguments":"x"}}]}
                    """#.utf8)))
        #expect(
            try MessageFields.read(fields) == [
                TemplateValue.Member(
                    "tool_calls",
                    .array([
                        .object([
                            TemplateValue.Member("id", .string("1")),
                            TemplateValue.Member(
                                "function",
                                .object([
                                    TemplateValue.Member("name", .string("f")),
                                    TemplateValue.Member(
                                        "arguments", .object([TemplateValue.Member("a", .array([.int(1), .null]))])),
                                ])),
                        ]),
                        .object([
                            TemplateValue.Member(
                                "function",
                                .object([
                                    TemplateValue.Member("name", .string("g")),
                                    TemplateValue.Member("arguments", .string("x")),
                                ]))
                        ]),
                    ])), TemplateValue.Member("tool_call_id", .string("1")), TemplateValue.Member("name", .string("n")),
            ])
    }

    @Test(
        arguments: [
            ("{}", "messages"), (#"{"messages":[]}"#, "messages"), (#"{"messages":"x"}"#, "messages"),
            (#"{"messages":[1]}"#, "messages[0]"), (#"{"messages":[{"content":"x"}]}"#, "messages[0].role"),
            (#"{"messages":[{"role":"robot","content":"x"}]}"#, "messages[0].role"),
            (#"{"messages":[{"role":"user"}]}"#, "messages[0].content"),
            (#"{"messages":[{"role":"user","content":5}]}"#, "messages[0].content"),
            (#"{"messages":[{"role":"user","content":null}]}"#, "messages[0].content"),
            (#"{"messages":[{"role":"assistant","content":5}]}"#, "messages[0].content"),
            (#"{"messages":[{"role":"assistant","tool_calls":1}]}"#, "messages[0].tool_calls"),
            (#"{"messages":[{"role":"assistant","tool_calls":[{}]}]}"#, "messages[0].tool_calls[0].function"),
            (#"{"messages":[{"role":"assistant","function_call":{"name":"f"}}]}"#, "messages[0].function_call"),
            (
                #"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#,
                "messages[0].content[0].type"
            ),
            ("[]", nil),
        ] as [(String, String?)])
    func refusesMessages(body: String, parameter: String?) {
        let error = #expect(throws: APIError.self) { try read(body) }
        #expect(error?.status == 400)
        #expect(error?.parameter == parameter)
    }

    @Test(arguments: [
        "{}", #"{"prompt":[]}"#, #"{"prompt":[258]}"#, #"{"prompt":[-1]}"#, #"{"prompt":[1,"a"]}"#,
        #"{"prompt":[[]]}"#, #"{"prompt":{}}"#, #"{"prompt":"a","n":9}"#,
        "{\"prompt\":[\(Array(repeating: "\"a\"", count: 129).joined(separator: ","))]}",
        "{\"n\":8,\"prompt\":[\(Array(repeating: "\"a\"", count: 17).joined(separator: ","))]}",
        #"{"prompt":"a","logprobs":21}"#, #"{"prompt":"a","logprobs":-1}"#, #"{"prompt":"a","logprobs":true}"#,
        #"{"prompt":"a","logprobs":1,"top_logprobs":1}"#,
    ])
    func refusesPrompts(body: String) {
        let error = #expect(throws: APIError.self) { try read(body, .completion) }
        #expect(error?.status == 400)
    }

    @Test func theContextIsTheLimit() throws {
        func prompt(_ count: Int) -> String {
            "{\"prompt\":[\(Array(repeating: "65", count: count).joined(separator: ","))]}"
        }
        #expect(try read(prompt(511), .completion).demands(context: 512).first?.stop.maxTokens == 1)
        let error = #expect(throws: APIError.self) { try read(prompt(512), .completion) }
        #expect(error?.code == "context_length_exceeded")
        #expect(error?.object["n_prompt_tokens"] == 512)
        #expect(error?.object["n_ctx"] == 512)
    }
}
