import Domain
import Protocol
import ServiceRuntime
import Synchronization

/// What all watchers of the cluster share: the newest picture, the last changes of it, and who waits for the next one. Nothing is
/// compared while nobody watches.
final class ClusterEvents: Sendable {
    /// Most streams at a time.
    static let mostWatchers = 32

    private struct Watcher {
        var signal: AsyncStream<Void>.Continuation
        var wantsSteps: Bool
    }

    private struct State {
        var window: EventWindow
        var picture: JSONValue = .object([])
        var watchers: [Int: Watcher] = [:]
        var nextWatcher = 0
        var series = LoadSeries()
        var log = ClusterLog()
        var fleet: Fleet?
        var scheduler: SchedulerState?
        var schedulerSession: String?
        /// The last report of steps, with its number.
        var steps: (number: UInt64, bytes: [UInt8]) = (0, [])
        var isClosed = false
    }

    private let cluster: ClusterView
    private let metrics: GatewayMetrics
    private let gateway: JSONValue
    private let state: Mutex<State>
    /// Apart, because the run loop gives and asks for these and must not wait for a comparison.
    private let courses = Mutex<[RequestCourse]>([])
    private let count = Atomic<Int>(0)

    /// Watches what `cluster` and `metrics` know; `gateway` is told as it is.
    init(
        cluster: ClusterView, metrics: GatewayMetrics, gateway: JSONValue,
        session: String = Session.randomName(bytes: 8)
    ) {
        (self.cluster, self.metrics, self.gateway) = (cluster, metrics, gateway)
        state = Mutex(State(window: EventWindow(session: session)))
    }

    /// Whether anybody watches.
    var isWatched: Bool { watcherCount > 0 }
    /// Whether anybody wants to see steps.
    var wantsSteps: Bool { state.withLock { $0.watchers.values.contains(where: \.wantsSteps) } }
    /// Streams.
    var watcherCount: Int { count.load(ordering: .relaxed) }

    /// Takes the courses of requests.
    func take(_ courses: [RequestCourse]) { self.courses.withLock { $0 = courses } }

    /// Takes a report of the stages' steps and wakes who wants it.
    func take(steps: JSONValue) {
        let bytes = steps.serialized()
        let waiting = state.withLock { state in
            state.steps = (state.steps.number + 1, bytes)
            return state.watchers.values.filter(\.wantsSteps)
        }
        for watcher in waiting { watcher.signal.yield() }
    }

    /// Looks at everything: writes down what happened, samples the load and, where somebody watches, numbers what changed and wakes them.
    ///
    /// - Parameters:
    ///   - now: seconds of the gateway's clock.
    ///   - wallMilliseconds: the same moment in milliseconds since 1970.
    ///   - obstacle: why requests are not served.
    func advance(at now: Double, wallMilliseconds: Int, obstacle: String?) {
        let known = cluster.known
        var figures = metrics.load
        figures.cacheUsage = cluster.cacheUsage
        let courses = courses.withLock { $0 }
        let waiting = state.withLock { state -> [Watcher] in
            if let fleet = known.fleet, fleet.version != state.fleet?.version || fleet != state.fleet {
                state.log.append(ClusterNews.between(state.fleet, fleet), at: now)
                state.fleet = fleet
            }
            if let scheduler = known.scheduler {
                let isNew = state.schedulerSession.map { $0 != known.schedulerSession } ?? false
                let news = ClusterNews.between(state.scheduler, scheduler, isNewProcess: isNew)
                state.log.append(news, at: now)
                state.scheduler = scheduler
                state.schedulerSession = known.schedulerSession
            }
            state.series.sample(figures, at: now)
            guard !state.watchers.isEmpty else { return [] }
            let picture = ClusterPicture(
                gateway: gateway, now: now, wallMilliseconds: wallMilliseconds, obstacle: obstacle, epoch: known.epoch,
                scheduler: known.scheduler, fleet: known.fleet, courses: courses, series: state.series,
                log: state.log
            ).json
            guard let change = MergePatch.from(state.picture, to: picture) else { return [] }
            state.picture = picture
            state.window.append(change.serialized())
            return Array(state.watchers.values)
        }
        for watcher in waiting { watcher.signal.yield() }
    }

