public import Domain
import Glibc
public import Protocol

/// What a process remembers of the requests that it handled lately: a ring of moments in memory that does not grow. It
/// belongs to the run loop, which alone writes it, so it needs no lock. A moment is one slot; names in it are
/// shared with the messages that they came with.
public struct TraceLog: Sendable {
    /// Moments that a process keeps unless it is told otherwise.
    public static let usualCapacity = 8192

    /// A moment as it is kept: times of the clock that only grows, numbers in fewer bits.
    fileprivate struct Slot: Sendable {
        var at: ContinuousClock.Instant
        var tookMicroseconds: UInt32
        var kind: TraceMoment.Kind
        var request: RequestID
        var replica: ReplicaID?
        var stage: Int32
        var step: UInt64?
        var rows: Int32
        var position: Int32
        var bytes: Int
        var decode: Bool
    }

    /// The device of a worker.
    public let device: DeviceID?
    private let capacity: Int
    private var slots: [Slot] = []
    /// The slot that is written next, once all are in use.
    private var next = 0
    private var hasForgotten = false

    /// Makes a log without moments; its memory is taken as they come.
    public init(device: DeviceID? = nil, capacity: Int = TraceLog.usualCapacity) {
        self.device = device
        self.capacity = max(1, capacity)
    }

    /// Moments that are kept.
    public var count: Int { slots.count }

    /// Keeps a moment, in place of the oldest one where there are too many.
    ///
    /// - Parameters:
    ///   - at: when it happened, or began.
    ///   - took: how long it took.
    public mutating func note(
        _ kind: TraceMoment.Kind, _ request: RequestID, at: ContinuousClock.Instant = .now, took: Duration = .zero,
        replica: ReplicaID? = nil, stage: Int? = nil, step: UInt64? = nil, rows: Int? = nil, position: Int? = nil,
        bytes: Int? = nil, decode: Bool = false
    ) {
        let slot = Slot(
            at: at, tookMicroseconds: UInt32(clamping: took.microseconds), kind: kind, request: request,
            replica: replica, stage: Int32(clamping: stage ?? -1), step: step, rows: Int32(clamping: rows ?? -1),
            position: Int32(clamping: position ?? -1), bytes: bytes ?? -1, decode: decode)
        if slots.count < capacity {
            slots.append(slot)
        } else {
            slots[next] = slot
            next = next + 1 == capacity ? 0 : next + 1
            hasForgotten = true
        }
    }

    /// Answers a question.
    ///
    /// - Parameters:
    ///   - service: the name of the executable.
    ///   - now: this moment on the clock of the moments,
    ///   - clockMicroseconds: and on the wall clock.
    public func answer(
        _ question: TraceQuestion, service: String, now: ContinuousClock.Instant, clockMicroseconds: Int
    ) -> ServiceTrace {
        func wall(_ instant: ContinuousClock.Instant) -> Int { clockMicroseconds - (now - instant).microseconds }
        let all = slots[next...] + slots[..<next]
        var name = question.request
        if name == nil, question.seconds == nil { name = all.last.map { TraceQuestion.name(of: $0.request) } }
        let limit = max(0, min(question.limit ?? capacity, capacity))
        var chosen: [Slot] = []
        if limit > 0 {
            if let name {
                chosen = Self.course(of: name, in: all)
            } else if let seconds = question.seconds {
                let since = now - .seconds(max(0, min(seconds, 1e6)))
                chosen = all.filter { $0.end >= since }
            }
        }
        chosen.sort { $0.at < $1.at }
        let oldest = hasForgotten ? all.map(\.at).min() : nil
        return ServiceTrace(
            service: service, device: device, clockMicroseconds: clockMicroseconds, request: name,
            sinceMicroseconds: oldest.map(wall), moments: chosen.suffix(limit).map { $0.moment(at: wall($0.at)) })
    }

    /// All moments of a request, with the computations of others while it was under way: they are what it waited for.
    private static func course(of name: String, in all: ArraySlice<Slot>) -> [Slot] {
        // Names are compared once each: there are few beside the moments.
        var known: [RequestID: Bool] = [:]
        let own = all.map { slot in
            if let isOwn = known[slot.request] { return isOwn }
            let isOwn = TraceQuestion.names(name, slot.request)
            known[slot.request] = isOwn
            return isOwn
        }
        let times = zip(all, own).filter(\.1).map(\.0)
        guard let first = times.map(\.at).min(), let last = times.map(\.end).max() else { return [] }
        return zip(all, own).filter { slot, isOwn in
            isOwn || slot.kind == .computed && slot.at <= last && slot.end >= first
        }.map(\.0)
    }
}

extension TraceLog.Slot {
    fileprivate var end: ContinuousClock.Instant { at + .microseconds(Int(tookMicroseconds)) }

    fileprivate func moment(at wall: Int) -> TraceMoment {
        TraceMoment(
            at: wall, took: kind == .computed ? Int(tookMicroseconds) : nil, kind, request, replica: replica,
            stage: stage < 0 ? nil : Int(stage), step: step, rows: rows < 0 ? nil : Int(rows),
            position: position < 0 ? nil : Int(position), bytes: bytes < 0 ? nil : bytes, decode: decode ? true : nil)
    }
}

/// The time of day, as all processes of a host have it.
enum WallClock {
    /// Microseconds since 1970.
    static func microseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }
}

extension Duration {
    /// Whole microseconds.
    var microseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000)
    }
}

extension TraceQuestion {
    /// Why it cannot be answered; `nil` where it can.
    var refusal: Fault? {
        if let request, request.isEmpty || request.utf8.count > WireLimits.maximumNameBytes {
            return Fault("bad_request", "trace.get: request is empty or too long")
        }
        if let seconds, !(0...86_400).contains(seconds) {
            return Fault("bad_request", "trace.get: seconds is out of range")
        }
        if let limit, limit < 0 { return Fault("bad_request", "trace.get: limit is negative") }
        return nil
    }
}
