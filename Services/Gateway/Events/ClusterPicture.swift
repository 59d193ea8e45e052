import Domain
import Foundation
import Protocol

/// Everything that a page shows, as one JSON object. Whatever comes in numbers is an object with keys, so that changes of it stay small
/// (`MergePatch`); what is not known is left out.
struct ClusterPicture: Sendable {
    /// What does not change while the process runs: version and model.
    var gateway: JSONValue = .object([])
    /// This moment on the gateway's clock, seconds.
    var now = 0.0
    /// This moment on the wall clock, milliseconds since 1970.
    var wallMilliseconds = 0
    /// Why requests are not served.
    var obstacle: String?
    /// The number of the plan in force.
    var epoch: Epoch?
    /// The scheduler's state.
    var scheduler: SchedulerState?
    /// The fleet.
    var fleet: Fleet?
    /// Requests.
    var courses: [RequestCourse] = []
    /// Load.
    var series = LoadSeries()
    /// What happened.
    var log = ClusterLog()

    /// The object.
    var json: JSONValue {
        .object([
            member("gateway", gateway),
            member(
                "status",
                .sparse([
                    ("now_s", .number(Self.round(now, 100))), ("wall_ms", .integer(wallMilliseconds)),
                    ("ready", .bool(obstacle == nil)), ("obstacle", obstacle.map { .string($0) }),
                    ("epoch", epoch.map { .integer(Int(clamping: $0)) }),
                ])),
            member("scheduler", scheduler.map(Self.summary) ?? .object([])),
            member("plan", scheduler?.plan.flatMap(JSONValue.of) ?? .object([])),
            member("loads", .keyed(scheduler?.replicas ?? [], by: \.replica.rawValue, Self.load)),
            member("model", fleet?.model.flatMap(JSONValue.of) ?? .object([])),
            member("devices", .keyed(fleet?.devices ?? [], by: \.id.rawValue, Self.device)),
            member("links", .keyed(fleet?.links ?? [], by: { "\($0.from)>\($0.to)" }, Self.link)),
            member("requests", .keyed(courses, by: \.id.rawValue, Self.course)),
            member("series", series.json),
            member("log", log.json),
        ])
    }

    private func member(_ key: String, _ value: JSONValue) -> JSONValue.Member { .init(key: key, value: value) }

    private static func round(_ value: Double, _ steps: Double) -> Double { (value * steps).rounded() / steps }

    private static func summary(_ state: SchedulerState) -> JSONValue {
        .sparse([
            ("ready", .bool(state.ready)), ("reason", .string(state.reason)), ("waiting", .integer(state.waiting)),
            ("running", .integer(state.running)), ("context_tokens", state.contextTokens.map { .integer($0) }),
            ("workload", .of(state.workload)),
        ])
    }

    /// A replica's load; its stages under their numbers.
    private static func load(_ load: ReplicaLoad) -> JSONValue? {
        guard let value = JSONValue.of(load), let stages = value["stages"]?.elements else { return nil }
        let numbered = stages.enumerated().map { JSONValue.Member(key: String($0.offset), value: $0.element) }
        return value.replacing("stages", .object(numbered))
    }

    /// A device without its measured tables and the places of its workers.
    private static func device(_ device: DeviceProfile) -> JSONValue? {
        .sparse([
            ("host", .string(device.host)), ("threads", .integer(device.threads)),
            ("compute_share", .number(device.computeShare)),
            ("memory_usable_bytes", .integer(device.memoryUsableBytes)), ("state", .string(device.state.rawValue)),
            ("problem", device.problem.map { .string($0) }),
            ("workers", .object(device.workers.map { .init(key: $0.kind.rawValue, value: .bool($0.alive)) })),
        ])
    }

    /// From, to, seconds of latency, bytes a second.
    private static func link(_ link: LinkProfile) -> JSONValue? {
        [
            .string(link.from.rawValue), .string(link.to.rawValue), .number(link.latencySeconds),
            .number(link.bytesPerSecond),
        ]
    }

    /// Times are milliseconds since the request was opened.
    private static func course(_ course: RequestCourse) -> JSONValue? {
        let times = course.times
        func since(_ moment: Double?) -> JSONValue? { moment.map { .number(round(($0 - times.opened) * 1000, 10)) } }
        var state = "running"
        var end: Double?
        switch course.state {
        case .waiting: state = "waiting"
        case .running: break
        case .lost: state = "lost"
        case .ended(let reason, let time): (state, end) = (reason.rawValue, time)
        }
        return .sparse([
            ("state", .string(state)), ("opened_s", .number(round(times.opened, 1000))),
            ("prompt", .integer(times.promptTokens)), ("cached", times.cachedTokens.map { .integer($0) }),
            ("output", .integer(times.outputTokens)), ("queue_ms", .number(round(times.queueMilliseconds, 10))),
            ("accepted_ms", since(times.accepted)), ("prefill_ms", since(times.prefillStarted)),
            ("first_ms", since(times.firstToken)), ("kv_ms", since(times.kvComplete)),
            ("decode_ms", since(times.decodeStarted)), ("last_ms", since(times.lastToken)), ("end_ms", since(end)),
            ("prefill_replica", times.prefillReplica.map { .string($0.rawValue) }),
            ("decode_replica", times.decodeReplica.map { .string($0.rawValue) }),
            ("plan", times.plan.map { .string($0.rawValue) }),
            ("migrations", .integer(times.continuations + times.moves)), ("preemptions", .integer(times.preemptions)),
            ("problem", course.problem.map { .string(String($0.prefix(512))) }),
        ])
    }
}

extension JSONValue {
    /// An object without the members that have no value.
    static func sparse(_ members: [(String, JSONValue?)]) -> JSONValue {
        .object(members.compactMap { key, value in value.map { Member(key: key, value: $0) } })
    }

    /// An object of elements under their keys; one of several with the same key counts.
    static func keyed<Element>(
        _ elements: [Element], by key: (Element) -> String, _ value: (Element) -> JSONValue?
    ) -> JSONValue {
        var seen: Set<String> = []
        return .object(
            elements.compactMap { element in
                let key = key(element)
                guard let value = value(element), seen.insert(key).inserted else { return nil }
                return Member(key: key, value: value)
            })
    }

    /// A value of the protocol as JSON; `nil` where it cannot be written.
    static func of(_ value: some Encodable) -> JSONValue? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return nil }
        return try? JSONParser.parse(Array(data))
    }
}
