internal import Domain

/// Gateways by their tokens endpoint: when they were heard, and which of their requests nobody knows.
struct GatewayTable: Sendable {
    private struct Record: Sendable {
        var lastHeard: Double
        var unknown: [RequestID: Int] = [:]
    }

    private var records: [String: Record] = [:]
    /// Gateways that were lost, whose requests were cancelled: they are told at once when they are back.
    private var lost: Set<String> = []

    /// Heartbeats in a row that list an unknown request before the gateway is told that it is lost.
    private static let patience = 3
    /// Gateways that nobody has heard for this long are forgotten.
    private static let capacity = 1024

    /// A gateway showed a sign of life. `grace` lets a gateway that was only heard of take its time.
    mutating func hear(_ gateway: String, at now: Double, grace: Double = 0) {
        if records[gateway] == nil, records.count >= Self.capacity,
            let oldest = records.min(by: { $0.value.lastHeard < $1.value.lastHeard })
        {
            records[oldest.key] = nil
        }
        records[gateway, default: Record(lastHeard: now)].lastHeard = now + grace
    }

    /// Counts how often a gateway listed requests that nobody knows; returns those that it must be told are lost.
    mutating func unknown(_ ids: [RequestID], of gateway: String) -> [RequestID] {
        let patience = lost.remove(gateway) == nil ? Self.patience : 1
        var counts: [RequestID: Int] = [:]
        var told: [RequestID] = []
        for id in ids {
            let count = (records[gateway]?.unknown[id] ?? 0) + 1
            if count >= patience { told.append(id) } else { counts[id] = count }
        }
        records[gateway]?.unknown = counts
        return told.sorted()
    }

    /// Gateways that have been silent for longer than `limit`; they are forgotten.
    mutating func loseSilent(limit: Double, at now: Double) -> [String] {
        let silent = records.filter { now - $0.value.lastHeard > limit }.keys.sorted()
        for gateway in silent {
            records[gateway] = nil
            if lost.count < Self.capacity { lost.insert(gateway) }
        }
        return silent
    }
}
