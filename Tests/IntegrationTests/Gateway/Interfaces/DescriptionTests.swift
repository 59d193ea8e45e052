import Domain
import Testing

@testable import Gateway

/// The description of the interface, and the small routes of llama-server's.
@Suite(.serialized) struct DescriptionTests {
    @Test func theDescriptionIsTheRoutingTable() async throws {
        try await GatewayFixture.run { fixture in
            let files = Set(PageRoutes.files.map(\.path))
            var routes: Set<String> = []
            for (path, methods) in fixture.gateway.routes.all where !files.contains(path) {
                let name = path.count > 1 && path.hasSuffix("/") ? path + "{id}" : path
                for method in methods { routes.insert("\(method.lowercased()) \(name)") }
            }
            var described: [String] = []
            for path in OpenAPI.document["paths"]?.members ?? [] {
                for method in path.value.members ?? [] { described.append("\(method.key) \(path.key)") }
            }
            #expect(Set(described) == routes)
            #expect(Set(described).count == described.count)
        }
    }

    @Test func itIsOpenAndLoadsNothing() async throws {
        let keys = [APIKey(name: "me", key: "sk-one")]
        try await GatewayFixture.run(configure: { $0.apiKeys = keys }) { fixture in
            let json = try await fixture.ask("GET", "/openapi.json")
            #expect(json.status == 200 && json.headers["content-type"] == "application/json")
            let value = try JSONParser.parse(Array(json.body.utf8))
            let names = (value["paths"]?.members ?? []).flatMap { $0.value.members ?? [] }
                .compactMap { $0.value["operationId"]?.text }
            #expect(names.count > 30 && Set(names).count == names.count)
            let page = try await fixture.ask("GET", "/docs")
            #expect(page.status == 200 && page.body.contains("/v1/messages") && !page.body.contains("http"))
            #expect(page.headers["content-security-policy"]?.hasPrefix("default-src 'none';") == true)
            #expect(!page.body.contains("<script") && !page.body.contains("style="))
            #expect(try await fixture.ask("GET", "/docs.css").headers["content-type"] == "text/css; charset=utf-8")
            // What is said of keys is what is asked for.
            for operation in Operation.all {
                for path in operation.paths {
                    let answer = try await fixture.ask(operation.method, path.replacing("{id}", with: "x"))
                    #expect((answer.status == 401) == operation.needsKey, "\(path)")
                }
            }
        }
    }

    /// Bodies that are none of what was asked for are the client's fault on every route, and those of other pages' types never read.
    @Test func nothingIsTheServersFault() async throws {
        let wrong = #"{"messages":1,"prompt":{},"input":5,"tools":{},"options":1,"model":[],"content":2,"tokens":"x"}"#
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        try await GatewayFixture.run(configure: { $0.maximumBodyBytes = 1000 }) { fixture in
            for operation in Operation.all where operation.fields != nil {
                for path in operation.paths {
                    for body in ["", "[]", wrong, deep, #"{"messages":[5]}"#, #"{"input":[5],"prompt":[{}]}"#] {
                        let answer = try await fixture.ask("POST", path, body)
                        // Ollama's clients ask for nothing to have a model loaded.
                        let isLoad = path.hasPrefix("/api/") && answer.body.contains(#""done_reason":"load""#)
                        #expect(answer.status == 400 || isLoad, "\(path) \(body): \(answer.status)")
                    }
                    let large = try await fixture.ask("POST", path, String(repeating: " ", count: 1001))
                    #expect(large.status == 413, "\(path)")
                    let text = try await fixture.ask("POST", path, "{}", headers: ["Content-Type": "text/plain"])
                    #expect(text.status == 415, "\(path)")
                    let page = try await fixture.ask("POST", path, "{}", headers: ["Origin": "https://evil.example"])
                    #expect(page.status == 403, "\(path)")
                }
            }
            #expect(fixture.fleet.seen.isEmpty)
        }
    }

    /// Whatever a field may be by the description is one type of JSON Schema or several.
    @Test func fieldsHaveTypes() throws {
        let known: Set<String> = ["string", "array", "object", "boolean", "integer", "number", "null"]
        var count = 0
        for path in OpenAPI.document["paths"]?.members ?? [] {
            guard let body = path.value["post"]?["requestBody"]?["content"]?["application/json"] else { continue }
            for field in body["schema"]?["properties"]?.members ?? [] {
                let types = field.value["type"]?.elements ?? field.value["type"].map { [$0] } ?? []
                #expect(
                    !types.isEmpty && types.allSatisfy { known.contains($0.text ?? "") }, "\(path.key) \(field.key)")
                count += 1
            }
        }
        #expect(count > 100)
    }

