import Foundation
import ServiceRuntime
import Testing

@Suite struct SettingsTests {
    private let keys = [
        SettingKey("demo.name", "anna", "a name"), SettingKey("demo.count", "3", "a number"),
        SettingKey("demo.size", "", "a size"), SettingKey("demo.on", "false", "a switch"),
    ]

    private func file(_ text: String) throws -> String {
        let path = NSTemporaryDirectory() + "settings-\(UUID().uuidString).yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test func secretsAreNotTakenFromArguments() throws {
        let keys = [SettingKey("demo.key", "", "a key", isSecret: true)]
        let error = #expect(throws: RuntimeError.self) {
            try Settings(keys: keys, arguments: ["demo.key=sesame"], environment: [:])
        }
        #expect(error?.message.contains("demo.key") == true && error?.message.contains("E2LLM_DEMO_KEY") == true)
        #expect(error?.message.contains("sesame") == false)
        let settings = try Settings(keys: keys, environment: ["E2LLM_DEMO_KEY": "sesame"])
        #expect(settings.optionalString("demo.key") == "sesame")
    }

    @Test func argumentsWinOverEnvironmentOverFileOverDefaults() throws {
        let path = try file("demo:\n  name: file\n  count: 5\n  size: 2M\nscheduler:\n  key: 1\n")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let environment = ["E2LLM_DEMO_NAME": "environment", "E2LLM_DEMO_COUNT": "7"]
        let settings = try Settings(keys: keys, arguments: ["demo.name=argument"], file: path, environment: environment)
        #expect(try settings.string("demo.name") == "argument")
        #expect(try settings.int("demo.count", in: 1...10) == 7)
        #expect(try settings.bytes("demo.size") == 2 << 20)
        #expect(try settings.bool("demo.on") == false)
    }

    @Test func misspeltKeysAreNamed() throws {
        let path = try file("demo:\n  nmae: x\n")
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            _ = try Settings(keys: keys, file: path, environment: [:])
            Issue.record("a misspelt key was accepted")
        } catch { #expect(error.message.contains("demo.nmae")) }
        do {
            _ = try Settings(keys: keys, arguments: ["demo.cuont=4"], environment: [:])
            Issue.record("a misspelt key was accepted")
        } catch { #expect(error.message.contains("demo.cuont")) }
    }

    /// One file and one environment serve all services, but nothing that no service knows goes unnoticed.
    @Test func unknownSectionsAndVariablesAreNamed() throws {
        let path = try file("demo:\n  name: x\nshceduler:\n  policy: y\n")
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect { _ = try Settings(keys: keys, file: path, environment: [:]) } throws: { "\($0)".contains("shceduler") }
        for name in ["E2LLM_DEMO_NMAE", "E2LLM_SHCEDULER_POLICY", "E2LLM_MODLE"] {
            #expect { _ = try Settings(keys: keys, environment: [name: "1"]) } throws: { "\($0)".contains(name) }
        }
        _ = try Settings(
            keys: keys,
            environment: [
                "E2LLM_SCHEDULER_POLICY": "x", "E2LLM_ISA": "avx2", "E2LLM_MODELS": "/m", "E2LLM_TEST_MODEL": "y",
                "E2LLM_API_KEY": "k",
                "PATH": "z",
            ])
    }

    @Test func theNearestKnownNameIsTold() throws {
        let path = try file("demo:\n  conut: 1\n")
        let wrong = try file("shceduler:\n  policy: y\n")
        defer { for path in [path, wrong] { try? FileManager.default.removeItem(atPath: path) } }
        func message(_ arguments: [String] = [], file: String? = nil, environment: [String: String] = [:]) -> String {
            do {
                _ = try Settings(keys: keys, arguments: arguments, file: file, environment: environment)
                return ""
            } catch {
                return error.message
            }
        }
        #expect(message(["demo.nmae=x"]).hasSuffix("unknown setting demo.nmae (did you mean demo.name?)"))
        #expect(message(["dmeo.size=x"]).hasSuffix("(did you mean demo.size?)"))
        #expect(message(file: path).hasSuffix("unknown setting demo.conut (did you mean demo.count?)"))
        #expect(message(file: wrong).contains("unknown section shceduler (did you mean scheduler?)"))
        #expect(message(environment: ["E2LLM_DEMO_SIEZ": "1"]).hasSuffix("(did you mean E2LLM_DEMO_SIZE?)"))
        #expect(message(environment: ["E2LLM_GATWAY_PORT": "1"]).hasSuffix("(did you mean E2LLM_GATEWAY_PORT?)"))
        #expect(message(environment: ["E2LLM_NONSENSE": "1"]).hasSuffix("is no setting of this service"))
    }

    @Test(
        arguments: [
            ("gatway", "gateway"), ("gateway", "gateway"), ("glusterer", "clusterer"), ("WORKER", "worker"),
            ("nonsense", nil), ("", nil),
        ] as [(String, String?)])
    func names(name: String, nearest: String?) {
        #expect(NearestName.find(name, among: ["clusterer", "gateway", "worker"]) == nearest)
    }

    @Test func badValuesNameTheKey() throws {
        let settings = try Settings(
            keys: keys, arguments: ["demo.count=eleven", "demo.size=big", "demo.on=perhaps"], environment: [:])
        for read in [
            { _ = try settings.int("demo.count", in: 1...10) }, { _ = try settings.bytes("demo.size") },
            { _ = try settings.bool("demo.on") },
        ] as [() throws -> Void] {
            do {
                try read()
                Issue.record("a bad value was accepted")
            } catch { #expect("\(error)".contains("demo.")) }
        }
        let empty = try Settings(keys: keys, environment: [:])
        #expect(throws: RuntimeError.self) { try empty.bytes("demo.size") }
    }

    @Test(arguments: [("1", 1), ("2K", 2048), ("512M", 512 << 20), ("1.5GiB", 3 << 29), ("10kb", 10240)])
    func sizes(text: String, bytes: Int) { #expect(ByteText.parse(text) == bytes) }

    @Test(arguments: ["", "M", "-1", "0", "1X", "1e400", "nan"])
    func noSizes(text: String) { #expect(ByteText.parse(text) == nil) }
}
