import Foundation
import Testing

@testable import Inference

@Suite struct FileMapTests {
    /// In a process of its own, which it ends.
    @Test func aFileThatIsCutWhileItIsMappedIsNamed() async throws {
        let result = try #require(
            await #expect(processExitsWith: .exitCode(74), observing: [\.standardErrorContent]) {
                let path = FileManager.default.temporaryDirectory.appendingPathComponent("cut-while-mapped.gguf").path
                try Data(count: 64 << 10).write(to: URL(fileURLWithPath: path))
                let map = try FileMap(path: path)
                #expect(map.load(UInt8.self, at: 40_000) == 0)
                truncate(path, 100)
                unlink(path)
                // Beyond the end of the page that is left.
                _ = map.load(UInt8.self, at: 40_000)
            })
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("cut-while-mapped.gguf was cut or cannot be read while it is in use"), "\(text)")
    }

    @Test func otherFaultsAreNotTaken() async throws {
        await #expect(processExitsWith: .signal(SIGBUS)) {
            setenv("SWIFT_BACKTRACE", "enable=no", 1)
            signal(SIGBUS, SIG_DFL)
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("whole-\(getpid()).gguf").path
            try Data(count: 100).write(to: URL(fileURLWithPath: path))
            let map = try FileMap(path: path)
            unlink(path)
            kill(getpid(), SIGBUS)
            for _ in 0..<1000 { usleep(1000) }
            _ = map
        }
    }
}
