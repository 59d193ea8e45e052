/// What the processors of a machine have done since it started, in ticks: the first line of `/proc/stat` (proc(5)).
public struct ProcessorTimes: Sendable, Hashable {
    /// Ticks of programs and of the system for them.
    public var busy: Double
    /// Ticks in which there was nothing to do.
    public var idle: Double
    /// Ticks that a hypervisor gave to other machines.
    public var steal: Double

    /// Makes figures.
    public init(busy: Double, idle: Double, steal: Double) {
        self.busy = busy
        self.idle = idle
        self.steal = steal
    }

    /// Reads the text of `/proc/stat`; `nil` where it has not the form.
    public init?(stat text: String) {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("cpu ") }) else { return nil }
        let figures = line.split(separator: " ").dropFirst().map { Double($0) ?? -1 }
        // user, nice, system, idle, iowait, irq, softirq, steal; time of guests is in user.
        guard figures.count >= 4, figures.allSatisfy({ $0 >= 0 && $0.isFinite }) else { return nil }
        func figure(_ index: Int) -> Double { index < figures.count ? figures[index] : 0 }
        busy = figure(0) + figure(1) + figure(2) + figure(5) + figure(6)
        idle = figure(3) + figure(4)
        steal = figure(7)
    }

    /// All ticks.
    var all: Double { busy + idle + steal }
}

/// A process in `/proc/PID/stat`.
public struct ProcessTimes: Sendable, Hashable {
    /// Its number.
    public var process: Int
    /// The process that started it.
    public var parent: Int
    /// Ticks that it and its children that ended have computed.
    public var ticks: Double

    /// Makes figures.
    public init(process: Int, parent: Int, ticks: Double) {
        self.process = process
        self.parent = parent
        self.ticks = ticks
    }

    /// Reads the text of `/proc/PID/stat`; `nil` where it has not the form. The name in brackets may hold anything.
    public init?(stat text: String) {
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close,
            let process = Int(text[..<open].trimmingPrefix(" ").split(separator: " ").first ?? "")
        else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        // state, parent, ..., and from the twelfth on: utime, stime, cutime, cstime.
        guard fields.count >= 15, let parent = Int(fields[1]) else { return nil }
        let times = fields[11...14].compactMap { Double($0) }
        guard times.count == 4, times.allSatisfy({ $0.isFinite && $0 >= 0 }) else { return nil }
        self.init(process: process, parent: parent, ticks: times.reduce(0, +))
    }

    /// The ticks of a process and of all that it started, of a list of all processes.
    public static func ticks(of root: Int, _ all: [ProcessTimes]) -> Double {
        var children: [Int: [ProcessTimes]] = [:]
        for process in all { children[process.parent, default: []].append(process) }
        var sum = 0.0
        var seen: Set<Int> = []
        var open = all.filter { $0.process == root }
        while let process = open.popLast() {
            guard seen.insert(process.process).inserted else { continue }
            sum += process.ticks
            open += children[process.process] ?? []
        }
        return sum
    }
}

/// A moment of a machine, for the time that others took between two of them.
public struct MachineMoment: Sendable, Hashable {
    /// All processors.
    public var processors: ProcessorTimes
    /// Ticks of the programs that are measured.
    public var own: Double
    /// Mean number of programs that want to compute, over a minute (`/proc/loadavg`).
    public var load: Double

    /// Makes a moment.
    public init(processors: ProcessorTimes, own: Double, load: Double) {
        self.processors = processors
        self.own = own
        self.load = load
    }

    /// The first figure of `/proc/loadavg`.
    public static func load(_ text: String) -> Double? {
        text.split(separator: " ").first.flatMap { Double($0) }
    }
}

/// How much of a machine others took while a run was measured.
public struct MachineUse: Codable, Sendable, Hashable {
    /// Share of the processors' time that other programs computed.
    public var others: Double
    /// Share that a hypervisor gave to other machines.
    public var steal: Double
    /// The mean number of programs that wanted to compute, at the end.
    public var load: Double

    /// Above this a run says nothing.
    public static let mostDisturbance = 0.1

    /// Makes figures.
    public init(others: Double, steal: Double, load: Double) {
        self.others = others
        self.steal = steal
        self.load = load
    }

    /// What happened between two moments.
    public init(from before: MachineMoment, to after: MachineMoment) {
        let all = max(1, after.processors.all - before.processors.all)
        let busy = after.processors.busy - before.processors.busy
        others = min(1, max(0, (busy - (after.own - before.own)) / all))
        steal = min(1, max(0, (after.processors.steal - before.processors.steal) / all))
        load = after.load
    }

    /// The share of the time that was not there for the fleet.
    public var disturbance: Double { min(1, others + steal) }
    /// Whether figures of the run may be judged.
    public var isQuiet: Bool { disturbance <= Self.mostDisturbance }
}
