import Domain
import Foundation
import Protocol
import Testing

@Suite struct CodecTests {
    private let version = Array("E2LLM/1".utf8)
    private let envelope = Array(#"{"type":"stage.forward","id":"1","session":"s"}"#.utf8)

    private func decode(
        _ envelope: [UInt8]? = nil, body: String = "{}", sizes: [Int] = [], version: [UInt8]? = nil
    ) throws -> DecodedHeader {
        try Codec.decode(
            version: version ?? self.version, envelope: envelope ?? self.envelope, body: Array(body.utf8),
            tensorByteCounts: sizes)
    }

    private func code(_ work: () throws -> Void) -> ProtocolError.Code? {
        do {
            try work()
            return nil
        } catch {
            return (error as? ProtocolError)?.code
        }
    }

    @Test func anotherVersionIsNamed() throws {
        #expect(code { _ = try decode(version: Array("E2LLM/2".utf8)) } == .unsupportedVersion)
        #expect(code { _ = try decode(version: Array("GET / HTTP/1.1".utf8)) } == .malformed)
        #expect(code { _ = try decode(version: [0xff, 0xfe]) } == .malformed)
        #expect(code { _ = try decode(version: []) } == .malformed)
    }

    @Test func unknownFieldsAreIgnored() throws {
        let header = try decode(
            Array(#"{"type":"x.y","id":"1","session":"s","shoe_size":43}"#.utf8), body: #"{"anything":[1,2]}"#)
        #expect(header.envelope.type == "x.y")
        let body: EmptyBody = try header.body()
        #expect(body == EmptyBody())
    }

    @Test(arguments: [
        "", "{", "[]", "null", "17", #"{"type":"a"}"#, #"{"type":1,"id":"1","session":"s"}"#,
        #"{"type":"a","id":"1","session":"s","epoch":-1}"#, #"{"type":"a","id":"1","session":"s","status":"maybe"}"#,
    ])
    func damagedEnvelopesAreRefused(text: String) {
        #expect(code { _ = try decode(Array(text.utf8)) } == .malformed)
    }

    @Test func sizesAreLimited() {
        let long = String(repeating: "x", count: 300)
        #expect(code { _ = try decode(Array(#"{"type":"\#(long)","id":"1","session":"s"}"#.utf8)) } == .tooLarge)
        let huge = Array(repeating: UInt8(ascii: " "), count: WireLimits.maximumEnvelopeBytes + 1)
        #expect(code { _ = try decode(huge) } == .tooLarge)
        let deep = String(repeating: "[", count: 100_000)
        #expect(code { _ = try decode(body: deep) } == .malformed)
        let brackets = #"{"a":"\#(String(repeating: "[", count: 500))\""}"#
        #expect(code { _ = try decode(body: brackets) } == nil, "brackets in a text are no nesting")
    }

    @Test func tensorsMustFitTheirFrames() throws {
        func body(_ shape: String, _ dtype: String = "f32") -> String {
            #"{"tensors":[{"name":"hidden","dtype":"\#(dtype)","shape":\#(shape)}]}"#
        }
        #expect(try decode(body: body("[2,3]"), sizes: [24]).tensors[0].shape == [2, 3])
        #expect(code { _ = try decode(body: body("[2,3]"), sizes: [23]) } == .badTensor)
        #expect(code { _ = try decode(body: body("[2,3]"), sizes: []) } == .badTensor)
        #expect(code { _ = try decode(body: body("[2,3]"), sizes: [24, 1]) } == .badTensor)
        #expect(code { _ = try decode(body: body("[-2,3]"), sizes: [24]) } == .badTensor)
        #expect(code { _ = try decode(body: body("[4611686018427387904,4]"), sizes: [0]) } == .badTensor)
        #expect(code { _ = try decode(body: body("[1,1,1,1,1,1,1,1,1]"), sizes: [4]) } == .badTensor)
        #expect(code { _ = try decode(body: body("[1]", "f8"), sizes: [1]) } == .malformed)
        #expect(code { _ = try decode(body: "{}", sizes: [4]) } == .badTensor)
    }

    @Test func errorsNameTheKey() throws {
        let header = try decode(body: #"{"step":1,"replica":"r","stage":0,"entries":[{"request":"a"}],"tensors":[]}"#)
        do {
            _ = try header.body(as: StageForward.self)
            Issue.record("a body without a key was accepted")
        } catch {
            #expect(error.message.contains("entries"))
            #expect(error.message.contains("start"))
        }
    }

    @Test func flippedBytesNeverCrash() throws {
        var state = UInt64(20_260_101)
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        var refused = 0
        for name in ExampleTests.bodies.keys.sorted() {
            let example = try ExampleTests.read(name)
            let sizes = try ExampleTests.tensorSizes(example.body)
            for _ in 0..<100 {
                var envelope = example.envelope
                var body = example.body
                for _ in 0...next(3) {
                    envelope[next(envelope.count)] = UInt8(next(256))
                    if !body.isEmpty { body[next(body.count)] = UInt8(next(256)) }
                }
                if next(4) == 0 { body.removeLast(next(body.count)) }
                do {
                    let header = try Codec.decode(
                        version: version, envelope: envelope, body: body, tensorByteCounts: sizes)
                    if let type = ExampleTests.bodies[name] { _ = try Self.decodeAny(header, as: type) }
                } catch is ProtocolError {
                    refused += 1
                }
            }
        }
        #expect(refused > 1000)
    }

    private static func decodeAny<Body: Codable & Sendable>(_ header: DecodedHeader, as type: Body.Type) throws -> Bool
    {
        _ = try header.body(as: type)
        return true
    }
}
