import Foundation
import Testing

@testable import Gateway

struct InflateTests {
    /// Made with Python's gzip: `{"prompt":"hi"}`.
    static let small = "H4sIAAAAAAACA6tWKijKzy0oUbJSyshUqgUAVgUoGA8AAAA="
    /// A thousand times `a`, then `0` to `199` as text, with codes of its own.
    static let large = """
        H4sIAAAAAAACA+2R2ZUDMAjEWkLclJP+m9jxlpEXfm1gJD6fX/3qV99ehkdWzx4GOEFSNMNybo67h6eXt4+vX1gQHhEZFR0TG5eW\
        pGdkZmXn5OaVFeUVlVXVNbV1bU17R2dXd09v39gwPjE5NT0zO7e2rG9sbm3v7O6dnQKdlp0GnT6dMtuLrZQKpQxaqQ0aqH59/0d6\
        UKISlrgEJjKhcbi9Fxdh4IkX3vjgix9hrykkRLhJFNHEEEscaW9eOilfYi+yySGXPMreqnIqKOmUiKaGWupoeyna6aCTlm1ZGXrp\
        Y+wFHGeCSaYYHUOKljnWXvZ1Nthki21Wt5Iv6TFhSRIXXHLFNTecTnl/zg/KgNIFAAA=
        """

    static func bytes(_ text: String) throws -> [UInt8] { Array(try #require(Data(base64Encoded: text))) }

    @Test func unpacks() throws {
        #expect(try Inflate.gunzip(Self.bytes(Self.small), limit: 15) == Array(#"{"prompt":"hi"}"#.utf8))
        let text = String(repeating: "a", count: 1000) + (0..<200).map(String.init).joined()
        #expect(try Inflate.gunzip(Self.bytes(Self.large), limit: 10_000) == Array(text.utf8))
        // Members that follow each other are one text.
        let twice = try Self.bytes(Self.small) + Self.bytes(Self.small)
        #expect(try Inflate.gunzip(twice, limit: 100).count == 30)
    }

    @Test func whatComesOutIsBounded() throws {
        #expect(throws: Inflate.Failure.tooLarge) { try Inflate.gunzip(Self.bytes(Self.small), limit: 14) }
        #expect(throws: Inflate.Failure.tooLarge) { try Inflate.gunzip(Self.bytes(Self.large), limit: 1489) }
    }

    @Test func damageIsNoticed() throws {
        for text in [Self.small, Self.large] {
            let sound = try Self.bytes(text)
            let whole = try Inflate.gunzip(sound, limit: 10_000)
            for length in 0..<sound.count {
                #expect(throws: Inflate.Failure.self) { try Inflate.gunzip(Array(sound[..<length]), limit: 10_000) }
            }
            // Behind the header everything is covered by the checksum.
            for index in 10..<sound.count {
                for bit: UInt8 in [1, 0x80] {
                    var damaged = sound
                    damaged[index] ^= bit
                    // The last byte of the codes has bits that nobody reads.
                    let result = try? Inflate.gunzip(damaged, limit: 10_000)
                    #expect(result == nil || result == whole)
                }
            }
        }
    }
}
