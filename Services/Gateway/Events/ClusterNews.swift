import Domain
import Protocol

/// Something that happened in the cluster, for people.
struct ClusterEvent: Sendable, Hashable {
    /// How much it matters.
    enum Level: String, Sendable {
        case info, warning, error
    }

    var level: Level
    /// What kind of thing: `plan`, `device`, `worker`, `replica`, `service`, `request`.
    var kind: String
    /// One sentence.
    var text: String

    init(_ level: Level, _ kind: String, _ text: String) {
        (self.level, self.kind, self.text) = (level, kind, text)
    }
}

/// What two states of the cluster differ by, said in sentences.
enum ClusterNews {
    /// A fleet that is followed by another one. Nothing is told of a first one.
    static func between(_ old: Fleet?, _ new: Fleet) -> [ClusterEvent] {
        guard let old else { return [] }
        var before: [DeviceID: DeviceProfile] = [:]
        for device in old.devices { before[device.id] = device }
        var news: [ClusterEvent] = []
        for device in new.devices {
            guard let was = before.removeValue(forKey: device.id) else {
                news.append(ClusterEvent(.info, "device", "\(device.id) joined (\(device.state.rawValue))"))
                continue
            }
            if was.state != device.state { news.append(changed(device)) }
            for worker in device.workers {
                guard let wasWorker = was.workers.first(where: { $0.kind == worker.kind }) else { continue }
                let name = "the \(worker.kind.rawValue) worker of \(device.id)"
                if wasWorker.alive, !worker.alive {
                    news.append(ClusterEvent(.warning, "worker", "\(name) is silent"))
                } else if !wasWorker.alive, worker.alive {
                    news.append(ClusterEvent(.info, "worker", "\(name) is back"))
                } else if wasWorker.session != worker.session {
                    news.append(ClusterEvent(.warning, "worker", "\(name) was restarted"))
                }
            }
        }
        for id in before.keys.sorted() { news.append(ClusterEvent(.warning, "device", "\(id) left")) }
        return news
    }

    private static func changed(_ device: DeviceProfile) -> ClusterEvent {
        switch device.state {
        case .registered, .measuring, .ready:
            ClusterEvent(.info, "device", "\(device.id) is \(device.state.rawValue)")
        case .lost: ClusterEvent(.error, "device", "\(device.id) is lost")
        case .failed:
            ClusterEvent(.error, "device", "\(device.id) could not be measured: \(device.problem ?? "no reason given")")
        }
    }

    /// A state of the scheduler that is followed by another one.
    static func between(_ old: SchedulerState?, _ new: SchedulerState, isNewProcess: Bool) -> [ClusterEvent] {
        var news: [ClusterEvent] = []
        if isNewProcess { news.append(ClusterEvent(.warning, "service", "the scheduler was restarted")) }
        if old?.ready != new.ready {
            let text = new.ready ? "requests are served" : "requests are not served: \(new.reason)"
            news.append(ClusterEvent(new.ready ? .info : .warning, "service", text))
        } else if let old, old.reason != new.reason, !new.reason.isEmpty {
            news.append(ClusterEvent(.info, "service", new.reason))
        }
        if old?.plan?.id != new.plan?.id {
            news.append(new.plan.map { placed($0, instead: old?.plan) } ?? ClusterEvent(.warning, "plan", "no plan"))
        }
        guard let old else { return news }
        for load in new.replicas {
            guard let was = old.replicas.first(where: { $0.replica == load.replica }), was.state != load.state,
                let state = load.state
            else { continue }
            let level: ClusterEvent.Level = state == "broken" ? .error : .info
            news.append(ClusterEvent(level, "replica", "replica \(load.replica) is \(state)"))
        }
        return news
    }

    private static func placed(_ plan: PlacementPlan, instead old: PlacementPlan?) -> ClusterEvent {
        let parts = plan.replicas.prefix(8).map { replica in
            let stages = replica.stages.prefix(8).map { "\($0.device) \($0.layers)" }.joined(separator: ", ")
            let role = replica.id.rawValue.hasPrefix(replica.role.rawValue) ? "" : replica.role.rawValue + " "
            return "\(role)\(replica.id) (\(stages)\(replica.stages.count > 8 ? ", ..." : ""))"
        }
        let more = plan.replicas.count > 8 ? "; ..." : ""
        let instead = old.map { " instead of \($0.id)" } ?? ""
        return ClusterEvent(.info, "plan", "plan \(plan.id)\(instead): \(parts.joined(separator: "; "))\(more)")
    }
}

/// The last events, numbered.
struct ClusterLog: Sendable {
    private var entries: [(number: Int, second: Double, event: ClusterEvent)] = []
    private var next = 0
    private let most: Int

    /// Makes a log that keeps so many entries.
    init(most: Int = 200) { self.most = max(1, most) }

    /// The last events, oldest first.
    var events: [ClusterEvent] { entries.map(\.event) }

    /// Writes events down that happened at a second of the gateway's clock.
    mutating func append(_ events: [ClusterEvent], at second: Double) {
        for event in events {
            entries.append((next, second, event))
            next += 1
        }
        if entries.count > most { entries.removeFirst(entries.count - most) }
    }

    /// The entries under their numbers: second, level, kind, text of at most 512 characters.
    var json: JSONValue {
        .object(
            entries.map { number, second, event in
                JSONValue.Member(
                    key: String(number),
                    value: [
                        .number((second * 10).rounded() / 10), .string(event.level.rawValue), .string(event.kind),
                        .string(String(event.text.prefix(512))),
                    ])
            })
    }
}
