import Domain
import Foundation
import NIOCore
import Protocol
import Testing

@testable import Gateway

/// What HTTP asks of a server besides requests and answers.
@Suite(.serialized) struct HTTPProtocolTests {
    private let chat = "/v1/chat/completions"
    private let hi = #"{"messages":[{"role":"user","content":"hi"}]}"#
    private let streamed = #"{"messages":[{"role":"user","content":"hi"}],"stream":true}"#

    private func head(_ fields: String..., version: String = "1.1") -> String {
        (["POST \(chat) HTTP/\(version)", "Host: localhost", "Content-Type: application/json"] + fields)
            .joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test func aClientThatWaitsIsToldToGoOn() async throws {
        try await GatewayFixture.run { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            for _ in 0..<2 {
                try await connection.send(head("Expect: 100-continue", "Content-Length: \(hi.utf8.count)"))
                #expect(try await connection.read(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
                try await connection.send(hi)
                #expect(try await connection.answer().status == 200)
            }
            await connection.close()
        }
    }

    @Test func aClientThatWaitsForNothingIsToldSo() async throws {
        try await GatewayFixture.run(configure: { $0.maximumBodyBytes = 100 }) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(head("Expect: 100-continue", "Content-Length: 101"))
            let answer = try await connection.answer()
            #expect(answer.status == 413 && answer.headers["connection"] == "close")
            #expect(answer.headers["x-should-retry"] == "false")
            #expect(await connection.readToEnd().isEmpty)
        }
    }

    @Test func whoHasSentTheBodyIsNotToldToGoOn() async throws {
        try await GatewayFixture.run { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            // In one piece, so that the body is there when it is looked for.
            try await connection.send(head("Expect: 100-continue", "Content-Length: \(hi.utf8.count)") + hi)
            let text = try await connection.read(through: "\r\n")
            #expect(text == "HTTP/1.1 200 OK\r\n" || text == "HTTP/1.1 100 Continue\r\n")
            await connection.close()
        }
    }

    @Test func headersThatAreTooLargeAreRefusedInWords() async throws {
        try await GatewayFixture.run { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            let field = String(repeating: "a", count: 20_000)
            try await connection.send("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Big: \(field)\r\n\r\n")
            let answer = try await connection.answer()
            #expect(answer.status == 431 && answer.headers["connection"] == "close")
            #expect(answer.headers["x-should-retry"] == "false")
            let error = try JSONParser.parse(Array(answer.body.utf8))["error"]
            #expect(error?["code"] == "request_header_fields_too_large" && error?["type"] == "invalid_request_error")
            #expect(await connection.readToEnd().isEmpty)
            #expect(try await fixture.ask("GET", "/metrics").body.contains(#"http_responses_total{status="431""#))
        }
    }

    @Test(arguments: [false, true]) func oldClientsGetNoChunks(stream: Bool) async throws {
        try await GatewayFixture.run { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            let body = stream ? streamed : hi
            try await connection.send(head("Content-Length: \(body.utf8.count)", version: "1.0") + body)
            let answer = try await connection.head()
            #expect(answer.status == 200 && answer.headers["connection"] == "close")
            #expect(answer.headers["transfer-encoding"] == nil)
            // The end of the connection is the end of the body.
            let text = await connection.readToEnd()
            #expect(stream ? text.hasPrefix("data: {") && text.hasSuffix("data: [DONE]\n\n") : text.hasSuffix("}"))
        }
    }

    @Test func packedBodiesAreRead() async throws {
        try await GatewayFixture.run(configure: { $0.maximumBodyBytes = 1000 }) { fixture in
            let packed = try InflateTests.bytes(InflateTests.small)
            func ask(_ bytes: [UInt8], _ encoding: String) async throws -> HTTPAnswer {
                let connection = try await RawConnection.open(port: fixture.port)
                let fields = "Content-Encoding: \(encoding)\r\nContent-Length: \(bytes.count)"
                try await connection.send(
                    "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\(fields)\r\n\r\n"
                )
                try await connection.send(bytes)
                let answer = try await connection.answer()
                await connection.close()
                return answer
            }
            #expect(try await ask(packed, "gzip").status == 200)
            #expect(fixture.fleet.seen.last?.prompt == [257, 104, 105])
            #expect(try await ask(packed, "GZIP").status == 200)
            #expect(try await ask(Array(packed.dropLast()), "gzip").status == 400)
            #expect(try await ask(Array(#"{"prompt":"hi"}"#.utf8), "identity").status == 200)
            let refused = try await ask(packed, "br")
            #expect(refused.status == 415 && refused.headers["accept-encoding"] == "gzip")
            #expect(refused.headers["x-should-retry"] == "false")
        }
    }

