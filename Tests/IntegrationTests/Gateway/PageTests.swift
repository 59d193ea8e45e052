import Domain
import NIOCore
import Testing

@testable import Gateway

/// The page, the stream of events and cancelling, over HTTP.
@Suite(.serialized) struct PageTests {
    @Test func thePageIsWholeAndSmall() throws {
        let files = PageRoutes.files.filter { $0.path != "/favicon.ico" }
        #expect(files.reduce(0) { $0 + $1.content.readableBytes } <= 200_000)
        let paths = Set(files.map(\.path))
        #expect(paths.count == files.count)
        for file in files {
            let text = String(buffer: file.content)
            #expect(!text.isEmpty && !text.contains("eval(") && !text.contains("innerHTML"), "\(file.path)")
            // What a file loads is there, and nothing of another server.
            for mark in ["from \"", "src=\"", "href=\"/"] {
                for part in text.components(of: mark).dropFirst() {
                    let target = String(part.prefix { $0 != "\"" })
                    let path =
                        mark == "href=\"/"
                        ? "/" + target : target.hasPrefix("./") ? "/page/" + target.dropFirst(2) : target
                    #expect(paths.contains(path), "\(file.path) loads \(path)")
                }
            }
        }
    }

    @Test func thePageNeedsNoKeyAndItsDataDoes() async throws {
        let keys = [APIKey(name: "me", key: "sk-one")]
        try await GatewayFixture.run(configure: { $0.apiKeys = keys }) { fixture in
            let page = try await fixture.ask("GET", "/")
            #expect(page.status == 200 && page.headers["content-type"] == "text/html; charset=utf-8")
            #expect(
                page.headers["content-security-policy"]?.hasPrefix("default-src 'none'; script-src 'self';") == true)
            #expect(page.headers["content-security-policy"]?.contains("unsafe") == false)
            #expect(page.headers["x-content-type-options"] == "nosniff" && page.headers["cache-control"] == "no-cache")
            for file in PageRoutes.files {
                let answer = try await fixture.ask("GET", file.path)
                #expect(answer.status == 200 && answer.body.utf8.count == file.content.readableBytes, "\(file.path)")
            }
            let tag = try #require(page.headers["etag"])
            let known = try await fixture.ask("GET", "/", headers: ["If-None-Match": "\"x\", W/\(tag)"])
            #expect(known.status == 304 && known.body.isEmpty && known.headers["etag"] == tag)
            #expect(try await fixture.ask("GET", "/", headers: ["If-None-Match": "\"x\""]).status == 200)
            #expect(try await fixture.ask("HEAD", "/").status == 200)
            for (method, path) in [("GET", "/v1/cluster/events"), ("POST", "/v1/cancel/x")] {
                #expect(try await fixture.ask(method, path).status == 401, "\(path)")
            }
            let missing = try await fixture.ask(
                "POST", "/v1/cancel/chatcmpl-x", headers: ["Authorization": "Bearer sk-one"])
            #expect(missing.status == 404 && missing.body.contains("request_not_found"))
        }
    }

    @Test func pagesOfOtherSitesSeeNothing() async throws {
        try await GatewayFixture.run { fixture in
            for (method, path) in [("GET", "/v1/cluster/events"), ("POST", "/v1/cancel/x")] {
                let answer = try await fixture.ask(method, path, headers: ["Origin": "https://evil.example"])
                #expect(answer.status == 403, "\(path)")
            }
        }
    }

    /// The next event of a stream: its name, id and data.
    private func next(_ connection: RawConnection) async throws -> (name: String, id: String?, data: JSONValue) {
        while let chunk = try await connection.chunk() {
            var (name, id, data): (String?, String?, JSONValue?) = (nil, nil, nil)
            for line in chunk.split(separator: "\n") {
                if line.hasPrefix("event: ") { name = String(line.dropFirst(7)) }
                if line.hasPrefix("id: ") { id = String(line.dropFirst(4)) }
                if line.hasPrefix("data: ") { data = try JSONParser.parse(Array(line.dropFirst(6).utf8)) }
            }
            if let name, let data { return (name, id, data) }
        }
        throw Unexpected(what: "the stream ended")
    }

    private func open(_ fixture: GatewayFixture, _ headers: [String: String] = [:]) async throws -> RawConnection {
        let connection = try await RawConnection.open(port: fixture.port)
        try await connection.send(RawConnection.text("GET", "/v1/cluster/events", body: nil, headers: headers))
        let head = try await connection.head()
        #expect(head.status == 200 && head.headers["content-type"]?.hasPrefix("text/event-stream") == true)
        return connection
    }

    @Test func aStreamTellsEverythingAndGoesOnWhereItWas() async throws {
        try await GatewayFixture.run { fixture in
            let first = try await open(fixture)
            let (name, id, picture) = try await next(first)
            #expect(name == "snapshot" && picture["gateway"]?["model"] == "byte-model")
            #expect(picture["status"]?["ready"] == true && picture["plan"]?["id"] == "p1")
            _ = try await fixture.json("/v1/completions", #"{"prompt":"hi"}"#)
            // The course of the request comes with one of the changes; its text does not.
            var last = id
            var course: JSONValue?
            while course?["state"] != "stop" {
                let (name, id, change) = try await next(first)
                #expect(name == "delta" && id != last)
                last = id
                course = change["requests"]?.members?.first?.value ?? course
                #expect(!change.written.contains("Hello"))
            }
            #expect(course?["output"] == 7)
            await first.close()
            let again = try await open(fixture, ["Last-Event-ID": try #require(last)])
            #expect(try await next(again).name == "delta")
            await again.close()
            let other = try await open(fixture, ["Last-Event-ID": "another-7"])
            #expect(try await next(other).name == "snapshot")
            await other.close()
            #expect(try await eventually { fixture.gateway.service.events.isWatched ? nil : true })
        }
    }

    @Test func aStoppingServerEndsItsStreams() async throws {
        try await GatewayFixture.run { fixture in
            let connection = try await open(fixture)
            _ = try await next(connection)
            await fixture.stop()
            while try await connection.chunk() != nil {}
        }
    }

    @Test(arguments: [true, false]) func aRequestIsCancelledByItsId(stream: Bool) async throws {
        try await GatewayFixture.run(behave: { _, _ in .hang(ByteVocabulary.tokens("Hel")) }) { fixture in
            let connection = try await RawConnection.open(port: fixture.port)
            let body = #"{"messages":[{"role":"user","content":"hi"}],"stream":\#(stream)}"#
            try await connection.send(
                RawConnection.text("POST", "/v1/chat/completions", body: body, headers: [:]))
            let wire = try await eventually { fixture.fleet.seen.first?.id }
            if stream {
                #expect(try await connection.head().status == 200)
                while try await connection.chunk()?.contains("\"content\":\"l\"") == false {}
            }
            let name = try #require(wire.rawValue.split(separator: "-").first)
            #expect(try await fixture.ask("POST", "/v1/cancel/chatcmpl-\(name.dropLast())").status == 404)
            let answer = try await fixture.ask("POST", "/v1/cancel/chatcmpl-\(name)")
            #expect(answer.status == 200 && answer.body.contains(#""cancelled":1"#))
            _ = try await eventually { fixture.fleet.cancelled.contains(wire) ? true : nil }
            if stream {
                var text = ""
                while let chunk = try await connection.chunk() { text += chunk }
                #expect(text.contains(#""code":"cancelled""#) && text.contains("[DONE]"))
            } else {
                let refused = try await connection.answer()
                #expect(refused.status == 409 && refused.body.contains(#""code":"cancelled""#))
                #expect(refused.headers["x-should-retry"] == "false")
            }
            #expect(
                try await fixture.ask("GET", "/metrics").body.contains(
                    #"finished_reason="abort",engine="0",model_name="byte-model"} 1"#))
            await connection.close()
        }
    }
}