    @Test func embeddingsAreRefusedInWords() async throws {
        try await GatewayFixture.run { fixture in
            for path in ["/v1/embeddings", "/embeddings"] {
                let (status, value) = try await fixture.json(path, #"{"model":"byte-model","input":"a"}"#)
                #expect(status == 400 && value["error"]?["code"] == "embeddings_not_supported", "\(path)")
            }
            for path in ["/api/embed", "/api/embeddings"] {
                let (status, value) = try await fixture.json(path, #"{"model":"byte-model","prompt":"a"}"#)
                #expect(status == 400 && value["error"]?.text?.contains("embeddings") == true, "\(path)")
            }
        }
    }

    @Test func refusalsAreCountedByTheirRoute() async throws {
        try await GatewayFixture.run(ready: false) { fixture in
            let hi = #"{"messages":[{"role":"user","content":"hi"}]}"#
            for (path, hi) in [
                ("/v1/messages", hi), ("/v1/responses", #"{"input":"hi"}"#), ("/api/chat", hi),
                ("/api/generate", #"{"prompt":"hi"}"#),
            ] {
                #expect(try await fixture.ask("POST", path, hi).status == 503, "\(path)")
            }
            let text = try await fixture.ask("GET", "/metrics").body
            for endpoint in ["messages", "responses", "api_chat", "api_generate"] {
                #expect(text.contains(#"model_rejection_total{endpoint="\#(endpoint)","#), "\(endpoint)")
            }
        }
    }

    @Test func whatLlamaServersClientsAsk() async throws {
        let behave: @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { _, _ in .hang([]) }
        try await GatewayFixture.run(
            model: ByteVocabulary.makeModel(), configure: { $0.limits.sequences = 2 }, behave: behave
        ) { fixture in
            func get(_ path: String) async throws -> JSONValue {
                try JSONParser.parse(Array(try await fixture.ask("GET", path).body.utf8))
            }
            let properties = try await get("/props")
            #expect(properties["total_slots"] == 2 && properties["model_alias"] == "byte-model")
            #expect(properties["default_generation_settings"]?["n_ctx"]?.whole ?? 0 > 0)
            #expect(try await get("/slots").elements?.compactMap { $0["is_processing"] } == [false, false])
            let chat = #"{"messages":[{"role":"user","content":"hi"}]}"#
            let (status, prompt) = try await fixture.json("/apply-template", chat)
            #expect(status == 200 && prompt == ["prompt": "user:hi"])
            let (_, counted) = try await fixture.json("/v1/chat/completions/input_tokens", chat)
            let (_, tokens) = try await fixture.json("/tokenize", chat)
            #expect(counted["input_tokens"] == tokens["count"] && counted["input_tokens"] == 9)
            let (_, response) = try await fixture.json("/v1/responses/input_tokens", #"{"input":"hi"}"#)
            #expect(response["input_tokens"] == 9)
            #expect(try await fixture.json("/apply-template", #"{"messages":[]}"#).status == 400)
            let connection = try await RawConnection.open(port: fixture.port)
            async let answer = connection.ask("POST", "/v1/chat/completions", body: chat)
            let seen = try await eventually { fixture.fleet.seen.first?.id }
            let taken = try await get("/slots").elements
            #expect(taken?.compactMap { $0["is_processing"] } == [true, false])
            #expect(
                taken?.first?["request"] == .string(seen.rawValue.split(separator: "~").first.map(String.init) ?? ""))
            _ = try await fixture.json("/v1/cancel/\(seen.rawValue)", "{}")
            #expect(try await answer.status == 409)
            await connection.close()
        }
    }
}
