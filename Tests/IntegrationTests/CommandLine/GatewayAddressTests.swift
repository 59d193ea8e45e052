import Foundation
import Testing

@testable import CommandLineTool
@testable import Gateway

private let hasIPv6 =
    (try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8))?.contains("00000001 01") == true

/// The addresses of gateways as people write them, and what is answered there.
@Suite(.serialized) struct GatewayAddressTests {
    @Test(arguments: [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"), ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/v1", "http://[::1]:8080"), ("http://gateway.example", "http://gateway.example:80"),
        ("localhost:8080", "http://localhost:8080"), ("HTTP://localhost:8080//", "http://localhost:8080"),
        ("http://proxy:1/e2llm/v1/", "http://proxy:1/e2llm"),
    ])
    func addressesAreRead(text: String, base: String) throws {
        #expect(try GatewayAddress(text).base == base)
    }

    @Test(arguments: [
        ("https://gateway.example", "https is not spoken here"), ("ftp://x", "ftp is not spoken here"),
        ("http://", "is no HTTP address"), ("http://me@x:1", "host, port and path"),
        ("http://x:0", "host, port and path"), ("http://x:1/?a=b", "host, port and path"),
    ])
    func othersAreRefused(text: String, reason: String) {
        let error = #expect(throws: Failure.self) { try GatewayAddress(text) }
        #expect(error?.kind == .usage && error?.description.contains(reason) == true)
    }

    @Test func namesAreLookedUp() async throws {
        try await GatewayFixture.run { fixture in
            let base = try GatewayAddress("localhost:\(fixture.port)/v1").base
            #expect(try await HTTPClient.fetch("\(base)/health").status == 200)
        }
        let unknown = await #expect(throws: Failure.self) {
            try await HTTPClient.fetch("http://nosuch.invalid:1/")
        }
        #expect(unknown?.description.hasPrefix("nosuch.invalid cannot be looked up") == true)
        let nobody = await #expect(throws: Failure.self) { try await HTTPClient.fetch("http://127.0.0.1:9/health") }
        #expect(nobody?.description.hasPrefix("nobody listens at 127.0.0.1:9 (connection refused)") == true)
    }

    @Test(.enabled(if: hasIPv6, "this machine has no IPv6")) func bothFamiliesAreSpoken() async throws {
        try await GatewayFixture.run(configure: { $0.host = "::1" }) { fixture in
            let base = try GatewayAddress("http://[::1]:\(fixture.port)/").base
            #expect(try await HTTPClient.fetch("\(base)/health").status == 200)
        }
    }

    @Test func keysOpenAGatewayThatWantsThem() async throws {
        let keys = try APIKey.read("sk-secret", setting: "keys")
        try await GatewayFixture.run(configure: { $0.apiKeys = keys }) { fixture in
            let url = "http://127.0.0.1:\(fixture.port)/v1/models"
            #expect(try await HTTPClient.fetch(url).status == 401)
            let key = try GatewayKey(environment: ["E2LLM_API_KEY": "sk-secret"])
            #expect(try await HTTPClient.fetch(url, headers: key.headers).status == 200)
        }
    }
}
