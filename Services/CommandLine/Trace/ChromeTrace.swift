import Domain
import Foundation
import Protocol

/// A trace in the format of Chrome's tracing, which ui.perfetto.dev shows: for each process a track of what its compute
/// thread did and one of its messages. The ways between processes are asynchronous events of who received, since
/// several may be under way at a time.
struct ChromeTrace: Encodable, Sendable {
    struct Event: Encodable, Sendable {
        var name: String
        var cat: String?
        var ph: String
        /// Microseconds from the first moment.
        var ts: Int?
        var dur: Int?
        var pid: Int
        var tid: Int
        /// How far an instant event reaches: its track.
        var s: String?
        var id: String?
        var args: [String: Value]?
    }

    enum Value: Encodable, Sendable {
        case text(String)
        case number(Int)

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .number(let number): try container.encode(number)
            }
        }
    }

    var traceEvents: [Event]
    var displayTimeUnit = "ms"

    private static let compute = 1
    private static let messages = 2

    /// Draws a trace.
    init(_ trace: RequestTrace) {
        traceEvents = []
        for (index, process) in trace.processes.enumerated()
        where trace.entries.contains(where: { $0.process == index }) {
            name("process_name", process.name, pid: index + 1, tid: 0)
            name("thread_name", "compute", pid: index + 1, tid: Self.compute)
            name("thread_name", "messages", pid: index + 1, tid: Self.messages)
        }
        let waits = TraceWaits(trace)
        // A step has a moment for each of its requests, and is drawn once.
        var steps: [Step: [RequestTrace.Entry]] = [:]
        for (number, entry) in trace.entries.enumerated() {
            if entry.moment.kind == .computed {
                steps[Step(entry), default: []].append(entry)
            } else {
                happened(entry, trace)
                way(entry, number, waits, trace)
            }
        }
        for (step, members) in steps.sorted(by: { ($0.key.begin, $0.key.process) < ($1.key.begin, $1.key.process) }) {
            computed(step, members, trace)
        }
    }

    private struct Step: Hashable {
        var process: Int
        var place: String
        var begin: Int
        var length: Int

        init(_ entry: RequestTrace.Entry) {
            process = entry.process
            place = entry.moment.place
            begin = entry.moment.atMicroseconds
            length = entry.moment.tookMicroseconds ?? 0
        }
    }

    private mutating func name(_ what: String, _ name: String, pid: Int, tid: Int) {
        traceEvents.append(Event(name: what, ph: "M", pid: pid, tid: tid, args: ["name": .text(name)]))
    }

    private mutating func computed(_ step: Step, _ members: [RequestTrace.Entry], _ trace: RequestTrace) {
        let isOwn = members.contains(where: \.isOwn)
        let what = members.allSatisfy { $0.moment.decode == true } ? "decode" : "prefill"
        var arguments = members.first.map { Self.arguments($0.moment) } ?? [:]
        arguments["rows"] = .number(members.reduce(0) { $0 + ($1.moment.rows ?? 0) })
        arguments["requests"] = .text(members.map(\.moment.request.rawValue).joined(separator: " "))
        if members.count > 1 { arguments["position"] = nil }
        traceEvents.append(
            Event(
                name: "\(isOwn ? "" : "other ")\(what) \(step.place)", cat: isOwn ? "request" : "other", ph: "X",
                ts: step.begin - trace.origin, dur: step.length, pid: step.process + 1, tid: Self.compute,
                args: arguments))
    }

    private mutating func happened(_ entry: RequestTrace.Entry, _ trace: RequestTrace) {
        var arguments = Self.arguments(entry.moment)
        arguments["request"] = .text(entry.moment.request.rawValue)
        traceEvents.append(
            Event(
                name: entry.moment.kind.rawValue, cat: "request", ph: "i",
                ts: entry.moment.atMicroseconds - trace.origin, pid: entry.process + 1, tid: Self.messages, s: "t",
                args: arguments))
    }

    /// The time that a message was under way.
    private mutating func way(
        _ entry: RequestTrace.Entry, _ number: Int, _ waits: TraceWaits, _ trace: RequestTrace
    ) {
        guard [.rowsReceived, .stepDone, .kvReceived, .token, .firstToken].contains(entry.moment.kind),
            let wait = waits.wait(of: entry)
        else { return }
        let end = entry.moment.atMicroseconds - trace.origin
        for (phase, time) in [("b", end - wait.microseconds), ("e", end)] {
            traceEvents.append(
                Event(
                    name: "\(entry.moment.kind.rawValue): \(wait.reason)", cat: "way", ph: phase, ts: time,
                    pid: entry.process + 1, tid: Self.messages, id: "\(number)"))
        }
    }

    private static func arguments(_ moment: TraceMoment) -> [String: Value] {
        var arguments: [String: Value] = [:]
        if !moment.place.isEmpty { arguments["stage"] = .text(moment.place) }
        for (name, value) in [
            ("step", moment.step.map { Int(clamping: $0) }), ("rows", moment.rows), ("position", moment.position),
            ("bytes", moment.bytes),
        ] {
            if let value { arguments[name] = .number(value) }
        }
        return arguments
    }

    /// The file.
    func data() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}