    /// What arrives is small enough, and what comes of it is not.
    @Test func aBodyThatSwellsIsRefused() async throws {
        let packed = try InflateTests.bytes(InflateTests.large)
        try await GatewayFixture.run(configure: { $0.maximumBodyBytes = 1000 }) { fixture in
            #expect(packed.count < 1000)
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(head("Content-Encoding: gzip", "Content-Length: \(packed.count)"))
            try await connection.send(packed)
            #expect(try await connection.answer().status == 413)
        }
    }

    /// Libraries for Ollama's interface say no type. A page's request without one is told by what browsers add.
    @Test func aBodyWithoutATypeIsNoPages() async throws {
        try await GatewayFixture.run(configure: { $0.corsOrigins = ["https://chat.example"] }) { fixture in
            for (header, status) in [
                (nil, 200), ("Origin: https://chat.example", 415), ("Sec-Fetch-Site: cross-site", 415),
            ] {
                let connection = try await RawConnection.open(port: fixture.port)
                let fields = ["Host: localhost", "Content-Length: \(hi.utf8.count)"] + (header.map { [$0] } ?? [])
                try await connection.send(
                    "POST \(chat) HTTP/1.1\r\n" + fields.joined(separator: "\r\n") + "\r\n\r\n" + hi)
                #expect(try await connection.answer().status == status, "\(header ?? "plain")")
                await connection.close()
            }
        }
    }

    @Test func aPathTellsItsMethods() async throws {
        try await GatewayFixture.run { fixture in
            for (path, allow) in [
                (chat, "OPTIONS, POST"), ("/health", "GET, OPTIONS"), ("/v1/models/x", "GET, OPTIONS"),
            ] {
                for method in ["OPTIONS", "PATCH"] {
                    let answer = try await fixture.ask(method, path)
                    #expect(answer.headers["allow"] == allow, "\(method) \(path)")
                }
            }
        }
    }

    @Test(arguments: [
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx",
        "text/plain; application/json",
    ])
    func bodiesOfOtherTypesAreRefused(type: String) async throws {
        try await GatewayFixture.run { fixture in
            let answer = try await fixture.ask("POST", chat, hi, headers: ["Content-Type": type])
            #expect(answer.status == 415 && answer.headers["x-should-retry"] == "false")
            #expect(fixture.fleet.seen.isEmpty)
        }
    }

