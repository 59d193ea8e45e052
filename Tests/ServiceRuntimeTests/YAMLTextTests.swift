import Foundation
import Testing

@testable import ServiceRuntime

@Suite struct YAMLTextTests {
    /// Seven levels of nine aliases: some hundred bytes that stand for nine million values.
    private static let unfolding =
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + (1...7).map { level in
            let aliases = [String](repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            return "a\(level): &a\(level) [\(aliases)]\n"
        }.joined()

    @Test(arguments: [
        unfolding, "? &a [x]\n: 1\nb: *a\n", "a: &a [x]\n*a : 1\n", "{a: &a [x], [*a, *a]: 1}",
        "a: &a {x: 1}\nb:\n  ? [*a]\n  : 1\n", "a: [\n",
    ])
    func whatUnfoldsOrCannotBeReadIsRefusedAtOnce(text: String) {
        let start = ContinuousClock.now
        #expect(YAMLText.problem(text) != nil)
        #expect(ContinuousClock.now - start < .milliseconds(100))
    }

    @Test(arguments: [
        "", "a: 1", "bind:\n  plan: tcp://*:5555\n  other: tcp://[::1]:5555\n", "a: \"what? *yes* & no\"\n",
        "base: &base\n  x: 1\nall:\n" + (0..<200).map { "  - {<<: *base, id: \($0)}\n" }.joined(),
    ])
    func ordinaryFilesPass(text: String) {
        #expect(YAMLText.problem(text) == nil)
    }

    @Test func filesAreBoundedAndNamed() throws {
        let path = NSTemporaryDirectory() + "yaml-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        func problem(_ content: Data) throws -> String? {
            try content.write(to: URL(fileURLWithPath: path))
            do throws(RuntimeError) {
                _ = try Settings(keys: [SettingKey("a.b", "1", "c")], file: path, environment: [:])
                return nil
            } catch {
                return error.code == .badSetting ? error.message : nil
            }
        }
        #expect(try problem(Data("a:\n  b: 2\n".utf8)) == nil)
        #expect(try problem(Data(count: YAMLText.mostBytes + 1))?.contains("\(path): is larger") == true)
        #expect(try problem(Data([0xFF, 0xFE, 0x00]))?.contains("UTF-8") == true)
        #expect(try problem(Data(Self.unfolding.utf8))?.contains("\(path): its aliases") == true)
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: RuntimeError.self) { try YAMLText.read(path) }
    }
}
