import Testing

@testable import Gateway

struct BrowserPolicyTests {
    private let names = HostNames(machine: "Board.lan", listening: "10.0.0.5", further: ["llm.example"])

    @Test(arguments: [
        "localhost", "LOCALHOST:8080", "a.localhost", "127.0.0.1:8080", "[::1]:8080", "[::1]", "192.168.1.7", "board",
        "board.local:80", "board.lan", "llm.example:443", "localhost.",
    ])
    func namesOfThisServer(host: String) { #expect(names.contain(host)) }

    @Test(arguments: [
        "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "2130706433", "", ":8080", "[::1", "[::1]x",
        "llm.example.evil", "localhost:80x", "other", "1.2.3",
    ])
    func otherNames(host: String) {
        #expect(!names.contain(host))
        #expect(HostNames(machine: "m", listening: "127.0.0.1", further: ["*"]).contain(host))
    }

    private func policy(_ origins: Set<String> = [], keys: Bool = false) -> BrowserPolicy {
        BrowserPolicy(hosts: names, origins: origins, needsKeys: keys)
    }

    @Test func pagesOfOtherSitesMayNot() throws {
        for origin in [
            "https://evil.example", "null", "http://localhost:9000", "http://127.0.0.1:8080",
            "http://localhost.evil:8080",
            "localhost:8080",
        ] {
            let error = #expect(throws: APIError.self) {
                try policy().judge(host: "localhost:8080", origin: origin)
            }
            #expect(error?.status == 403 && error?.code == "origin_not_allowed" && error?.mayPass == false)
            // A page that has no key can do nothing, and one that has a key may.
            #expect(try policy(keys: true).judge(host: "localhost:8080", origin: origin) == .plain)
        }
    }

    @Test func pagesOfThisServerMay() throws {
        for (host, origin) in [
            ("localhost:8080", "http://localhost:8080"), ("localhost", "http://localhost"),
            ("llm.example", "https://llm.example"), ("llm.example:443", "https://llm.example"),
            ("[::1]:8080", "http://[::1]:8080"), ("localhost:80", "http://LOCALHOST"),
        ] {
            #expect(try policy().judge(host: host, origin: origin) == .plain)
        }
        #expect(try policy().judge(host: "localhost", origin: nil) == .plain)
        #expect(try policy().judge(host: nil, origin: nil) == .plain)
    }

    @Test func configuredPagesMayReadAnswers() throws {
        let origins = try BrowserPolicy.read("https://Chat.example, http://localhost:3000")
        let policy = policy(origins)
        #expect(
            try policy.judge(host: "localhost", origin: "https://chat.example") == .shared("https://chat.example"))
        #expect(throws: APIError.self) { try policy.judge(host: "localhost", origin: "http://chat.example") }
        #expect(try self.policy(["*"]).judge(host: "localhost", origin: "null") == .shared("*"))
    }

    @Test func namesThatLeadHereByAnothersWillAreRefused() {
        for keys in [true, false] {
            let error = #expect(throws: APIError.self) {
                try policy(["*"], keys: keys).judge(host: "evil.example:8080", origin: "http://evil.example:8080")
            }
            #expect(error?.status == 403 && error?.code == "host_not_allowed")
        }
    }

    @Test(arguments: ["chat.example", "https://", "https://chat.example/path"])
    func whatIsNoOriginIsNamed(text: String) {
        let error = #expect(throws: OriginError.self) { try BrowserPolicy.read("*," + text) }
        #expect(error?.text == text)
    }
}
