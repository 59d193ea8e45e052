import ServiceRuntime
import Testing

@testable import Gateway

@Suite struct APIKeyTests {
    @Test func keysAreRead() throws {
        let text = """
            # who may ask
            sk-one
            phone sk-two 60/min
              laptop\tsk-three , sk-four
            """
        let keys = try APIKey.read(text, setting: "keys")
        #expect(
            keys == [
                APIKey(name: "key-1", key: "sk-one"), APIKey(name: "phone", key: "sk-two", perMinute: 60),
                APIKey(name: "laptop", key: "sk-three"), APIKey(name: "key-4", key: "sk-four"),
            ])
        #expect(try APIKey.read(" \n#only words\n,", setting: "keys").isEmpty)
    }

    @Test(arguments: [
        "phone sk-secret 0/min", "phone sk-secret many", "phone sk-secret 5/hour", "a b c d", "ph/one sk-secret",
        "phone sk-secret\nphone sk-other", "phone sk-secret 99999999/min", "key-2 sk-secret, sk-other",
    ])
    func mistakesAreNamedWithoutTheKey(text: String) throws {
        let error = try #require(throws: RuntimeError.self) { try APIKey.read(text, setting: "gateway.api_keys") }
        #expect(error.message.contains("gateway.api_keys") && !error.message.contains("secret"))
    }

    @Test func aLimitLetsAMinutesRequestsThroughAtOnceAndThenOneByOne() {
        var limit = RateLimit(perMinute: 6)
        for _ in 0..<6 { #expect(limit.take(at: 100) == nil) }
        #expect(limit.take(at: 100) == 10)
        #expect(limit.take(at: 105) == 5)
        #expect(limit.take(at: 110) == nil)
        #expect(limit.take(at: 110) == 10)
        #expect(limit.take(at: 109) == 10, "a clock that goes back changes nothing")
        for _ in 0..<6 { #expect(limit.take(at: 10_000) == nil, "no more than a minute is saved up") }
        #expect(limit.take(at: 10_000) != nil)
    }
}
