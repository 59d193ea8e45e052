import Domain

/// Reads the question which plan would be made for another fleet or other traffic.
struct WhatIfReader: Sendable {
    /// The state that the question is about.
    let known: ClusterView.Known

    private static let fields: Set<String> = ["without", "links", "slow", "workload"]
    private static let linkFields: Set<String> = ["from", "to", "bytes_per_second", "latency_s", "one_way"]
    private static let workloadFields: Set<String> = ["prompt_tokens", "output_tokens", "requests_per_second"]

    /// The question for the clusterer.
    ///
    /// - Throws: 400 naming the field that is unknown, out of range, or about a device that is not there.
    func read(_ body: JSONValue) throws(APIError) -> PlanPreview {
        let fields = try RequestFields(body)
        try Self.refuseOthers(body, Self.fields)
        var changes = FleetChanges()
        for (index, element) in try Self.elements(fields, "without").enumerated() {
            changes.without.append(try Self.device(element, "without[\(index)]"))
        }
        for (index, element) in try Self.elements(fields, "links").enumerated() {
            changes.links += try Self.link(element, prefix: "links[\(index)].")
        }
        changes.slowdowns = try Self.slowdowns(fields)
        // The clusterer looks at them again; its fleet may be a newer one.
        if let problem = known.fleet.flatMap({ changes.problem(in: $0) }) {
            let field = problem.field == "slowdowns" ? "slow" : problem.field
            throw APIError.invalid("\(field): \(problem.message)", field)
        }
        return PlanPreview(
            changes: changes, workload: try workload(fields), planInForce: known.scheduler?.plan,
            contextTokens: known.scheduler?.contextTokens)
    }

    /// A typing error would give the answer to another question.
    private static func refuseOthers(
        _ object: JSONValue, _ names: Set<String>, prefix: String = ""
    ) throws(APIError) {
        guard let other = object.members?.first(where: { !names.contains($0.key) }) else { return }
        let name = prefix + other.key.prefix(64)
        throw APIError.invalid("\(name) is unknown; there are \(names.sorted().joined(separator: ", "))", name)
    }

    private static func elements(_ fields: RequestFields, _ key: String) throws(APIError) -> [JSONValue] {
        guard let value = fields.value(key) else { return [] }
        guard let elements = value.elements, elements.count <= FleetChanges.mostEntries / 2 else {
            throw APIError.invalid("\(key) must be an array of at most \(FleetChanges.mostEntries / 2)", key)
        }
        return elements
    }

    private static func device(_ value: JSONValue?, _ name: String) throws(APIError) -> DeviceID {
        guard let text = value?.text, (1...256).contains(text.utf8.count) else {
            throw APIError.invalid("\(name) must be the name of a device", name)
        }
        return DeviceID(text)
    }

    /// Both directions, unless told otherwise.
    private static func link(_ value: JSONValue, prefix: String) throws(APIError) -> [FleetChanges.Link] {
        let fields = try RequestFields(value, prefix: prefix)
        try refuseOthers(value, linkFields, prefix: prefix)
        let change = FleetChanges.Link(
            from: try device(fields.value("from"), prefix + "from"), to: try device(fields.value("to"), prefix + "to"),
            latencySeconds: try fields.double("latency_s", in: FleetChanges.latencies),
            bytesPerSecond: try fields.double("bytes_per_second", in: FleetChanges.speeds))
        return try fields.bool("one_way") == true ? [change] : [change, change.reversed]
    }

    private static func slowdowns(_ fields: RequestFields) throws(APIError) -> [DeviceSlowdown] {
        guard let value = fields.value("slow") else { return [] }
        let factors = try RequestFields(value, prefix: "slow.")
        var slowdowns: [DeviceSlowdown] = []
        for member in value.members ?? [] {
            let device = try device(.string(member.key), "slow")
            guard let factor = try factors.double(member.key, in: FleetChanges.factors) else { continue }
            slowdowns.append(DeviceSlowdown(device: device, factor: factor))
        }
        return slowdowns
    }

    /// What is not told stays as the scheduler sees it.
    private func workload(_ fields: RequestFields) throws(APIError) -> WorkloadStatistics? {
        guard let value = fields.value("workload") else { return nil }
        let told = try RequestFields(value, prefix: "workload.")
        try Self.refuseOthers(value, Self.workloadFields, prefix: "workload.")
        var workload = known.scheduler?.workload ?? WorkloadStatistics()
        workload.sampleCount = 0
        if let rate = try told.double("requests_per_second", in: 1e-9...1e9) { workload.requestsPerSecond = rate }
        if let tokens = try told.double("prompt_tokens", in: 1...1e7) { workload.meanPromptTokens = tokens }
        if let tokens = try told.double("output_tokens", in: 1...1e7) { workload.meanOutputTokens = tokens }
        return workload
    }
}
