internal import Domain
internal import Foundation

/// The file of plans: `{"<scenario>": {"groups": [{"id", "role": "P"|"D"|"M", "stages": [["device", layers],
/// ...]}]}}`, and `"kv_type": "q8_0"` beside the groups where keys and values are kept so, not as f16.
public enum PlanFile {
    /// Most bytes that are read unless told otherwise.
    public static let byteLimit = 64 << 20
    /// Most scenarios in a file.
    public static let scenarioLimit = 16384

    /// Reads the plans of a file (also `String.utf8`), in order of their scenarios. Whether they fit a fleet and a model is
    /// checked by `GroupPlan.check`.
    ///
    /// - Throws: `tooLarge`, `malformed`, or what is wrong with a field, naming it.
    public static func read(
        _ bytes: some Collection<UInt8>, limit: Int = byteLimit
    ) throws(ScenarioError) -> [GroupPlan] {
        let document = JSONDocument(kind: .plan, limit: limit)
        let scenarios = try document.read(bytes, as: [String: PlanDocument].self) { PlanNames(bytes: $2)?.name($0, $1) }
        let check = FieldCheck(kind: .plan)
        try check.count(scenarios.count, "the document", atMost: scenarioLimit)
        var plans: [GroupPlan] = []
        for (scenario, document) in scenarios.sorted(by: { $0.key < $1.key }) {
            try check.name(scenario, "the name of a scenario")
            try check.count(document.groups.count, "\(scenario).groups", atMost: DescribedFleet.deviceLimit)
            var groups: [PlannedGroup] = []
            for (index, group) in document.groups.enumerated() {
                let field = FieldPath.element("\(scenario).groups", index, group.id)
                groups.append(try group.checked(check, field))
            }
            guard let type = KVType(rawValue: document.kvType ?? KVType.f16.rawValue) else {
                throw ScenarioError(
                    .invalidField, in: .plan,
                    "\(scenario).kv_type is \(MessageText.name(document.kvType ?? "")), it must be f16 or q8_0")
            }
            plans.append(GroupPlan(scenario: scenario, groups: groups, kvType: type))
        }
        return plans
    }

    /// The bytes of a file with these plans, for `read`.
    ///
    /// - Throws: `duplicateName` for two plans of one scenario.
    public static func write(_ plans: [GroupPlan]) throws(ScenarioError) -> [UInt8] {
        var scenarios: [String: PlanDocument] = [:]
        for plan in plans {
            let document = PlanDocument(plan)
            guard scenarios.updateValue(document, forKey: plan.scenario) == nil else {
                throw ScenarioError(
                    .duplicateName, in: .plan, "\(MessageText.name(plan.scenario)) has two plans")
            }
        }
        return try JSONDocument(kind: .plan, limit: byteLimit).write(scenarios)
    }
}

extension GroupPlan: Encodable {
    /// Encodes the plan as the value that a plan file has for its scenario.
    public func encode(to encoder: any Encoder) throws {
        try PlanDocument(self).encode(to: encoder)
    }
}

/// The plan of one scenario as a file has it.
private struct PlanDocument: Codable {
    struct Group: Codable {
        var id: String
        var role: String
        var stages: [Stage]

        init(_ group: PlannedGroup) {
            id = group.id
            role = group.role.letter
            stages = group.stages.map { Stage(device: $0.device, layers: Double($0.layers)) }
        }

        func checked(_ check: FieldCheck, _ field: String) throws(ScenarioError) -> PlannedGroup {
            try check.name(id, "\(field).id")
            guard let role = ReplicaRole.allCases.first(where: { $0.letter == role }) else {
                throw ScenarioError(
                    .invalidField, in: .plan, "\(field).role is \(MessageText.name(self.role)), it must be P, D or M")
            }
            try check.count(stages.count, "\(field).stages", atMost: DescribedFleet.deviceLimit)
            var checked: [PlannedGroup.Stage] = []
            for (index, stage) in stages.enumerated() {
                let field = FieldPath.element("\(field).stages", index, stage.device.rawValue)
                try check.name(stage.device.rawValue, field)
                guard let layers = Int(exactly: stage.layers), (1...4096).contains(layers) else {
                    throw ScenarioError(
                        .invalidField, in: .plan,
                        "\(field) has \(ExactFigure.text(stage.layers)) layers, it must be a whole number in 1...4096"
                    )
                }
                checked.append(PlannedGroup.Stage(device: stage.device, layers: layers))
            }
            return PlannedGroup(id: id, role: role, stages: checked)
        }
    }

    /// A pair `["device", layers]`.
    struct Stage: Codable {
        var device: DeviceID
        var layers: Double

        init(device: DeviceID, layers: Double) {
            self.device = device
            self.layers = layers
        }

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            device = try container.decode(DeviceID.self)
            layers = try container.decode(Double.self)
            guard container.isAtEnd else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "a stage is a pair of a device and a number of layers")
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            try container.encode(device)
            try container.encode(Int(layers))
        }
    }

    var groups: [Group]
    /// Absent for f16.
    var kvType: String?

    init(_ plan: GroupPlan) {
        groups = plan.groups.map(Group.init)
        kvType = plan.kvType == .f16 ? nil : plan.kvType.rawValue
    }

    enum CodingKeys: String, CodingKey {
        case groups
        case kvType = "kv_type"
    }
}

/// The names of the groups in a plan file of which something else is wrong.
private struct PlanNames {
    private struct Groups: Decodable {
        var groups: [NamedElement]?

        init(from decoder: any Decoder) throws {
            groups = try? decoder.container(keyedBy: CodingKeys.self).decode([NamedElement].self, forKey: .groups)
        }

        private enum CodingKeys: String, CodingKey {
            case groups
        }
    }

    private let scenarios: [String: Groups]

    init?(bytes: [UInt8]) {
        guard let names = try? JSONDecoder().decode([String: Groups].self, from: Data(bytes)) else { return nil }
        scenarios = names
    }

    func name(_ list: String, _ index: Int) -> String? {
        let scenario = scenarios.first { "\(MessageText.name($0.key)).groups" == list }
        guard let groups = scenario?.value.groups, groups.indices.contains(index) else { return nil }
        return groups[index].id
    }
}

extension ReplicaRole {
    /// How plan files write the role.
    fileprivate var letter: String {
        switch self {
        case .prefill: "P"
        case .decode: "D"
        case .mixed: "M"
        }
    }
}
