internal import Domain

/// The workers by key: who is alive, in which process, and what it holds.
struct WorkerTable: Sendable {
    private(set) var records: [WorkerKey: WorkerRecord] = [:]

    /// What a hello changed.
    enum Arrival: Sendable, Hashable {
        /// A worker that was never seen.
        case new
        /// The same process again.
        case again
        /// The same process, after it had been lost.
        case returned
        /// Another process: what the old one held is gone.
        case restarted
        /// A process that was replaced speaks up; it must be ignored.
        case stale
    }

    subscript(key: WorkerKey) -> WorkerRecord? {
        get { records[key] }
        set { records[key] = newValue }
    }

    /// Live workers in order of their keys.
    var live: [WorkerRecord] { records.values.filter(\.isLive).sorted { $0.address.key < $1.address.key } }

    func isLive(_ key: WorkerKey) -> Bool { records[key]?.isLive == true }

    /// Whether a worker may be given something to serve.
    func isAvailable(_ key: WorkerKey) -> Bool { records[key].map { $0.isLive && !$0.isLeaving } ?? false }

    /// The address of a live worker.
    func liveAddress(_ key: WorkerKey) -> WorkerAddress? { records[key].flatMap { $0.isLive ? $0.address : nil } }

    /// Notes a sign of life; returns whether the process is known and live.
    mutating func hear(_ address: WorkerAddress, at now: Double) -> Bool {
        guard var record = records[address.key], record.address == address, record.isLive else { return false }
        record.lastHeard = now
        records[address.key] = record
        return true
    }

    /// Takes a hello.
    mutating func arrive(_ report: WorkerReport, at now: Double) -> Arrival {
        let key = report.address.key
        let old = records[key]
        let same = old?.address.session == report.address.session
        // A process that was replaced may come back when its successor has ended.
        if let old, old.isLive, old.superseded.contains(report.address.session) { return .stale }
        let arrival: Arrival =
            old.map { same ? ($0.isLive ? .again : .returned) : .restarted } ?? .new
        var record = WorkerRecord(
            address: report.address, endpoint: report.endpoint, lastHeard: now, stages: report.stages,
            kvBlockTokens: report.kvBlockTokens, held: report.held,
            movesSequences: report.movesSequences, growsSequences: report.growsSequences,
            reusesPrefixes: report.reusesPrefixes, handsOverPrefixes: report.handsOverPrefixes,
            guessesTokens: report.guessesTokens, constrainsSampling: report.constrainsSampling,
            readsLogits: report.readsLogits, since: now)
        if let old {
            record.superseded = old.superseded.filter { $0 != report.address.session }
            record.crashes = old.crashes.filter { now - $0 < Self.crashWindow }
            if same {
                record.load = old.load
                record.pace = old.pace
                record.watch = old.watch
                record.since = old.since
                record.isLeaving = old.isLeaving
            } else {
                record.superseded = (record.superseded + [old.address.session]).suffix(16)
                if now - old.since < Self.shortLife { record.crashes.append(now) }
            }
        }
        records[key] = record
        return arrival
    }

    /// Workers that have been silent for longer than `limit`, or `idle` where they have nothing to do, with that time; they are
    /// marked lost.
    ///
    /// - Parameter driving: workers that have been told of requests.
    mutating func loseSilent(
        limit: Double, idle: Double, driving: Set<WorkerKey>, at now: Double
    ) -> [(key: WorkerKey, limit: Double)] {
        var silent: [(key: WorkerKey, limit: Double)] = []
        for (key, record) in records where record.isLive {
            let isIdle = idle > limit && record.load?.isIdle == true && !driving.contains(key)
            if isIdle { records[key]?.idleUntil = now }
            // One that has just got something to do could not report it before.
            let since = isIdle ? record.lastHeard : max(record.lastHeard, record.idleUntil ?? record.lastHeard)
            let most = isIdle ? idle : limit
            guard now - since > most else { continue }
            records[key]?.lostSince = now
            silent.append((key, most))
        }
        return silent.sorted { $0.key < $1.key }
    }

    /// Marks a worker lost whose process is known to be gone; returns whether it was live.
    mutating func lose(_ address: WorkerAddress, at now: Double) -> Bool {
        guard let record = records[address.key], record.address == address, record.isLive else { return false }
        records[address.key]?.lostSince = now
        return true
    }

    /// A process that ends sooner than this has crashed; others were stopped or killed.
    private static let shortLife = 8.0
    /// How long crashes are remembered.
    private static let crashWindow = 60.0
}