    @Test(arguments: ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"])
    func jsonIsRead(type: String) async throws {
        try await GatewayFixture.run { fixture in
            let answer = try await fixture.ask("POST", chat, hi, headers: ["Content-Type": type])
            #expect(answer.status == 200)
        }
    }

    @Test func pagesOfOtherSitesAreRefused() async throws {
        try await GatewayFixture.run { fixture in
            for (method, path, body) in [("POST", chat, hi), ("GET", "/v1/models", nil), ("OPTIONS", chat, nil)] {
                let answer = try await fixture.ask(method, path, body, headers: ["Origin": "https://evil.example"])
                #expect(answer.status == 403 && answer.headers["access-control-allow-origin"] == nil, "\(method)")
                #expect(answer.headers["x-should-retry"] == "false")
            }
            #expect(fixture.fleet.seen.isEmpty)
            let own = try await fixture.ask("POST", chat, hi, headers: ["Origin": "http://localhost"])
            #expect(own.status == 200 && own.headers["access-control-allow-origin"] == nil)
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send("GET /v1/models HTTP/1.1\r\nHost: evil.example:8080\r\n\r\n")
            let answer = try await connection.answer()
            #expect(answer.status == 403 && answer.body.contains("gateway.hosts"))
            await connection.close()
        }
    }

    @Test func configuredPagesAreServed() async throws {
        try await GatewayFixture.run(configure: { $0.corsOrigins = ["https://chat.example"] }) { fixture in
            let origin = ["Origin": "https://chat.example"]
            let answer = try await fixture.ask("POST", chat, hi, headers: origin)
            #expect(answer.status == 200)
            #expect(answer.headers["access-control-allow-origin"] == "https://chat.example")
            #expect(answer.headers["access-control-expose-headers"] == "x-request-id, x-should-retry, retry-after")
            #expect(answer.headers["vary"] == "Origin")
            let preflight = try await fixture.ask(
                "OPTIONS", chat, headers: origin.merging(["Access-Control-Request-Headers": "content-type"]) { $1 })
            #expect(preflight.status == 204)
            #expect(preflight.headers["access-control-allow-headers"] == "content-type")
            // Errors are for reading, too.
            let refused = try await fixture.ask("POST", chat, "{}", headers: origin)
            #expect(refused.status == 400)
            #expect(refused.headers["access-control-allow-origin"] == "https://chat.example")
            #expect(try await fixture.ask("POST", chat, hi, headers: ["Origin": "https://evil.example"]).status == 403)
        }
    }

    @Test(arguments: [true, false]) func aResetConnectionCancels(stream: Bool) async throws {
        try await GatewayFixture.run(behave: { _, _ in .hang(ByteVocabulary.tokens("ab")) }) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(
                RawConnection.text("POST", chat, body: stream ? streamed : hi, headers: [:]))
            let id = try await eventually { fixture.fleet.seen.first?.id }
            if stream { _ = try await connection.read(through: #""content":"b""#) }
            try await connection.reset()
            _ = try await eventually { fixture.fleet.cancelled.contains(id) ? true : nil }
            _ = try await eventually { fixture.gateway.service.openRequests == 0 ? true : nil }
        }
    }

    /// A client may close its own side and still read.
    @Test(arguments: [true, false]) func nobodyReadsThatTheClientHasGone(stream: Bool) async throws {
        try await GatewayFixture.run(behave: { _, _ in .hang([]) }) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(
                RawConnection.text("POST", chat, body: stream ? streamed : hi, headers: [:]))
            let id = try await eventually { fixture.fleet.seen.first?.id }
            try await connection.closeOutput()
            // A stream may have begun.
            let text = await connection.readToEnd()
            // Names of requests are random and may hold any digits.
            #expect(!text.contains(" 499") && !text.contains(":499") && !text.contains("client_closed"))
            #expect(stream || text.isEmpty)
            _ = try await eventually { fixture.fleet.cancelled.contains(id) ? true : nil }
        }
    }

    /// What runs when the process is asked to stop ends by itself, and new requests hear that they may try again.
    @Test func streamsEndBeforeTheServer() async throws {
        try await GatewayFixture.run(
            configure: { $0.drain = .seconds(30) }, behave: { _, _ in .hang(ByteVocabulary.tokens("ab")) }
        ) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(RawConnection.text("POST", chat, body: streamed, headers: [:]))
            _ = try await connection.read(through: #""content":"b""#)
            await fixture.stop()
            _ = try await eventually { fixture.gateway.service.obstacle != nil ? true : nil }
            for (method, path, body) in [("POST", chat, hi), ("GET", "/health", nil)] {
                let refused = try await fixture.ask(method, path, body)
                #expect(refused.status == 503 && refused.headers["retry-after"] != nil)
                #expect(refused.headers["x-should-retry"] == nil && refused.body.contains("shutting down"))
            }
            let id = try #require(fixture.fleet.seen.first?.id)
            await fixture.fleet.emit(id, at: 2, ByteVocabulary.tokens("c"), .stop)
            let rest = await connection.readToEnd()
            #expect(rest.contains(#""content":"c""#) && rest.contains(#""finish_reason":"stop""#))
            #expect(rest.contains("data: [DONE]"))
        }
    }

    @Test func whatDoesNotEndIsFailed() async throws {
        try await GatewayFixture.run(
            configure: { $0.drain = .milliseconds(200) }, behave: { _, _ in .hang(ByteVocabulary.tokens("ab")) }
        ) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(RawConnection.text("POST", chat, body: streamed, headers: [:]))
            _ = try await connection.read(through: #""content":"b""#)
            await fixture.stop()
            let rest = await connection.readToEnd()
            #expect(rest.contains(#"data: {"error":"#) && rest.contains("data: [DONE]"))
        }
    }

    @Test func healthTellsOfTheNextRequest() async throws {
        try await GatewayFixture.run(configure: { $0.limits.sequences = 1 }, behave: { _, _ in .hang([]) }) { fixture in
            #expect(try await fixture.ask("GET", "/health").status == 200)
            let connection = try await RawConnection.open(port: fixture.port)
            try await connection.send(RawConnection.text("POST", chat, body: hi, headers: [:]))
            _ = try await eventually { fixture.fleet.seen.first }
            let health = try await fixture.ask("GET", "/health")
            #expect(health.status == 503 && health.headers["retry-after"] != nil)
            #expect(try await fixture.ask("POST", chat, hi).status == 503)
            #expect(try await fixture.ask("GET", "/live").status == 200)
            let metrics = try await fixture.ask("GET", "/metrics").body
            #expect(metrics.contains(#"model_rejection_total{endpoint="chat_completions",engine="0""#))
            await connection.close()
            _ = try await eventually { fixture.gateway.service.nextObstacle == nil ? true : nil }
            #expect(try await fixture.ask("GET", "/health").status == 200)
        }
    }
}