    /// Begins to watch.
    ///
    /// - Parameters:
    ///   - last: the event that the client has from a stream before.
    ///   - wantsSteps: whether reports of steps are sent as well.
    /// - Throws: 503 where there are too many streams, or the server stops.
    func watch(after last: EventID?, wantsSteps: Bool) throws(APIError) -> ClusterWatch {
        let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let opened: (id: Int, steps: UInt64)? = state.withLock { state in
            guard !state.isClosed, state.watchers.count < Self.mostWatchers else { return nil }
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = Watcher(signal: signal, wantsSteps: wantsSteps)
            count.store(state.watchers.count, ordering: .relaxed)
            return (state.nextWatcher, state.steps.number)
        }
        guard let opened else { throw .overloaded("there are \(Self.mostWatchers) streams of events already") }
        return ClusterWatch(
            events: self, id: opened.id, signals: signals, last: last, wantsSteps: wantsSteps, steps: opened.steps)
    }

    /// Ends a stream.
    func end(_ id: Int) {
        let watcher = state.withLock { state in
            defer { count.store(state.watchers.count, ordering: .relaxed) }
            return state.watchers.removeValue(forKey: id)
        }
        watcher?.signal.finish()
    }

    /// Wakes one stream.
    func nudge(_ id: Int) { _ = state.withLock { $0.watchers[id] }?.signal.yield() }

    /// Ends all streams, and lets none begin.
    func close() {
        let all = state.withLock { state in
            state.isClosed = true
            defer { state.watchers = [:] }
            count.store(0, ordering: .relaxed)
            return state.watchers
        }
        for watcher in all.values { watcher.signal.finish() }
    }

    /// What a client that has got `last` has not got: the changes since then, or everything.
    fileprivate func missing(after last: EventID?) -> [ClusterWatch.Event] {
        enum Missing {
            case changes([(id: EventID, change: [UInt8])])
            case everything(EventID, JSONValue)
        }
        let missing: Missing? = state.withLock { state in
            let session = state.window.session
            // Before the first picture there is nothing to tell.
            guard state.window.last > 0 else { return nil }
            if let last, last.session == session, let changes = state.window.changes(after: last.number) {
                return .changes(changes)
            }
            return .everything(EventID(session: session, number: state.window.last), state.picture)
        }
        switch missing {
        case .changes(let changes): return changes.map { ClusterWatch.Event(name: "delta", id: $0.id, data: $0.change) }
        case .everything(let id, let picture):
            return [ClusterWatch.Event(name: "snapshot", id: id, data: picture.serialized())]
        case nil: return []
        }
    }

    fileprivate func steps(after number: UInt64) -> (number: UInt64, bytes: [UInt8])? {
        state.withLock { $0.steps.number > number ? $0.steps : nil }
    }
}

/// One stream: where it is. It holds no events, so a client that reads slowly costs nothing; one that falls too far behind starts anew.
final class ClusterWatch: Sendable {
    /// What is sent.
    struct Event: Sendable {
        var name: String
        var id: EventID?
        var data: [UInt8]
    }

    /// Says again and again that there may be something to send; ends with the stream.
    let signals: AsyncStream<Void>
    private let id: Int
    private let events: ClusterEvents
    private let wantsSteps: Bool
    private let place: Mutex<(last: EventID?, steps: UInt64)>

    fileprivate init(
        events: ClusterEvents, id: Int, signals: AsyncStream<Void>, last: EventID?, wantsSteps: Bool, steps: UInt64
    ) {
        (self.events, self.id, self.signals, self.wantsSteps) = (events, id, signals, wantsSteps)
        place = Mutex((last, steps))
    }

    deinit { end() }

    /// What there is to send now.
    func next() -> [Event] {
        place.withLock { place in
            var result = events.missing(after: place.last)
            if let id = result.last?.id { place.last = id }
            if wantsSteps, let report = events.steps(after: place.steps) {
                place.steps = report.number
                result.append(Event(name: "steps", id: nil, data: report.bytes))
            }
            return result
        }
    }

    /// Has the reader look up.
    func nudge() { events.nudge(id) }

    /// Ends it.
    func end() { events.end(id) }
}
