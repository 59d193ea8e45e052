import Foundation
import Messaging
import Protocol
import Testing

@testable import ServiceRuntime

/// Files and tokens with keys, and what they allow.
@Suite struct KeyringTests {
    private func folder() throws -> String {
        let path = NSTemporaryDirectory() + "keys-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private func entry(
        _ identity: String, _ plays: [KeyRole], devices: [String]? = nil, expires: Date? = nil
    ) throws -> (AllowedKey, CurveKeyPair) {
        let keys = try CurveKeyPair.generate()
        return (
            AllowedKey(
                identity: identity, publicKey: keys.publicKey, plays: plays, devices: devices, expires: expires), keys
        )
    }

    @Test func listsSurviveTheFile() throws {
        let path = try folder() + "/allowed.json"
        let end = Date(timeIntervalSince1970: 1_900_000_000)
        let list = AllowedKeys(
            version: 7,
            keys: [
                try entry("scheduler", [.scheduler]).0,
                try entry("pi", [.worker, .client], devices: ["pi-*"], expires: end).0,
            ])
        try list.write(path)
        #expect(try AllowedKeys.read(path) == list)
        try #"{"version":1,"keys":[{"identity":"x","public":"nonsense","plays":["worker"]}]}"#.write(
            toFile: path, atomically: true, encoding: .utf8)
        #expect { try AllowedKeys.read(path) } throws: { "\($0)".contains("public key of x") }
        try #"{"version":1,"keys":5}"#.write(toFile: path, atomically: true, encoding: .utf8)
        #expect { try AllowedKeys.read(path) } throws: { "\($0)".contains(path) }
    }

    @Test func theSpecificationsExampleIsRead() throws {
        let example = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Shared/Protocol/Specification/examples/keys.json")
        let object = try JSONSerialization.jsonObject(with: Data(contentsOf: example)) as? [String: Any]
        let body = try JSONSerialization.data(withJSONObject: try #require(object?["body"]), options: .sortedKeys)
        let list = try JSONDecoder().decode(AllowedKeys.self, from: body)
        #expect(list.keys.first?.expires == Date(timeIntervalSince1970: 1_801_396_800))
        let again = JSONEncoder()
        again.outputFormatting = .sortedKeys
        let text = String(decoding: try again.encode(list), as: UTF8.self).replacing("\\/", with: "/")
        #expect(text == String(decoding: body, as: UTF8.self).replacing("\\/", with: "/"))
    }

    @Test func secretsAreTheirOwnersOnly() throws {
        let path = try folder() + "/a.key"
        let keys = try CurveKeyPair.generate()
        try SecretKeyFile(identity: "a", secret: keys.secretKey).write(path)
        #expect(try SecretKeyFile.read(path).keys == keys)
        chmod(path, 0o644)
        #expect {
            try SecretKeyFile.read(path)
        } throws: {
            "\($0)".contains("chmod 600") && !"\($0)".contains(keys.secretKey)
        }
        try #"{"identity":"a","secret":"short"}"#.write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o600)
        #expect(throws: RuntimeError.self) { try SecretKeyFile.read(path) }
    }

    @Test func ownKeysMustBeListedAndGood() throws {
        let path = try folder()
        let (allowed, secret) = ("\(path)/allowed.json", "\(path)/a.key")
        let (key, pair) = try entry("a", [.scheduler])
        try SecretKeyFile(identity: "a", secret: pair.secretKey).write(secret)
        try AllowedKeys(keys: []).write(allowed)
        #expect { try Keyring(allowed: allowed, secret: secret) } throws: {
            "\($0)".contains("no entry for the key of a")
        }
        var revoked = key
        revoked.revoked = true
        try AllowedKeys(keys: [revoked]).write(allowed)
        #expect { try Keyring(allowed: allowed, secret: secret) } throws: { "\($0)".contains("revoked") }
        try AllowedKeys(keys: [key]).write(allowed)
        #expect(try Keyring(allowed: allowed, secret: secret).own == pair)
        let settings = { (given: [String]) in try Settings(keys: Keyring.settings, arguments: given, environment: [:]) }
        #expect { try Keyring.make(settings(["security.secret=\(secret)"])) } throws: {
            "\($0)".contains("security.allowed")
        }
        #expect { try Keyring.make(settings(["security.allowed=\(allowed)"])) } throws: {
            "\($0)".contains("security.secret")
        }
        #expect(try Keyring.make(settings([])) == nil)
    }

    @Test func tokensAreTextThatTellsNothingWhenItIsWrong() throws {
        let pair = try CurveKeyPair.generate()
        let (server, _) = try entry("scheduler", [.scheduler])
        var token = JoinToken(
            identity: "far", secret: pair.secretKey, expires: Date(timeIntervalSinceNow: 60),
            endpoints: ["control": "tcp://10.0.0.1:5555"], keys: [server])
        let text = try token.text()
        let read = try JoinToken.read(" \(text)\n")
        #expect(read.identity == "far" && read.endpoints == token.endpoints && read.keys == [server])
        let file = try folder() + "/token"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try JoinToken.read(file).secret == pair.secretKey)
        token.expires = Date(timeIntervalSinceNow: -1)
        for wrong in [String(text.dropLast(9)), try token.text(), "e2llm1.", "e2llm1.!!!", "hello", ""] {
            #expect { try JoinToken.read(wrong) } throws: {
                !"\($0)".contains(pair.secretKey) && !"\($0)".contains("e2llm1")
            }
        }
        let addresses = try Addresses(
            Settings(
                keys: EndpointSetting.keys(binding: []),
                arguments: ["security.token=\(text)", "endpoints.state=tcp://h:1"],
                environment: [:]))
        #expect(addresses[.control] == "tcp://10.0.0.1:5555", "the token says where the scheduler is")
        #expect(addresses[.state] == "tcp://h:1")
    }

    @Test(arguments: [
        ("pi-1", "pi-*", true), ("pi", "pi-*", false), ("x-pi-1", "pi-*", false), ("a.b.c", "a*c", true),
        ("ac", "a*c", true),
        ("a", "a*a", false), ("anything", "*", true), ("", "*", true), ("abcabd", "*bc*bd", true),
        ("laptop", "laptop", true),
        ("laptop2", "laptop", false),
    ])
    func patterns(text: String, pattern: String, matches: Bool) {
        #expect(AllowedKey.matches(text, pattern) == matches)
    }

    @Test func whatIsOpenToOthersNeedsKeys() throws {
        for (endpoint, leaves) in [
            ("tcp://127.0.0.1:5", false), ("tcp://localhost:5", false), ("tcp://[::1]:5", false),
            ("ipc:///tmp/x", false),
            ("inproc://x", false), ("tcp://0.0.0.0:5", true), ("tcp://*:5", true), ("tcp://10.1.2.3:5", true),
            ("tcp://[fd00::1]:5", true), ("tcp://host.example:5", true),
        ] { #expect(Reach.leavesMachine(endpoint) == leaves, "\(endpoint)") }
        let keys = EndpointSetting.keys(binding: [.control])
        let open = try Settings(keys: keys, arguments: ["bind.control=tcp://0.0.0.0:5555"], environment: [:])
        #expect { _ = try Addresses(open, binding: [.control]) } throws: { "\($0)".contains("e2llm keys create") }
        _ = try Addresses(open, binding: [.state])
    }

    @Test func announcedEndpointsNameTheKey() throws {
        let keys = try CurveKeyPair.generate()
        for address in ["tcp://10.0.0.1:5", "tcp://[fd00::1]:5"] {
            let endpoint = KeyedEndpoint(address: address, serverKey: keys.publicKey)
            #expect(KeyedEndpoint(endpoint.description) == endpoint)
            #expect(endpoint.description.count == address.count + 69)
        }
        #expect(KeyedEndpoint("tcp://a:1").serverKey == nil)
        #expect(KeyedEndpoint("tcp://a:1?key=12").serverKey == nil)
        #expect(Reach.announced("tcp://0.0.0.0:77", towards: "tcp://127.0.0.1:5") == "tcp://127.0.0.1:77")
        #expect(Reach.announced("tcp://10.0.0.9:77", towards: "tcp://127.0.0.1:5") == "tcp://10.0.0.9:77")
    }

    /// In containers names are known when their services have started: an address that leads nowhere is not announced.
    @Test func theAddressIsAnnouncedWhenItIsKnown() async throws {
        var addresses = Addresses()
        addresses[.control] = "tcp://nobody.invalid:5555"
        let waiting = addresses
        let task = Task { try await waiting.announced("tcp://0.0.0.0:77", towards: .control) }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        addresses[.control] = "tcp://127.0.0.1:5555"
        #expect(try await addresses.announced("tcp://0.0.0.0:77", towards: .control) == "tcp://127.0.0.1:77")
        #expect(try await waiting.announced("tcp://10.0.0.1:77", towards: .control) == "tcp://10.0.0.1:77")
    }
}
