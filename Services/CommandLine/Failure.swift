import ArgumentParser
import Foundation

/// Ends the command with one clear line on standard error.
struct Failure: Error, CustomStringConvertible {
    /// Exit codes besides 0.
    enum Kind: Int32 {
        case failed = 1
        case usage = 2
        case notReady = 3
    }

    let kind: Kind
    let description: String

    init(_ kind: Kind = .failed, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// Runs a command's body and turns its errors into a line and an exit code.
    static func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as Failure {
            FileHandle.standardError.write(Data("error: \(error.description)\n".utf8))
            throw ExitCode(error.kind.rawValue)
        } catch let error as ExitCode {
            throw error
        } catch let error as CleanExit {
            throw error
        } catch {
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            throw ExitCode(Kind.failed.rawValue)
        }
    }
}
