import Domain
import Messaging
import Protocol

/// Who belongs to the fleet.
extension ProfilerCore {
    mutating func register(_ body: RegisterDevice, _ sender: Sender, at now: Double) {
        if let error = obstacle(to: body, sender) {
            emit(.refuse(error))
            return
        }
        if model.map({ isOther($0, than: body.model) }) ?? true { adopt(body.model) }
        let identity = DeviceIdentity(body)
        var device = devices[body.device] ?? DeviceRecord(id: body.device, identity: identity, at: now)
        if device.identity != identity { device = DeviceRecord(id: body.device, identity: identity, at: now) }
        if !device.isPresent { device.presentSince = now }
        if let old = device.workers[body.worker], old.sender.session != sender.session {
            device.replaced = device.replaced.filter { $0 != sender.session }.suffix(15) + [old.sender.session]
            forgetRuns { $0.sender.session == old.sender.session }
            // A new process may succeed where the old one failed.
            device.retries[body.worker] = nil
            linkRetries = linkRetries.filter { $0.key.from != body.device && $0.key.to != body.device }
        }
        device.workers[body.worker] = DeviceWorker(
            sender: sender, endpoint: body.dataEndpoint, memoryUsableBytes: body.memoryUsableBytes, lastHeard: now,
            isAlive: true)
        device.lostAt = nil
        devices[body.device] = device
        emit(.note("device \(body.device): its \(body.worker.rawValue) worker has registered"))
        emit(
            .accept(
                DeviceRegistered(
                    heartbeatMilliseconds: Int(limits.heartbeatSeconds * 1000),
                    lostAfterMilliseconds: Int(limits.lostSeconds * 1000))))
    }

    /// Returns whether nothing changed but the time of the last sign of life.
    mutating func heartbeat(_ body: DeviceHeartbeat, _ sender: Sender, at now: Double) -> Bool {
        guard var device = devices[body.device], var worker = device.workers[body.worker],
            worker.sender.session == sender.session
        else {
            emit(
                .refuse(
                    Fault(
                        "unknown_worker",
                        "the \(body.worker.rawValue) worker of device \(body.device) is not registered",
                        isRetriable: true)))
            return true
        }
        let wasAlive = worker.isAlive
        if !device.isPresent { device.presentSince = now }
        worker.lastHeard = now
        worker.isAlive = true
        worker.sender.peer = sender.peer
        device.workers[body.worker] = worker
        device.lostAt = nil
        devices[body.device] = device
        emit(.acknowledge)
        return wasAlive
    }

    /// Sessions are public, so that a worker can speak for its own device only.
    mutating func leave(_ id: DeviceID, session: String, at now: Double) {
        var isKnown = false
        for kind in WorkerKind.allCases where devices[id]?.workers[kind]?.sender.session == session {
            emit(.note("device \(id): its \(kind.rawValue) worker leaves"))
            devices[id]?.workers[kind] = nil
            if devices[id]?.isPresent == false { devices[id]?.lostAt = now }
            isKnown = true
        }
        guard isKnown else { return }
        forgetRuns { $0.sender.session == session }
    }

    /// Finds workers and devices whose time is over.
    mutating func tick(at now: Double) {
        for id in devices.keys.sorted() {
            for kind in WorkerKind.allCases {
                guard let worker = devices[id]?.alive(kind), now - worker.lastHeard > limits.lostSeconds else {
                    continue
                }
                emit(.note("device \(id): its \(kind.rawValue) worker is lost"))
                devices[id]?.workers[kind]?.isAlive = false
                if devices[id]?.isPresent == false { devices[id]?.lostAt = now }
            }
            if let lostAt = devices[id]?.lostAt, now - lostAt >= limits.forgetSeconds {
                emit(.note("device \(id) is forgotten"))
                devices[id] = nil
                linkRetries = linkRetries.filter { $0.key.from != id && $0.key.to != id }
                linkWatches = linkWatches.filter { $0.key.from != id && $0.key.to != id }
            }
        }
    }

    /// Whether plans for one model would be wrong for the other: another file, or keys and values kept otherwise.
    private func isOther(_ model: ModelDescription, than other: ModelDescription) -> Bool {
        model.digest != other.digest || model.layers != other.layers
            || model.kvBytesPerTokenPerLayer != other.kvBytesPerTokenPerLayer
    }

    /// Why a worker cannot be registered.
    private func obstacle(to body: RegisterDevice, _ sender: Sender) -> Fault? {
        if let problem = body.problem {
            return Fault("malformed", "device.register: \(problem)")
        }
        if let model, isOther(model, than: body.model) {
            let others = devices.values.contains { device in
                device.workers.contains { kind, worker in
                    worker.isAlive && !(device.id == body.device && kind == body.worker)
                }
            }
            if others {
                return Fault(
                    "model_mismatch",
                    "device \(body.device) has the model \(body.model.digest), the fleet serves "
                        + "\(model.digest) (\(model.name)): every device needs the same file",
                    isRetriable: true)
            }
        }
        guard let known = devices[body.device] else {
            guard devices.count >= limits.mostDevices else { return nil }
            return Fault("too_many_devices", "the fleet has \(devices.count) devices already", isRetriable: true)
        }
        guard known.isPresent else { return nil }
        let mine = known.alive(body.worker)?.sender.session == sender.session && known.workers.count == 1
        if known.identity != DeviceIdentity(body), !mine {
            let what = known.identity.host == body.host ? "with other settings" : "on host \(known.identity.host)"
            return Fault(
                "device_conflict",
                "device \(body.device) on host \(body.host) is refused: a device of this id runs \(what)",
                isRetriable: true)
        }
        if known.replaced.contains(sender.session), let worker = known.alive(body.worker),
            worker.sender.session != sender.session
        {
            return Fault(
                "device_conflict",
                "another process has taken over the \(body.worker.rawValue) worker of device \(body.device)",
                isRetriable: true)
        }
        return nil
    }

    /// Takes a model; measurements of another one are of no use.
    private mutating func adopt(_ new: ModelDescription) {
        devices = [:]
        linkRetries = [:]
        linkWatches = [:]
        forgetRuns { _ in true }
        emit(.note("the fleet serves model \(new.name) (\(new.digest))"))
        model = new
    }
}
