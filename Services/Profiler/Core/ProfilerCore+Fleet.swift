import Domain
import Protocol

/// The fleet as it is published.
extension ProfilerCore {
    func currentFleet() -> Fleet {
        let ids = devices.keys.sorted()
        let profiles = ids.compactMap { devices[$0].map { profile($0) } }
        // Links of devices that were ready stay known while they are lost.
        let linked = ids.filter { devices[$0]?.parts.isEmpty == false }
        var links: [LinkProfile] = []
        for from in linked {
            for to in linked where to != from {
                if let link = link(DevicePair(from: from, to: to)) { links.append(link.profile(from: from, to: to)) }
            }
        }
        return Fleet(model: model, devices: profiles, links: links)
    }

    private func profile(_ device: DeviceRecord) -> DeviceProfile {
        let state = state(device)
        return DeviceProfile(
            id: device.id, fingerprint: device.identity.fingerprint, host: device.identity.host,
            threads: device.identity.threads, computeShare: device.identity.computeShare,
            memoryUsableBytes: device.memoryUsableBytes, state: state,
            problem: state == .lost ? nil : device.problem, workers: workers(device),
            measurements: device.measurements)
    }

    private func workers(_ device: DeviceRecord) -> [WorkerEndpoint] {
        WorkerKind.allCases.compactMap { kind in
            device.workers[kind].map {
                WorkerEndpoint(kind: kind, endpoint: $0.endpoint, session: $0.sender.session, alive: $0.isAlive)
            }
        }
    }

    private func state(_ device: DeviceRecord) -> DeviceState {
        guard device.isPresent else { return .lost }
        if device.isReleased { return .ready }
        let isRunning = runs.values.contains { run in
            switch run.subject {
            case .profile(device.id, _): true
            case .link(let pair): pair.from == device.id || pair.to == device.id
            case .profile: false
            }
        }
        if isRunning { return .measuring }
        // Between two attempts it counts as failed.
        let failed = WorkerKind.allCases.contains { device.alive($0) != nil && device.retries[$0] != nil }
        if failed { return .failed }
        return device.parts.isEmpty ? .registered : .measuring
    }
}
