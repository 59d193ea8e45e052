import CostModel
import Domain
import Foundation
import Scenarios

/// The fleet of a question: described by a file, or measured by a profiler.
enum ScenarioFleet {
    case described(DescribedFleet)
    case measured(MeasuredFleet)

    /// Reads either form; a measured fleet is what `e2llm nodes --json` prints.
    static func read(_ path: String) throws -> ScenarioFleet {
        if let drawn = try GeneratedInput.fleet(path) { return .described(drawn) }
        return try ScenarioOptions.reading(path) { bytes in
            if MeasuredFleet.isOne(bytes) { return .measured(try MeasuredFleet(bytes, name: path)) }
            return .described(try FleetFile.read(bytes))
        }
    }

    var name: String {
        switch self {
        case .described(let fleet): fleet.name
        case .measured(let fleet): fleet.name
        }
    }

    /// The model that it was measured with.
    var model: ModelDescription? { if case .measured(let fleet) = self { fleet.fleet.model } else { nil } }

    /// What planners estimate times from.
    func cost(_ model: ModelDescription) throws -> FleetCost {
        switch self {
        case .described(let fleet): try fleet.cost(model)
        case .measured(let fleet): try fleet.cost(model)
        }
    }

    /// The kinds of hardware.
    var types: [DeviceID: String] {
        switch self {
        case .described(let fleet): Dictionary(uniqueKeysWithValues: fleet.devices.map { ($0.id, $0.type) })
        case .measured(let fleet): fleet.types
        }
    }

    /// Where the devices stand.
    var sites: [DeviceID: String] {
        switch self {
        case .described(let fleet): Dictionary(uniqueKeysWithValues: fleet.devices.map { ($0.id, $0.site) })
        case .measured(let fleet):
            Dictionary(fleet.fleet.devices.map { ($0.id, $0.host) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Watts under load, of the devices that tell.
    var powerWatts: [DeviceID: Double] {
        guard case .described(let fleet) = self else { return [:] }
        return Dictionary(
            uniqueKeysWithValues: fleet.devices.compactMap { device in device.powerWatts.map { (device.id, $0) } })
    }

    /// The fleet with one more device of a type.
    func adding(type: String) throws -> ScenarioFleet {
        switch self {
        case .described(let fleet): .described(try fleet.adding(type: type))
        case .measured(let fleet): .measured(try fleet.adding(type: type))
        }
    }

    /// The fleet without a device.
    func removing(_ id: DeviceID) throws -> ScenarioFleet {
        switch self {
        case .described(let fleet): .described(try fleet.removing(id))
        case .measured(let fleet): .measured(try fleet.removing(id))
        }
    }
}
