import CostModel
import Domain
import Planning
import Protocol

extension Fleet {
    /// What the planner may use of the fleet: devices that are ready, not excluded, measured, and have a live worker of the
    /// kind that a phase needs; a phase without a live worker has no tables.
    ///
    /// - Throws: `no_devices`, which says what the devices wait for.
    func problem(
        excluding excluded: [DeviceID], slowdowns: [DeviceSlowdown] = []
    ) throws(Fault) -> PartitionProblem {
        guard let model else {
            throw Fault("no_devices", "no device has registered yet", isRetriable: true)
        }
        let excluded = Set(excluded)
        let usable = usableDevices.filter { !excluded.contains($0.id) }.compactMap { $0.partitionDevice(model) }
        guard !usable.isEmpty else {
            throw Fault("no_devices", "no device can be used: \(summary(excluded))", isRetriable: true)
        }
        let factors = Dictionary(slowdowns.map { ($0.device, $0.factor) }) { max($0, $1) }
        let slowed = usable.map { device in
            factors[device.id].map { device.slowed(by: $0) } ?? device
        }
        let ids = Set(usable.map(\.id))
        return PartitionProblem(
            model: model, devices: slowed.sorted { $0.id < $1.id },
            links: links.filter { ids.contains($0.from) && ids.contains($0.to) && $0.problem == nil })
    }

    private func summary(_ excluded: Set<DeviceID>) -> String {
        guard !devices.isEmpty else { return "none has registered" }
        return devices.map { device in
            let problem = device.problem.map { " (\($0))" } ?? ""
            if excluded.contains(device.id) { return "\(device.id) is excluded" }
            if device.state == .ready { return "\(device.id) has no live worker or no usable measurement" }
            return "\(device.id) is \(device.state.rawValue)\(problem)"
        }.joined(separator: ", ")
    }
}

extension DeviceProfile {
    fileprivate func partitionDevice(_ model: ModelDescription) -> PartitionDevice? {
        guard var tables = measurements else { return nil }
        if worker(.prefill) == nil { tables.prefill = [] }
        if worker(.decode) == nil { tables.decode = [] }
        // What cannot be fitted would make the partitioner refuse the whole batch.
        guard (try? DeviceCost(measurements: tables, model: model)) != nil else { return nil }
        let memory = max(0, min(memoryUsableBytes, tables.memoryUsableBytes))
        return PartitionDevice(id: id, memoryUsableBytes: memory, measurements: tables)
    }
}

extension PartitionDevice {
    /// The device as it is now where everything takes longer than measured.
    fileprivate func slowed(by factor: Double) -> PartitionDevice {
        guard factor.isFinite, factor > 1 else { return self }
        let factor = min(factor, 1000)
        var device = self
        // The partitioner believes no longer times.
        func stretch(_ seconds: inout Double) { seconds = min(seconds * factor, MeasuredBounds.longestSeconds) }
        for index in device.measurements.prefill.indices {
            stretch(&device.measurements.prefill[index].secondsPerLayer)
        }
        for index in device.measurements.decode.indices { stretch(&device.measurements.decode[index].secondsPerLayer) }
        for index in device.measurements.head.indices { stretch(&device.measurements.head[index].seconds) }
        return device
    }
}
