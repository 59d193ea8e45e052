import Domain
import Protocol
import ServiceRuntime

/// What one process tells.
struct ProcessTrace: Sendable {
    /// The service, and the device of a worker.
    var name: String
    /// What it remembers; `nil` where it does not tell.
    var trace: ServiceTrace?
    /// Why it does not tell.
    var problem: String?
    /// Its clock beside ours.
    var clock: ClockOffset?
}

/// What all processes remember of a request, on one clock.
struct RequestTrace: Sendable {
    /// A moment with where it happened.
    struct Entry: Sendable, Hashable {
        /// The place of the process in `processes`.
        var process: Int
        /// What happened; its time is on our clock.
        var moment: TraceMoment
        /// Whether it belongs to what was asked for, and not to another request that was computed meanwhile.
        var isOwn: Bool

        /// When it was over.
        var end: Int { moment.atMicroseconds + (moment.tookMicroseconds ?? 0) }
    }

    /// The name of what was asked for; `nil`: everything of some seconds.
    var name: String?
    /// Who was asked.
    var processes: [ProcessTrace]
    /// All moments in the order of their time.
    var entries: [Entry]
    /// When the first own one was.
    var origin: Int

    /// Puts together what the processes tell. Moments of one microsecond stay in the order of the processes.
    init(name: String?, processes: [ProcessTrace]) {
        self.name = name
        self.processes = processes
        entries = processes.enumerated().flatMap { index, process -> [Entry] in
            let correction = process.clock?.correction ?? 0
            return (process.trace?.moments ?? []).map { moment in
                var moment = moment
                moment.atMicroseconds -= correction
                let isOwn = name.map { TraceQuestion.names($0, moment.request) } ?? true
                return Entry(process: index, moment: moment, isOwn: isOwn)
            }
        }
        entries.sort { ($0.moment.atMicroseconds, $0.process) < ($1.moment.atMicroseconds, $1.process) }
        origin = entries.first { $0.isOwn }?.moment.atMicroseconds ?? 0
    }

    /// What belongs to the request.
    var own: [Entry] { entries.filter(\.isOwn) }
    /// The sequences of the request, as the wire names them.
    var requests: [RequestID] { Set(own.map(\.moment.request)).sorted() }
    /// Milliseconds from the first own moment.
    func milliseconds(_ microseconds: Int) -> Double { Double(microseconds - origin) / 1000 }

    /// What a reader has to know about the processes: who does not tell, whose memory does not reach back, whose clock
    /// is wrong.
    var notes: [String] {
        var notes: [String] = []
        for (index, process) in processes.enumerated() {
            if let problem = process.problem { notes.append("\(process.name) does not tell: \(problem)") }
            if let clock = process.clock, clock.correction != 0 {
                notes.append(
                    "the clock of \(process.name) is \(Self.text(clock.microseconds)) ms ahead, "
                        + "+-\(Self.text(clock.uncertainty)) ms; its times are corrected")
            }
            if let since = process.trace?.sinceMicroseconds, entries.contains(where: { $0.process == index }) {
                let from = since - (process.clock?.correction ?? 0)
                if from > origin { notes.append("\(process.name) remembers nothing before \(time(from)) ms") }
            }
        }
        return notes
    }

    /// A moment, in milliseconds with three decimals.
    func time(_ microseconds: Int) -> String { Self.text(microseconds - origin) }

    /// Microseconds as milliseconds with three decimals.
    static func text(_ microseconds: Int) -> String {
        let digits = String(microseconds.magnitude % 1000)
        let sign = microseconds < 0 ? "-" : ""
        return "\(sign)\(microseconds.magnitude / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }
}

extension TraceMoment {
    /// The stage as people write it.
    var place: String {
        guard let replica else { return stage.map { "\($0)" } ?? "" }
        return stage.map { "\(replica)/\($0)" } ?? "\(replica)"
    }
}
