import CostModel
import Domain
import Messaging
import Protocol

/// What is measured when: one measurement on a host at a time, links of measured devices before further devices.
extension ProfilerCore {
    mutating func startMeasurements(at now: Double) {
        takeStored()
        var busy = runs.values.reduce(into: Set<String>()) { $0.formUnion($1.hosts) }
        for pair in missingLinks(at: now) { startLink(pair, &busy, at: now) }
        for id in devices.keys.sorted() {
            for kind in WorkerKind.allCases { startProfile(id, kind, &busy, at: now) }
        }
        // A dozen links are each looked at as often as the settings say; the links of larger fleets take turns, or a fleet at rest
        // would do nothing else.
        if runs.isEmpty, now - lastLinkLook >= limits.linkCheckSeconds / 12, let pair = linkToCheck(at: now) {
            lastLinkLook = now
            startLink(pair, &busy, at: now)
        }
    }

    mutating func measured(_ id: RunID, _ result: Result<DeviceMeasurements, MeasurementFailure>, at now: Double) {
        guard let run = runs.removeValue(forKey: id), case .profile(let device, let kind) = run.subject, let model,
            let identity = devices[device]?.identity
        else { return }
        switch result {
        case .failure(let failure): fail(device, kind, failure.problem, at: now)
        case .success(let tables):
            if let problem = tables.problem(as: kind, model: model) {
                fail(device, kind, problem, at: now)
                return
            }
            heard(device, kind, run, at: now)
            devices[device]?.parts[kind] = tables
            devices[device]?.retries[kind] = nil
            let key = DeviceKey(identity, model: model.digest)
            var record = stored.devices[key] ?? StoredDevice(key: key)
            record[kind] = tables
            stored.insert(record)
            emit(.keep(record))
            emit(.note("device \(device): its \(kind.rawValue) worker has measured itself"))
        }
    }

    mutating func linkMeasured(_ id: RunID, _ result: Result<LinkProfile, MeasurementFailure>, at now: Double) {
        guard let run = runs.removeValue(forKey: id), case .link(let pair) = run.subject, let key = key(pair) else {
            return
        }
        switch result {
        case .failure(let failure):
            linkWatches[pair]?.failed(at: now)
            fail(pair, failure.problem, at: now)
        case .success(let link):
            let known = stored.links[key].map { $0.profile(from: pair.from, to: pair.to) }
            if let problem = link.problem {
                fail(pair, problem, at: now)
            } else if link.from != pair.from || link.to != pair.to {
                fail(pair, "the answer is about the link from \(link.from) to \(link.to)", at: now)
            } else {
                linkRetries[pair] = nil
                var watch = linkWatches[pair] ?? LinkWatch(at: now)
                defer { linkWatches[pair] = watch }
                guard let known else { return keep(link, key) }
                guard let changed = watch.note(link, known: known, at: now) else { return }
                keep(changed, key)
                emit(
                    .note(
                        "the link from \(pair.from) to \(pair.to) carries \(Int(changed.bytesPerSecond / 1000)) kB/s now, "
                            + "\(Int(known.bytesPerSecond / 1000)) before"))
            }
        }
    }

    private mutating func keep(_ link: LinkProfile, _ key: LinkKey) {
        let record = StoredLink(key: key, latencySeconds: link.latencySeconds, bytesPerSecond: link.bytesPerSecond)
        stored.insert(record)
        emit(.keepLink(record))
    }

    /// A worker that cannot be reached measures nothing.
    mutating func endRuns(of peer: PeerIdentity, at now: Double) {
        for (id, run) in runs.sorted(by: { $0.key < $1.key }) where run.sender.peer == peer {
            let failure = MeasurementFailure(problem: "the worker cannot be reached")
            switch run.subject {
            case .profile: measured(id, .failure(failure), at: now)
            case .link: linkMeasured(id, .failure(failure), at: now)
            }
        }
    }

    /// Drops measurements of processes that are gone; what they still report is ignored.
    mutating func forgetRuns(where isGone: (Run) -> Bool) { runs = runs.filter { !isGone($0.value) } }

    /// The measured link between two devices.
    func link(_ pair: DevicePair) -> StoredLink? { key(pair).flatMap { stored.links[$0] } }

    /// Devices get `ready` when they are measured and their links to the devices that are ready have been tried, so that
    /// the planner is not asked twice.
    mutating func releaseDevices(at now: Double) {
        var ready = devices.values.filter { $0.isReleased && $0.isPresent }.map(\.id)
        for id in devices.keys.sorted() {
            guard let device = devices[id], !device.isReleased, device.isMeasured(grace: limits.graceSeconds, at: now)
            else { continue }
            let isLinked = ready.allSatisfy { other in
                isTried(DevicePair(from: id, to: other)) && isTried(DevicePair(from: other, to: id))
            }
            guard isLinked else { continue }
            devices[id]?.isReleased = true
            ready.append(id)
            emit(.note("device \(id) is ready"))
        }
    }

    private func isTried(_ pair: DevicePair) -> Bool { link(pair) != nil || linkRetries[pair] != nil }

    private func key(_ pair: DevicePair) -> LinkKey? {
        guard let from = devices[pair.from]?.identity, let to = devices[pair.to]?.identity else { return nil }
        return LinkKey(from: LinkEnd(from), to: LinkEnd(to))
    }

