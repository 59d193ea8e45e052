public import Domain

/// What devices and links did over time. Moments are in seconds on the clock of the run's requests.
///
/// The use of devices and of the network is kept in some hundred bins, however long the run is. Steps and transfers are kept
/// one by one, up to a limit.
public struct RunTimeline: Codable, Sendable, Hashable {
    /// What a step computes.
    public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
        /// Prompts only.
        case prefill
        /// One token for each of some sequences.
        case decode
        /// Both together.
        case mixed
    }

    /// One stage of a replica.
    public struct Stage: Codable, Sendable, Hashable {
        /// The replica.
        public var replica: ReplicaID
        /// Its number in the replica, from 0.
        public var stage: Int
        /// The device that computes it.
        public var device: DeviceID

        /// Makes a stage.
        public init(replica: ReplicaID, stage: Int, device: DeviceID) {
            self.replica = replica
            self.stage = stage
            self.device = device
        }
    }

    /// A step on one stage.
    public struct Step: Codable, Sendable, Hashable {
        /// The stage, as a place in `stages`.
        public var stage: Int
        /// What it computes.
        public var kind: Kind
        /// Its number in the replica; absent where steps are not numbered.
        public var number: UInt64?
        /// The request whose prompt is computed; absent where there are none or several.
        public var request: RequestID?
        /// Rows of prompts.
        public var promptTokens: Int
        /// Sequences that get a token.
        public var sequences: Int
        /// When the stage begins.
        public var start: Double
        /// When it is done.
        public var end: Double

        /// Makes a step.
        public init(
            stage: Int, kind: Kind, number: UInt64? = nil, request: RequestID? = nil, promptTokens: Int, sequences: Int,
            start: Double, end: Double
        ) {
            self.stage = stage
            self.kind = kind
            self.number = number
            self.request = request
            self.promptTokens = promptTokens
            self.sequences = sequences
            self.start = start
            self.end = end
        }

        private enum CodingKeys: String, CodingKey {
            case stage, kind, number, request, sequences
            case promptTokens = "prompt_tokens"
            case start = "start_s"
            case end = "end_s"
        }
    }

    /// KV on its way between two devices without a break.
    public struct Transfer: Codable, Sendable, Hashable {
        /// The sender.
        public var from: DeviceID
        /// The receiver.
        public var to: DeviceID
        /// Whose KV it is; absent where that is not known.
        public var request: RequestID?
        /// Bytes that were sent.
        public var bytes: Double
        /// When the first byte leaves.
        public var start: Double
        /// When the last byte has left.
        public var end: Double

        /// Makes a transfer.
        public init(
            from: DeviceID, to: DeviceID, request: RequestID? = nil, bytes: Double, start: Double, end: Double
        ) {
            self.from = from
            self.to = to
            self.request = request
            self.bytes = bytes
            self.start = start
            self.end = end
        }

        private enum CodingKeys: String, CodingKey {
            case from, to, request, bytes
            case start = "start_s"
            case end = "end_s"
        }
    }

    /// How much something was used over time.
    public struct Use: Codable, Sendable, Hashable {
        /// The device, link or medium.
        public var name: String
        /// Share of each bin that it was busy.
        public var shares: [Double]

        /// Makes a use.
        public init(name: String, shares: [Double]) {
            self.name = name
            self.shares = shares
        }
    }

    /// Where the first bin begins: the first arrival.
    public var start: Double
    /// Width of a bin.
    public var binSeconds: Double
    /// Devices, in order of their names.
    public var devices: [Use] = []
    /// Links and media that KV crossed, in order of their names.
    public var network: [Use] = []
    /// The stages that computed.
    public var stages: [Stage] = []
    /// Steps on stages, in order of their start.
    public var steps: [Step] = []
    /// Transfers, in order of their start.
    public var transfers: [Transfer] = []
    /// Steps and transfers are recorded from here on.
    public var intervalsFrom: Double
    /// Those that begin at or after this moment may be missing, for there were more than the limit; absent where all are there.
    public var intervalsUntil: Double?

    /// Makes an empty timeline.
    public init(start: Double, binSeconds: Double, intervalsFrom: Double = 0) {
        self.start = start
        self.binSeconds = binSeconds
        self.intervalsFrom = intervalsFrom
    }

    private enum CodingKeys: String, CodingKey {
        case devices, network, stages, steps, transfers
        case start = "start_s"
        case binSeconds = "bin_s"
        case intervalsFrom = "intervals_from_s"
        case intervalsUntil = "intervals_until_s"
    }
}
