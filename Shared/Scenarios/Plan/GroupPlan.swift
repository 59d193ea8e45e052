public import Domain

/// A device group of a plan file: one replica.
public struct PlannedGroup: Sendable, Hashable {
    /// A device with the number of layers that it holds.
    public struct Stage: Sendable, Hashable {
        /// The device.
        public var device: DeviceID
        /// How many layers it holds, after those of the stages before.
        public var layers: Int

        /// Makes a stage.
        public init(device: DeviceID, layers: Int) {
            self.device = device
            self.layers = layers
        }
    }

    /// Its name.
    public var id: String
    /// What it does.
    public var role: ReplicaRole
    /// Its devices in order of their layers.
    public var stages: [Stage]

    /// Makes a group.
    public init(id: String, role: ReplicaRole, stages: [(DeviceID, layers: Int)]) {
        self.id = id
        self.role = role
        self.stages = stages.map { Stage(device: $0.0, layers: $0.layers) }
    }

    init(id: String, role: ReplicaRole, stages: [Stage]) {
        self.id = id
        self.role = role
        self.stages = stages
    }

    /// The stages with their ranges of layers, from layer 0.
    public var planStages: [PlanStage] {
        var next = 0
        return stages.map { stage in
            defer { next += stage.layers }
            return PlanStage(device: stage.device, layers: LayerRange(next, next + stage.layers))
        }
    }
}

/// The plan of one scenario: which devices form which groups.
public struct GroupPlan: Sendable, Hashable {
    /// The scenario that it is for.
    public var scenario: String
    /// Its groups.
    public var groups: [PlannedGroup]
    /// How keys and values are kept and sent.
    public var kvType: KVType

    /// Makes a plan.
    public init(scenario: String, groups: [PlannedGroup], kvType: KVType = .f16) {
        self.scenario = scenario
        self.groups = groups
        self.kvType = kvType
    }

    /// Takes the groups of a placement plan.
    public init(scenario: String, plan: PlacementPlan) {
        self.scenario = scenario
        kvType = plan.kvType
        groups = plan.replicas.map { replica in
            PlannedGroup(
                id: replica.id.rawValue, role: replica.role,
                stages: replica.stages.map { PlannedGroup.Stage(device: $0.device, layers: $0.layers.count) })
        }
    }
}
