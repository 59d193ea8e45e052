import Foundation
import Testing

@testable import CommandLineTool

@Suite("Command line: folders")
struct WritableFolderTests {
    @Test("a folder is made with those that it lies in")
    func made() throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("folder-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let inner = root.appendingPathComponent("a/b/c").path
        #expect(WritableFolder.problem(inner) == nil)
        #expect(WritableFolder.problem(inner) == nil)
        try "x".write(toFile: inner + "/file", atomically: true, encoding: .utf8)
        #expect(WritableFolder.problem(inner + "/file") == "\(inner)/file is no folder")
        #expect(WritableFolder.problem(inner + "/file/d")?.contains("not a directory") == true)
    }

    @Test("what cannot be made is named with the reason")
    func refused() {
        // Nobody can write there, not even root.
        #expect(
            WritableFolder.problem("/proc/nohome/.local/state")
                == "/proc/nohome/.local/state cannot be made: /proc/nohome: no such file or directory")
    }
}
