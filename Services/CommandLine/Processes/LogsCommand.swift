import ArgumentParser
import Foundation
import ServiceRuntime

/// `e2llm logs`: what the processes of a cluster of this machine wrote.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Prints the logs of a cluster that `e2llm up` started on this machine.",
        discussion: "Lines of several files come with their file's name and, as far as they have times, in their order."
    )

    @Option(help: "profiler, partitioner, clusterer, scheduler, gateway or the id of a device; may be repeated.")
    var service: [String] = []
    @Option(help: "The HTTP port of the cluster; default: the newest one.") var port: Int?
    @Option(help: "The folder of a cluster that has ended, as --directory named it.") var directory: String?
    @Option(name: [.customShort("n"), .long], help: "So many last lines of each file.") var lines: Int = 100
    @Flag(name: .shortAndLong, help: "Go on with what is written, until Ctrl-C.") var follow = false

    func validate() throws {
        guard (0...1_000_000).contains(lines) else { throw ValidationError("--lines must be 0 to 1000000") }
    }

    func run() async throws {
        try await Failure.reporting {
            let folder = try directory ?? ClusterRecord.running(port: port).directory
            let names = try LogFolder(path: folder + "/logs").names(service)
            let isAlone = names.count == 1
            var tails = names.map { (name: $0, tail: LogTail(path: "\(folder)/logs/\($0).log")) }
            var first: [LogMerge.Line] = []
            for index in tails.indices {
                first += try tails[index].tail.last(lines).map { LogMerge.Line(file: tails[index].name, text: $0) }
            }
            show(LogMerge.ordered(first), isAlone)
            while follow {
                try await Task.sleep(for: .milliseconds(250))
                var next: [LogMerge.Line] = []
                for index in tails.indices {
                    next += try tails[index].tail.next().map { LogMerge.Line(file: tails[index].name, text: $0) }
                }
                show(LogMerge.ordered(next), isAlone)
            }
        }
    }

    private func show(_ lines: [LogMerge.Line], _ isAlone: Bool) {
        guard !lines.isEmpty else { return }
        for line in lines {
            let text = PrintableText.clean(line.text)
            print(isAlone ? text : "\(line.file) | \(text)")
        }
        fflush(nil)
    }
}

/// The folder in which `e2llm up` keeps a log for each process.
struct LogFolder: Sendable {
    let path: String

    /// The names of the logs, of all or of those that are wanted.
    ///
    /// - Throws: a `Failure` for names that there is no log of.
    func names(_ wanted: [String]) throws -> [String] {
        let files: [String]
        do {
            files = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw Failure(.failed, "\(path) cannot be read: \(error.localizedDescription)")
        }
        let known = files.filter { $0.hasSuffix(".log") }.map { String($0.dropLast(4)) }
            .sorted(by: NaturalOrder.precedes)
        for name in wanted where !known.contains(name) {
            throw Failure(
                .usage,
                "there is no log of \(name)\(NearestName.question(name, among: known)); there are: "
                    + known.joined(separator: ", "))
        }
        guard !known.isEmpty else { throw Failure(.failed, "\(path) holds no logs") }
        return wanted.isEmpty ? known : known.filter(wanted.contains)
    }
}

/// Lines of several logs as one.
enum LogMerge {
    /// A line of a file.
    struct Line: Sendable, Hashable {
        var file: String
        var text: String
    }

    /// The lines by their times; one without a time stays behind the line of its file before it.
    static func ordered(_ lines: [Line]) -> [Line] {
        var last: [String: String] = [:]
        let keyed = lines.enumerated().map { index, line in
            if let time = time(line.text) { last[line.file] = time }
            return (time: last[line.file] ?? "", index: index, line: line)
        }
        return keyed.sorted { $0.time == $1.time ? $0.index < $1.index : $0.time < $1.time }.map(\.line)
    }

    /// The time that a line of text or JSON begins with or names, as it is written: such times sort as texts.
    static func time(_ line: String) -> String? {
        var text = line[...]
        if line.hasPrefix("{"), let key = line.range(of: #""time":""#) { text = line[key.upperBound...] }
        let time = text.prefix { $0 != " " && $0 != "\"" }
        guard time.count >= 19, time.prefix(4).allSatisfy(\.isNumber), time.dropFirst(4).first == "-",
            time.contains("T")
        else { return nil }
        return String(time)
    }
}

/// A log that is read from its end, and on. One that was shortened or replaced is read from its beginning.
struct LogTail {
    private let path: String
    private var offset: UInt64 = 0
    /// The line that has no end yet.
    private var open = Data()
    private static let mostBytes = 64 << 20

    init(path: String) { self.path = path }

    /// The last lines, at most those of the last 64 MiB.
    mutating func last(_ count: Int) throws -> [String] {
        let size = try self.size()
        offset = size > UInt64(Self.mostBytes) ? size - UInt64(Self.mostBytes) : 0
        return Array(try next().suffix(count))
    }

    /// The lines that were completed since.
    mutating func next() throws -> [String] {
        let size = try self.size()
        if size < offset { (offset, open) = (0, Data()) }
        guard size > offset, let handle = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? handle.close() }
        try handle.seek(toOffset: offset)
        let data = try handle.read(upToCount: Self.mostBytes) ?? Data()
        offset += UInt64(data.count)
        open += data
        guard let end = open.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let whole = open[..<end]
        let lines = whole.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        open = Data(open[(end + 1)...])
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }

    private func size() throws -> UInt64 {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let size = attributes[.size] as? NSNumber
        else { throw Failure(.failed, "\(path) cannot be read") }
        return size.uint64Value
    }
}
