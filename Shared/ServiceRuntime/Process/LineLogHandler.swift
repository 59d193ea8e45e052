import Foundation
public import Logging
import Synchronization

/// Writes one line per message to standard error: for people, or as JSON.
public struct LineLogHandler: LogHandler {
    /// The two forms.
    public enum Format: String, Sendable {
        /// `12:30:59.123 info scheduler: message key=value`
        case text
        /// One JSON object a line.
        case json
    }

    private static let started = Mutex(false)

    /// Makes this the handler of all loggers of the process; later calls change nothing.
    public static func bootstrap(level: Logger.Level, format: Format) {
        let first = started.withLock { started in
            defer { started = true }
            return !started
        }
        guard first else { return }
        LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level, format: format) }
    }

    private let label: String
    private let format: Format
    /// The lowest level that is written.
    public var logLevel: Logger.Level
    /// Values that are added to every message.
    public var metadata: Logger.Metadata = [:]

    init(label: String, level: Logger.Level, format: Format) {
        self.label = label
        self.logLevel = level
        self.format = format
    }

    /// A value that is added to every message.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a message.
    public func log(event: LogEvent) {
        let level = event.level
        let message = event.message
        var values = metadata.merging(event.metadata ?? [:]) { _, new in new }.sorted { $0.key < $1.key }
        if let error = event.error { values.append((key: "error", value: "\(error)")) }
        let text: String
        switch format {
        case .text:
            let suffix = values.map { " \($0.key)=\($0.value)" }.joined()
            text = "\(Self.time()) \(level.rawValue) \(label): \(message)\(suffix)\n"
        case .json:
            var object = ["time": Self.time(), "level": level.rawValue, "service": label, "message": "\(message)"]
            for (key, value) in values { object[key] = "\(value)" }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let data = (try? encoder.encode(object)) ?? Data()
            text = String(decoding: data, as: UTF8.self) + "\n"
        }
        // One write per line keeps lines of several processes on one terminal whole.
        FileHandle.standardError.write(Data(text.utf8))
    }

    private static func time() -> String {
        Date().formatted(.iso8601.time(includingFractionalSeconds: true).dateSeparator(.dash).year().month().day())
    }
}
