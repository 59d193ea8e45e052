public import CostModel
public import Domain

/// A device as the partitioner needs to know it; on the wire an element of `partition.solve`.
public struct PartitionDevice: Codable, Sendable, Hashable {
    /// The device.
    public var id: DeviceID
    /// Bytes that may be used for weights and KV cache.
    public var memoryUsableBytes: Int
    /// Its measured tables; a phase that it must not serve has none.
    public var measurements: DeviceMeasurements

    /// Makes a device.
    public init(id: DeviceID, memoryUsableBytes: Int, measurements: DeviceMeasurements) {
        self.id = id
        self.memoryUsableBytes = memoryUsableBytes
        self.measurements = measurements
    }

    private enum CodingKeys: String, CodingKey {
        case id, measurements
        case memoryUsableBytes = "memory_usable_bytes"
    }
}

/// The body of `partition.solve`: everything that the answers depend on, so that the partitioner keeps no state.
public struct PartitionProblem: Codable, Sendable, Hashable {
    /// Most devices of one message.
    public static let mostDevices = 1024
    /// Most queries of one message.
    public static let mostQueries = 16_384

    /// The model to divide.
    public var model: ModelDescription
    /// The devices that queries may name.
    public var devices: [PartitionDevice]
    /// The measured links between them.
    public var links: [LinkProfile]
    /// What is asked.
    public var queries: [PartitionQuery]

    /// Makes the body.
    public init(
        model: ModelDescription, devices: [PartitionDevice], links: [LinkProfile], queries: [PartitionQuery] = []
    ) {
        self.model = model
        self.devices = devices
        self.links = links
        self.queries = queries
    }

    /// The costs that answers are computed from, once model, devices and links have been checked.
    ///
    /// - Throws: `invalidInput`, naming the field.
    public func cost() throws(PlanningError) -> FleetCost {
        guard devices.count <= Self.mostDevices else {
            throw PlanningError(.invalidInput, "devices: \(devices.count) are more than \(Self.mostDevices)")
        }
        guard links.count <= Self.mostDevices * Self.mostDevices else {
            throw PlanningError(.invalidInput, "links: \(links.count) are too many")
        }
        var seen: Set<DeviceID> = []
        var costed: [CostedDevice] = []
        for (index, device) in devices.enumerated() {
            guard seen.insert(device.id).inserted else {
                throw PlanningError(.invalidInput, "devices[\(index)].id: \(device.id) is listed twice")
            }
            if let problem = device.problem {
                throw PlanningError(.invalidInput, "devices[\(index)].\(problem)")
            }
            do {
                let cost = try DeviceCost(measurements: device.measurements, model: model)
                costed.append(CostedDevice(id: device.id, memoryBytes: device.memoryUsableBytes, cost: cost))
            } catch {
                throw PlanningError(
                    .invalidInput, "devices[\(index)].measurements: \(error.message)", underlying: error)
            }
        }
        for (index, link) in links.enumerated() {
            if let problem = link.problem { throw PlanningError(.invalidInput, "links[\(index)].\(problem)") }
        }
        do {
            return try FleetCost(model: model, devices: costed, network: NetworkCost(links: links))
        } catch {
            throw PlanningError(.invalidInput, error.message, underlying: error)
        }
    }

    /// What is wrong with the queries, naming the field; `nil` where they can be answered.
    public var queryProblem: String? {
        guard queries.count <= Self.mostQueries else {
            return "queries: \(queries.count) are more than \(Self.mostQueries)"
        }
        let known = Set(devices.map(\.id))
        for (index, query) in queries.enumerated() {
            if let problem = query.problem(known: known) { return "queries[\(index)].\(problem)" }
        }
        return nil
    }
}

/// The body of `partition.solution`.
public struct PartitionSolution: Codable, Sendable, Hashable {
    /// One answer for each query, in their order.
    public var answers: [PartitionAnswer]

    /// Makes the body.
    public init(answers: [PartitionAnswer]) { self.answers = answers }
}

extension PartitionQuery {
    fileprivate func problem(known: Set<DeviceID>) -> String? {
        if devices.isEmpty { return "devices: the group is empty" }
        if devices.count > LayerPartitioner.largestGroup {
            return "devices: \(devices.count) are more than \(LayerPartitioner.largestGroup)"
        }
        if let unknown = devices.first(where: { !known.contains($0) }) {
            return "devices: device \(unknown) is not described in the message"
        }
        if Set(devices).count != devices.count { return "devices: a device is in the group twice" }
        let figures: [(String, Int, ClosedRange<Int>)] = [
            ("prompt_tokens", promptTokens, 1...FleetCost.largestTokens), ("batch", batch, 1...4096),
            ("context_tokens", contextTokens, 0...FleetCost.largestTokens),
            ("kv_tokens", kvTokens, 0...FleetCost.largestTokens),
        ]
        for (name, value, range) in figures where !range.contains(value) {
            return "\(name): \(value) is not in \(range.lowerBound)...\(range.upperBound)"
        }
        return nil
    }
}

extension PartitionDevice {
    fileprivate var problem: String? {
        guard MeasuredBounds.memoryBytes.contains(memoryUsableBytes) else {
            return MeasuredBounds.refusal("memory_usable_bytes", memoryUsableBytes)
        }
        return measurements.problem.map { "measurements.\($0)" }
    }
}
