import Domain
import Logging
import Protocol
import ServiceRuntime
import Testing

@testable import Gateway

/// Paths, methods, keys, limits and what hostile clients do.
@Suite(.serialized) struct HTTPInterfaceTests {
    private let chat = "/v1/chat/completions"
    private let hi = #"{"messages":[{"role":"user","content":"hi"}]}"#

    @Test func pathsAndMethods() async throws {
        try await GatewayFixture.run { fixture in
            let table: [(String, String, Int)] = [
                ("GET", "/health", 200), ("GET", "/v1/models", 200), ("GET", "/models", 200),
                ("GET", "/v1/models/byte-model", 200), ("GET", "/v1/models/bytes", 200),
                ("GET", "/v1/models/none", 404), ("GET", "/v1/models/..%2f..%2fetc%2fpasswd", 404),
                ("GET", "/metrics", 200), ("GET", "/version", 200),
                ("GET", "/v1/cluster", 200), ("GET", "/nothing", 404), ("GET", "/../etc/passwd", 404),
                ("GET", chat, 405), ("DELETE", "/v1/models", 405), ("POST", "/health", 405), ("HEAD", "/health", 200),
                ("OPTIONS", chat, 204), ("PATCH", "/health", 405), ("GET", "/v1/models/", 200),
            ]
            for (method, path, status) in table {
                let answer = try await fixture.ask(method, path)
                #expect(answer.status == status, "\(method) \(path)")
                #expect(answer.headers["x-request-id"]?.isEmpty == false)
                #expect(answer.headers["access-control-allow-credentials"] == nil)
                if status == 405 { #expect(answer.headers["allow"]?.contains("OPTIONS") == true) }
                #expect(answer.headers["x-should-retry"] == (status >= 400 ? "false" : nil))
                if status >= 400 {
                    let error = try JSONParser.parse(Array(answer.body.utf8))["error"]
                    #expect(error?["message"]?.text?.isEmpty == false)
                    #expect(error?["type"]?.text?.isEmpty == false)
                }
            }
            let echoed = try await fixture.ask("GET", "/health", headers: ["x-request-id": "mine-1"])
            #expect(echoed.headers["x-request-id"] == "mine-1")
            let version = try await fixture.ask("GET", "/version")
            #expect(version.body == #"{"version":"\#(ProductVersion.number)"}"#)
        }
    }

    @Test func aPortInUseIsNamed() async throws {
        try await GatewayFixture.run { fixture in
            var configuration = GatewayConfiguration(modelPath: "")
            configuration.port = fixture.port
            let second = GatewayServer.build(
                configuration, model: ByteVocabulary.model,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let error = await #expect(throws: RuntimeError.self) { try await second.http.run() }
            #expect(
                error?.message
                    == "127.0.0.1:\(fixture.port) is in use by another process: choose another one with gateway.port")
        }
    }

    /// What `/v1/models` says is what is served, from the first word of the scheduler on.
    @Test func thePromisedContextIsAdvertisedAndServed() async throws {
        try await GatewayFixture.run(ready: false, model: ByteVocabulary.makeModel()) { fixture in
            var state = GatewayCoreTests.state()
            state.contextTokens = 100
            let publishing = Task {
                while !Task.isCancelled {
                    fixture.fleet.publish(state)
                    try? await Task.sleep(for: .milliseconds(20))
                }
            }
            defer { publishing.cancel() }
            _ = try await eventually { fixture.gateway.service.obstacle == nil ? true : nil }
            let models = try JSONParser.parse(Array(try await fixture.ask("GET", "/v1/models").body.utf8))
            let card = models["data"]?.elements?.first
            #expect(card?["max_model_len"] == 100 && card?["meta"]?["n_ctx"] == 100)
            func ask(_ tokens: Int) async throws -> (status: Int, value: JSONValue) {
                let prompt = Array(repeating: "65", count: tokens).joined(separator: ",")
                return try await fixture.json("/v1/completions", "{\"prompt\":[\(prompt)]}")
            }
            #expect(try await ask(99).status == 200)
            // Without a limit of the client's, an answer goes on to the end of the context.
            #expect(fixture.fleet.seen.last?.body.stop.maxTokens == 1)
            let (status, value) = try await ask(100)
            #expect(status == 400)
            #expect(value["error"]?["n_ctx"] == 100 && value["error"]?["n_prompt_tokens"] == 100)
            #expect(value["error"]?["message"]?.text?.contains("the context of 100 tokens") == true)
        }
    }

    @Test func modelsMetricsAndCluster() async throws {
        try await GatewayFixture.run(model: ByteVocabulary.makeModel()) { fixture in
            let models = try await fixture.ask("GET", "/v1/models")
            let card = try JSONParser.parse(Array(models.body.utf8))["data"]?.elements?.first
            #expect(card?["id"] == "byte-model" && card?["root"] == "byte-model" && card?["aliases"] == ["bytes"])
            let alias = try JSONParser.parse(Array(models.body.utf8))["data"]?.elements?.last
            #expect(alias?["id"] == "bytes" && alias?["root"] == "byte-model" && alias?["max_model_len"] == 512)
            #expect(card?["max_model_len"] == 512)
            #expect(try await fixture.ask("POST", chat, hi).status == 200)
            let metrics = try await fixture.ask("GET", "/metrics").body
            for line in [
                #"vllm:generation_tokens_total{engine="0",model_name="byte-model"} 7"#,
                #"vllm:request_success_total{finished_reason="stop",engine="0",model_name="byte-model"} 1"#,
                #"vllm:time_to_first_token_seconds_count{engine="0",model_name="byte-model"} 1"#,
                #"vllm:inter_token_latency_seconds_count{engine="0",model_name="byte-model"} 6"#,
                #"vllm:e2e_request_latency_seconds_bucket{le="+Inf",engine="0",model_name="byte-model"} 1"#,
                #"vllm:num_requests_running{engine="0",model_name="byte-model"} 0"#,
            ] {
                #expect(metrics.contains(line + "\n"))
            }
            let cluster = try await fixture.ask("GET", "/v1/cluster")
            let value = try JSONParser.parse(Array(cluster.body.utf8))
            #expect(value["epoch"] == 4)
            #expect(value["scheduler"]?["plan"]?["id"] == "p1")
            #expect(value["fleet"]?.isNull == true)
        }
    }

    @Test func notReady() async throws {
        try await GatewayFixture.run(ready: false, model: ByteVocabulary.makeModel()) { fixture in
            let health = try await fixture.ask("GET", "/health")
            #expect(health.status == 503)
            #expect(health.headers["retry-after"] != nil)
            let error = try #require(try JSONParser.parse(Array(health.body.utf8))["error"])
            #expect(error["code"] == 503)
            #expect(error["type"] == "unavailable_error")
            #expect(error["message"]?.text?.hasPrefix("Loading model") == true)
            #expect(try await fixture.ask("POST", chat, hi).status == 503)
            // What is wrong with a request is said even then.
            #expect(try await fixture.ask("POST", chat, "{}").status == 400)
            // Nothing is promised before the fleet has promised it.
            let models = try await fixture.ask("GET", "/v1/models")
            let card = try JSONParser.parse(Array(models.body.utf8))["data"]?.elements?.first
            #expect(models.status == 200 && card?["id"] == "byte-model" && card?["max_model_len"] == .null)
            fixture.fleet.publish(GatewayCoreTests.state(model: "another"))
            _ = try await eventually { fixture.gateway.service.obstacle?.contains("another") == true ? true : nil }
            #expect(try await fixture.ask("GET", "/health").status == 503)
        }
    }

    @Test func keys() async throws {
        let keys = try APIKey.read("sk-one, phone sk-two", setting: "test")
        try await GatewayFixture.run(configure: { $0.apiKeys = keys }) { fixture in
            let table: [([String: String], Int)] = [
                ([:], 401), (["Authorization": "Bearer sk-onf"], 401), (["Authorization": "Bearer "], 401),
                (["Authorization": "Bearer sk-one-more"], 401), (["Authorization": "Basic sk-one"], 401),
                (["Authorization": "Bearer sk-one"], 200), (["Authorization": "bearer sk-two"], 200),
                (["x-api-key": "sk-two"], 200),
            ]
            for (headers, status) in table {
                let answer = try await fixture.ask("GET", "/v1/models", headers: headers)
                #expect(answer.status == status, "\(headers)")
                #expect((answer.headers["www-authenticate"] != nil) == (status == 401))
            }
            #expect(try await fixture.ask("POST", chat, hi).body.contains("authentication_error"))
            #expect(try await fixture.ask("GET", "/health").status == 200)
            let metrics = try await fixture.ask("GET", "/metrics").body
            #expect(metrics.contains(#"e2llm:key_requests_total{key="phone""#))
            #expect(!metrics.contains("sk-"), "keys are nowhere to be read")
        }
    }

    @Test func aKeyMayHaveALimit() async throws {
        let keys = try APIKey.read("slow sk-slow 2/min\nfast sk-fast", setting: "test")
        try await GatewayFixture.run(configure: { $0.apiKeys = keys }) { fixture in
            func ask(_ key: String) async throws -> (status: Int, retry: String?, body: String) {
                let answer = try await fixture.ask("GET", "/v1/models", headers: ["x-api-key": key])
                return (answer.status, answer.headers["retry-after"], answer.body)
            }
            for _ in 0..<2 { #expect(try await ask("sk-slow").status == 200) }
            let third = try await ask("sk-slow")
            #expect(third.status == 429)
            #expect(third.retry.flatMap { Int($0) }.map { (1...30).contains($0) } == true)
            #expect(third.body.contains("rate_limit_error") && third.body.contains("slow"))
            #expect(!third.body.contains("sk-slow"))
            for _ in 0..<5 { #expect(try await ask("sk-fast").status == 200) }
            #expect(try await ask("sk-wrong").status == 401)
        }
    }

    @Test func badBodies() async throws {
        try await GatewayFixture.run(configure: { $0.maximumBodyBytes = 4096 }) { fixture in
            let table: [(String, Int)] = [
                ("", 400), ("{", 400), ("[1]", 400), (#"{"a":NaN}"#, 400), (#"{"messages":1,"messages":2}"#, 400),
                (String(repeating: "[", count: 4000), 400), (String(repeating: " ", count: 5000), 413),
            ]
            for (body, status) in table {
                let answer = try await fixture.ask("POST", chat, body)
                #expect(answer.status == status, "\(body.prefix(20))")
                #expect(try JSONParser.parse(Array(answer.body.utf8))["error"] != nil)
            }
            let typed = try await fixture.ask("POST", chat, hi, headers: ["Content-Type": "image/png"])
            #expect(typed.status == 415)
            #expect(try await fixture.ask("POST", chat, hi).status == 200)
        }
    }

    @Test func chunkedBodiesAreBoundedToo() async throws {
        try await GatewayFixture.run(configure: { $0.maximumBodyBytes = 4096 }) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(
                "POST \(chat) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            let chunk = "400\r\n" + String(repeating: " ", count: 1024) + "\r\n"
            // The server may have closed its end before the last of them.
            for _ in 0..<6 { try? await connection.send(chunk) }
            #expect(try await connection.answer().status == 413)
            // The rest is not waited for: the connection ends.
            _ = await connection.readToEnd()
            #expect(await connection.hasEnded)
        }
    }

    @Test func slowClientsAreCutOff() async throws {
        try await GatewayFixture.run(configure: {
            $0.idleTimeout = .milliseconds(300)
            $0.bodyTimeout = .milliseconds(300)
        }) { fixture in
            let header = try await RawConnection.open(port: fixture.port)
            try await header.send("POST \(chat) HTTP/1.1\r\nHost: localhost\r\nX-Slow")
            _ = await header.readToEnd()
            #expect(await header.hasEnded)
            let body = try await RawConnection.open(port: fixture.port)
            try await body.send(
                "POST \(chat) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            )
            _ = await body.readToEnd()
            #expect(await body.hasEnded)
            #expect(try await fixture.ask("GET", "/health").status == 200)
        }
    }

    @Test func hugeHeadersAndGarbage() async throws {
        try await GatewayFixture.run { fixture in
            let garbage = try await RawConnection.open(port: fixture.port)
            try await garbage.send("\u{1}\u{2}garbage\r\n\r\n")
            let answer = try await garbage.answer()
            #expect(answer.status == 400 && answer.headers["connection"] == "close")
            #expect(answer.body.contains("not an HTTP request"))
            #expect(await garbage.readToEnd().isEmpty)
            // It may be cut off before it has sent all of it, and then it does not see the answer either; it gets none that
            // would be one to the path.
            let huge = try await RawConnection.open(port: fixture.port)
            let header = String(repeating: "a", count: 100_000)
            try? await huge.send("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Big: \(header)\r\n\r\n")
            let refusal = await huge.readToEnd()
            let statuses = refusal.split(separator: "\r\n").filter { $0.hasPrefix("HTTP/1.1 ") }
            #expect(statuses.count <= 1 && refusal.isEmpty == statuses.isEmpty, "\(refusal.prefix(200))")
            #expect(statuses.allSatisfy { $0.hasPrefix("HTTP/1.1 4") }, "\(refusal.prefix(200))")
            #expect(try await fixture.ask("GET", "/health").status == 200)
        }
    }

    @Test func tokenizeBothWays() async throws {
        try await GatewayFixture.run { fixture in
            let (_, llama) = try await fixture.json("/tokenize", #"{"content":"ab<|end|>"}"#)
            #expect(llama["tokens"] == [97, 98, 256])
            let (_, text) = try await fixture.json("/tokenize", #"{"content":"<|end|>","parse_special":false}"#)
            #expect(text["count"] == 7)
            let (_, vllm) = try await fixture.json("/tokenize", #"{"prompt":"ab","return_token_strs":true}"#)
            #expect(vllm["tokens"] == [257, 97, 98])
            #expect(vllm["max_model_len"] == 512)
            let (_, pieces) = try await fixture.json("/tokenize", #"{"content":"a","with_pieces":true}"#)
            #expect(pieces["tokens"]?.elements?.first?["piece"] == "a")
            let (_, back) = try await fixture.json("/detokenize", #"{"tokens":[104,105]}"#)
            #expect(back["content"] == "hi")
            #expect(try await fixture.json("/detokenize", #"{"tokens":[9999]}"#).status == 400)
            #expect(try await fixture.json("/tokenize", "{}").status == 400)
        }
    }

    @Test func manyRequestsAtOnce() async throws {
        try await GatewayFixture.run { fixture in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<32 {
                    group.addTask { try await fixture.ask("POST", chat, hi).status }
                }
                for try await status in group { #expect(status == 200) }
            }
        }
    }

    @Test func moreThanTheLimitIsRefused() async throws {
        try await GatewayFixture.run(configure: { $0.limits.sequences = 1 }, behave: { _, _ in .hang([]) }) { fixture in
            let first = try await RawConnection.open(port: fixture.port)
            try await first.send(RawConnection.text("POST", chat, body: hi, headers: [:]))
            _ = try await eventually { fixture.fleet.seen.first }
            let answer = try await fixture.ask("POST", chat, hi)
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] != nil)
            #expect(answer.headers["x-should-retry"] == nil)
            #expect(answer.body.contains("overloaded"))
            await first.close()
        }
    }
}