    /// Uses results of equal devices, from disk or from this run.
    private mutating func takeStored() {
        guard let model else { return }
        for (id, device) in devices {
            for kind in WorkerKind.allCases where device.parts[kind] == nil {
                guard let tables = stored.devices[DeviceKey(device.identity, model: model.digest)]?[kind],
                    tables.problem(as: kind, model: model) == nil
                else { continue }
                devices[id]?.parts[kind] = tables
                devices[id]?.retries[kind] = nil
            }
        }
    }

    /// Directions between measured devices that are not measured and may be tried now.
    private func missingLinks(at now: Double) -> [DevicePair] {
        let ids = devices.values.filter { device in
            device.isPresent && (device.isReleased || device.isMeasured(grace: limits.graceSeconds, at: now))
        }.map(\.id).sorted()
        var pairs: [DevicePair] = []
        for from in ids {
            for to in ids where to != from {
                let pair = DevicePair(from: from, to: to)
                if link(pair) == nil, linkRetries[pair]?.notBefore ?? 0 <= now { pairs.append(pair) }
            }
        }
        return pairs
    }

    /// The measured link between ready devices whose next look is due for longest.
    private mutating func linkToCheck(at now: Double) -> DevicePair? {
        guard limits.linkCheckSeconds > 0 else { return nil }
        let ready = devices.values.filter { $0.isReleased && $0.isPresent }.map(\.id).sorted()
        var due: (pair: DevicePair, at: Double)?
        for from in ready {
            for to in ready where to != from {
                let pair = DevicePair(from: from, to: to)
                guard link(pair) != nil, linkRetries[pair]?.notBefore ?? 0 <= now else { continue }
                guard let watch = linkWatches[pair] else {
                    linkWatches[pair] = LinkWatch(at: now)
                    continue
                }
                let next = watch.nextLook(every: limits.linkCheckSeconds)
                if next <= now, next < due?.at ?? .infinity { due = (pair, next) }
            }
        }
        return due?.pair
    }

    private mutating func startLink(_ pair: DevicePair, _ busy: inout Set<String>, at now: Double) {
        guard let from = devices[pair.from], let to = devices[pair.to], let worker = from.linkEnd(sends: true),
            let target = to.linkEnd(sends: false)
        else { return }
        let hosts: Set = [from.identity.host, to.identity.host]
        let isSame = runs.values.contains { run in
            if case .link(let other) = run.subject { key(other) == key(pair) } else { false }
        }
        guard busy.isDisjoint(with: hosts), !isSame else { return }
        busy.formUnion(hosts)
        let id = nextRun()
        runs[id] = Run(subject: .link(pair), sender: worker.sender, hosts: hosts)
        // A look at a link that is in use is short: less than the link carried in a tenth of a second.
        let known = link(pair)?.bytesPerSecond
        let order = MeasureLink(
            peer: pair.to, endpoint: target.endpoint,
            payloadBytes: min(limits.linkPayloadBytes, known.map { max(4096, Int(min($0, 1e9) / 20)) } ?? .max),
            repetitions: known == nil ? limits.linkRepetitions : min(2, limits.linkRepetitions))
        emit(.measureLink(id, order, worker.sender.peer))
    }

    private mutating func startProfile(_ id: DeviceID, _ kind: WorkerKind, _ busy: inout Set<String>, at now: Double) {
        guard let device = devices[id], let worker = device.alive(kind), device.parts[kind] == nil,
            device.retries[kind]?.notBefore ?? 0 <= now, !busy.contains(device.identity.host)
        else { return }
        // An equal device on another host is being measured: its result counts for this one, too.
        let isSame = runs.values.contains { run in
            guard case .profile(let other, kind) = run.subject, let peer = devices[other]?.identity, let model else {
                return false
            }
            return DeviceKey(peer, model: model.digest) == DeviceKey(device.identity, model: model.digest)
        }
        guard !isSame else { return }
        busy.insert(device.identity.host)
        let run = nextRun()
        runs[run] = Run(subject: .profile(id, kind), sender: worker.sender, hosts: [device.identity.host])
        let order = MeasureProfile(
            phases: [kind == .prefill ? .prefill : .decode], layers: limits.layers, budgetSeconds: limits.budgetSeconds)
        emit(.measure(run, order, worker.sender.peer))
    }

    /// A result is a sign of life.
    private mutating func heard(_ id: DeviceID, _ kind: WorkerKind, _ run: Run, at now: Double) {
        guard devices[id]?.workers[kind]?.sender.session == run.sender.session else { return }
        devices[id]?.workers[kind]?.lastHeard = now
    }

    private mutating func fail(_ id: DeviceID, _ kind: WorkerKind, _ problem: String, at now: Double) {
        devices[id]?.retries[kind, default: Retry()].fail(problem, limits, at: now)
        emit(.note("device \(id): its \(kind.rawValue) worker could not be measured: \(problem)"))
    }

    private mutating func fail(_ pair: DevicePair, _ problem: String, at now: Double) {
        linkRetries[pair, default: Retry()].fail(problem, limits, at: now)
        emit(.note("the link from \(pair.from) to \(pair.to) could not be measured: \(problem)"))
    }
}
