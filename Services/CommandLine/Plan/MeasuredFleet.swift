import CostModel
import Domain
import Foundation

/// A fleet as a profiler measured it. Devices of one fingerprint are of one type; a type has the name of its first device.
struct MeasuredFleet {
    /// Largest file that is read, bytes.
    private static let byteLimit = 64 << 20

    var name: String
    var fleet: Fleet

    /// Whether a file has the form of a measured fleet: only that one has a version.
    static func isOne(_ bytes: [UInt8]) -> Bool {
        guard bytes.count <= byteLimit, let object = try? JSONSerialization.jsonObject(with: Data(bytes)) else {
            return false
        }
        return (object as? [String: Any])?["version"] != nil
    }

    /// Reads and checks a file.
    ///
    /// - Throws: `Failure`, naming the field.
    init(_ bytes: [UInt8], name: String) throws {
        self.name = name
        do {
            fleet = try JSONDecoder().decode(Fleet.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw Failure(.failed, DecodingText.text(error))
        }
        try check()
    }

    private func check() throws {
        var known: Set<DeviceID> = []
        for (index, device) in fleet.devices.enumerated() where !known.insert(device.id).inserted {
            throw Failure(.failed, "devices[\(index)].id: \(device.id) is there twice")
        }
        for (index, link) in fleet.links.enumerated() {
            for (field, id) in [("from", link.from), ("to", link.to)] where !known.contains(id) {
                throw Failure(.failed, "links[\(index)].\(field): there is no device \(id)")
            }
            if let problem = link.problem { throw Failure(.failed, "links[\(index)].\(problem)") }
        }
        guard let model = fleet.model else { throw Failure(.failed, "model is missing: no device has registered") }
        for (index, device) in fleet.devices.enumerated() where device.state == .ready {
            guard let measurements = device.measurements else {
                throw Failure(.failed, "devices[\(index)].measurements is missing, although \(device.id) is ready")
            }
            if let problem = measurements.problem {
                throw Failure(.failed, "devices[\(index)].measurements.\(problem)")
            }
            do {
                _ = try DeviceCost(measurements: measurements, model: model)
            } catch {
                throw Failure(.failed, "devices[\(index)].measurements: \(error)")
            }
        }
    }

    /// Times from the measured tables; devices that are not ready are left out.
    func cost(_ model: ModelDescription) throws -> FleetCost {
        if let own = fleet.model, own.digest != model.digest {
            throw Failure(
                .usage, "--model: the fleet was measured with \(own.name), its times are not those of \(model.name)")
        }
        return try FleetCost(fleet: fleet, model: model)
    }

    /// The kinds of hardware.
    var types: [DeviceID: String] { fleet.deviceTypes }

    /// The fleet with a copy of a device, its links included.
    func adding(type: String) throws -> MeasuredFleet {
        let types = types
        guard let model = fleet.devices.last(where: { types[$0.id] == type }) else {
            let known = Set(types.values).sorted().joined(separator: ", ")
            throw Failure(.usage, "there is no device of type \"\(type)\"; types are \(known)")
        }
        var number = 1
        var id = DeviceID("\(type)-new")
        while fleet.device(id) != nil {
            number += 1
            id = DeviceID("\(type)-new\(number)")
        }
        var copy = self
        var device = model
        device.id = id
        copy.fleet.devices.append(device)
        for link in fleet.links where link.from == model.id || link.to == model.id {
            var link = link
            if link.from == model.id { link.from = id } else { link.to = id }
            copy.fleet.links.append(link)
        }
        // The way between the two is taken to be like the model's slowest one.
        let own = fleet.links.filter { $0.from == model.id || $0.to == model.id }
        if var link = own.min(by: { $0.bytesPerSecond < $1.bytesPerSecond }) {
            for (from, to) in [(model.id, id), (id, model.id)] {
                (link.from, link.to) = (from, to)
                copy.fleet.links.append(link)
            }
        }
        return copy
    }

    /// The fleet without a device.
    func removing(_ id: DeviceID) throws -> MeasuredFleet {
        guard fleet.device(id) != nil else {
            let known = fleet.devices.map(\.id.rawValue).joined(separator: ", ")
            throw Failure(.usage, "there is no device \"\(id)\"; devices are \(known)")
        }
        var copy = self
        copy.fleet.devices.removeAll { $0.id == id }
        copy.fleet.links.removeAll { $0.from == id || $0.to == id }
        return copy
    }
}
