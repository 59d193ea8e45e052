/// The plan in force beside the one that would be made, as people are told of them.
public struct PlanComparison: Codable, Sendable, Hashable {
    /// A plan and what it is predicted to sustain.
    public struct Side: Codable, Sendable, Hashable {
        /// The plan.
        public var plan: PlacementPlan
        /// Requests per second of the plan's own traffic.
        public var requestsPerSecond: Double
        /// Tokens of their prompts per second.
        public var promptTokensPerSecond: Double
        /// Tokens of their outputs per second.
        public var outputTokensPerSecond: Double

        /// What a plan says of itself.
        init(_ plan: PlacementPlan) {
            self.plan = plan
            requestsPerSecond = plan.predictedRequestsPerSecond
            promptTokensPerSecond = plan.predictedRequestsPerSecond * plan.workload.meanPromptTokens
            outputTokensPerSecond = plan.predictedRequestsPerSecond * plan.workload.meanOutputTokens
        }

        private enum CodingKeys: String, CodingKey {
            case plan
            case requestsPerSecond = "requests_per_s"
            case promptTokensPerSecond = "prompt_tokens_per_s"
            case outputTokensPerSecond = "output_tokens_per_s"
        }
    }

    /// What a device does in a plan.
    public struct Place: Codable, Sendable, Hashable {
        /// Its replica.
        public var replica: ReplicaID
        /// What that does.
        public var role: ReplicaRole
        /// Its layers.
        public var layers: LayerRange
        /// Predicted time for one mean prompt, seconds.
        public var predictedPrefillSeconds: Double?
        /// Predicted time of a decode step, seconds.
        public var predictedDecodeSeconds: Double?

        private enum CodingKeys: String, CodingKey {
            case replica, role, layers
            case predictedPrefillSeconds = "predicted_prefill_s"
            case predictedDecodeSeconds = "predicted_decode_s"
        }
    }

    /// A device in both plans; absent places are idle ones.
    public struct Device: Codable, Sendable, Hashable {
        /// The device.
        public var device: DeviceID
        /// Its place in the plan in force.
        public var now: Place?
        /// Its place in the plan that would be made.
        public var then: Place?
        /// Whether its role or its layers differ; names of replicas do not count.
        public var differs: Bool
    }

    /// The plan in force.
    public var inForce: Side?
    /// The plan that would be made.
    public var preview: Side
    /// Requests per second that the plan in force would sustain there; absent where it could not be in force.
    public var inForceRequestsPerSecond: Double?
    /// Whether the services would move from one to the other, and why.
    public var move: PlanMove?
    /// Devices of both plans, in order.
    public var devices: [Device]
    /// Seconds that the search took.
    public var searchSeconds: Double

    /// Compares plans.
    public init(
        inForce: PlacementPlan?, preview: PlacementPlan, inForceRequestsPerSecond: Double?, move: PlanMove?,
        searchSeconds: Double
    ) {
        self.inForce = inForce.map { Side($0) }
        self.preview = Side(preview)
        self.inForceRequestsPerSecond = inForceRequestsPerSecond
        self.move = move
        self.searchSeconds = searchSeconds
        let (now, then) = (inForce?.places ?? [:], preview.places)
        let idle = (inForce?.idleDevices ?? []) + preview.idleDevices
        devices = Set(now.keys).union(then.keys).union(idle).sorted().map { id in
            let (before, after) = (now[id], then[id])
            return Device(
                device: id, now: before, then: after,
                differs: before?.role != after?.role || before?.layers != after?.layers)
        }
    }

    private enum CodingKeys: String, CodingKey {
        case preview, move, devices
        case inForce = "in_force"
        case inForceRequestsPerSecond = "in_force_requests_per_s"
        case searchSeconds = "search_s"
    }
}

extension PlacementPlan {
    fileprivate var places: [DeviceID: PlanComparison.Place] {
        var places: [DeviceID: PlanComparison.Place] = [:]
        for replica in replicas {
            for stage in replica.stages {
                places[stage.device] = PlanComparison.Place(
                    replica: replica.id, role: replica.role, layers: stage.layers,
                    predictedPrefillSeconds: stage.predictedPrefillSeconds,
                    predictedDecodeSeconds: stage.predictedDecodeSeconds)
            }
        }
        return places
    }
}
