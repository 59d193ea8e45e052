internal import Domain
internal import Scheduling

/// Devices that fail, join and slow down.
extension LiveRun {
    /// The workers of a device say hello, with nothing loaded.
    func greet(_ device: DeviceID) {
        for kind in WorkerKind.allCases {
            let key = WorkerKey(device, kind)
            sessions[key, default: 0] += 1
            send(.workerHello(WorkerReport(address: address(key), endpoint: "\(key)")))
        }
    }

    /// Signs of life once a second, with what the workers measured, and a tick four times.
    func tick() {
        let second = Int((now / FleetDynamics.tickSeconds).rounded())
        if second.isMultiple(of: 4) {
            var loads: [WorkerKey: WorkerLoad] = [:]
            for run in runs where run.isAlive {
                for (stage, load) in zip(run.replica.stages, run.loads) {
                    var load = load
                    load.running = run.driver.runningCount
                    load.waiting = run.driver.waitingCount
                    loads[WorkerKey(stage.device, run.replica.role.workerKind)] = load
                }
            }
            for key in sessions.keys.sorted() where !down.contains(key.device) {
                send(.workerHeartbeat(address(key), loads[key] ?? WorkerLoad()))
            }
        }
        send(.tick)
        calendar.add(.tick, at: now + FleetDynamics.tickSeconds)
    }

    func happen(_ fault: SimulatedFault) {
        switch fault.kind {
        case .fail:
            guard down.insert(fault.device).inserted else { return }
            for index in runs.indices where runs[index].replica.stages.contains(where: { $0.device == fault.device }) {
                runs[index].isAlive = false
            }
            setState(fault.device, .lost)
        case .join:
            guard down.remove(fault.device) != nil else { return }
            greet(fault.device)
            setState(fault.device, .ready)
        case .slow:
            for index in runs.indices {
                for (stage, place) in runs[index].replica.stages.enumerated() where place.device == fault.device {
                    runs[index].slowdown[stage] = fault.factor ?? 1
                }
            }
        }
    }

    /// The profiler publishes the fleet.
    private func setState(_ device: DeviceID, _ state: DeviceState) {
        for index in fleet.devices.indices where fleet.devices[index].id == device {
            fleet.devices[index].state = state
        }
        fleet.version += 1
        calendar.add(.scheduler(.fleet(fleet)), at: now + (state == .lost ? FleetDynamics.profilerSeconds : 0))
    }
}
