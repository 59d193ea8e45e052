import CostModel
import Domain
import Protocol

extension DeviceMeasurements {
    /// Why they are not what a worker of a kind has to measure; `nil` where they are.
    func problem(as kind: WorkerKind, model: ModelDescription) -> String? {
        if let problem = self.problem { return problem }
        var part = self
        if kind == .prefill { part.decode = [] } else { part.prefill = [] }
        do {
            _ = try DeviceCost(measurements: part, model: model)
            return nil
        } catch {
            return "the \(kind.rawValue) worker measured nothing for its phase"
        }
    }
}

extension StoredDevice {
    /// Why it cannot be used; `nil` where it can.
    var problem: String? { prefill?.problem ?? decode?.problem }
}

extension StoredLink {
    /// The link between two devices.
    func profile(from: DeviceID, to: DeviceID) -> LinkProfile {
        LinkProfile(from: from, to: to, latencySeconds: latencySeconds, bytesPerSecond: bytesPerSecond)
    }

    /// Why it cannot be used; `nil` where it can.
    var problem: String? { profile(from: "", to: "").problem }
}

extension RegisterDevice {
    /// What is wrong with the registration, naming the field; `nil` where it can be taken.
    var problem: String? {
        let names = [
            ("device", device.rawValue, 64), ("host", host, 256), ("fingerprint", fingerprint, 1024),
            ("data_endpoint", dataEndpoint, 256),
        ]
        for (field, text, longest) in names {
            let count = text.utf8.count
            guard (1...longest).contains(count), text.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else {
                return "\(field) must have 1 to \(longest) printable characters"
            }
        }
        guard (1...4096).contains(threads) else { return "threads is \(threads), not in 1...4096" }
        guard computeShare > 0, computeShare <= 1 else { return "compute_share is \(computeShare), not in 0...1" }
        guard MeasuredBounds.memoryBytes.contains(memoryUsableBytes) else {
            return MeasuredBounds.refusal("memory_usable_bytes", memoryUsableBytes)
        }
        guard dataEndpoint.contains("://") else { return "data_endpoint \(dataEndpoint) is no ZeroMQ endpoint" }
        guard model.name.utf8.count <= 1024, model.digest.rawValue.utf8.count <= 256,
            model.architecture.utf8.count <= 64
        else { return "model: a name is too long" }
        do {
            _ = try FleetCost(model: model, devices: [], network: NetworkCost(links: []))
            return nil
        } catch {
            return error.message
        }
    }
}
