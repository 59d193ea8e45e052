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

    @Test func argumentsWinOverEnvironmentOverFileOverDefaults() throws {
        let path = try file("demo:\n  name: file\n  count: 5\n  size: 2M\nother:\n  key: 1\n")
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
