public import CostModel
public import Domain

/// One planning question as numbers: fleet, model, traffic and limits, with devices as indices into `cost.devices`. Immutable;
/// a class because searches hand it around millions of times.
///
/// Times are those of the mean request, as everywhere in the cost model: prompts of the mean length, decode steps whose
/// sequences hold the prompt and half of the output.
public final class PlanningInstance: Sendable {
    /// What estimates are made from, with the bytes of the KV type.
    public let cost: FleetCost
    /// The traffic.
    public let demand: PlanningDemand
    /// What a plan may use and must keep.
    public let limits: PlanningLimits
    /// How keys and values are kept and sent.
    public var kvType: KVType { cost.kvType }

    let promptTokens: Int
    let contextTokens: Int
    /// Layers of the model.
    public let layers: Int
    let devices: [DeviceFigures]
    /// Seconds per layer of a decode step, `device * (largestBatch + 1) + batch`.
    let decodeSeconds: [Double]
    /// Seconds of the LM head, `device * (largestBatch + 1) + rows`.
    let headSeconds: [Double]
    /// Seconds per layer for a mean prompt.
    let prefillSeconds: [Double]
    /// The larger of that and of the time that the KV of one layer occupies the way out.
    let prefillPortSeconds: [Double]
    /// Seconds of the LM head for one row.
    let prefillHeadSeconds: [Double]
    /// Seconds that the KV of one layer of a mean prompt occupies each device's way out.
    let kvOutSeconds: [Double]
    /// Seconds that the KV of one layer of a mean prompt occupies each device's way in.
    let kvInSeconds: [Double]
    private let memoryBytes: [Int]
    private let bytesEmbedding: Int
    private let bytesHead: Int
    private let bytesPerLayer: Int
    private let kvBytesPerToken: Int
    /// Seconds of the hop of a whole mean prompt, `from * count + to`.
    let promptHops: [Double]
    /// Latency of a hop, `from * count + to`.
    let hopLatencies: [Double]
    /// Seconds that the hidden state of one token adds to a hop, `from * count + to`.
    let tokenHops: [Double]
    /// Tokens of KV that a decoder needs for a number of sequences: index is the number of sequences.
    let decodeTokens: [Int]
    /// Tokens of KV that a prefill replica keeps: a prompt in prefill and one that is being sent.
    let prefillTokens: Int

    var count: Int { devices.count }
    var largestBatch: Int { limits.largestBatch }

    /// Prepares a question.
    ///
    /// - Throws: `invalidInput`, naming the field, `noUsableDevice`, or `modelDoesNotFit`.
    public init(
        cost: FleetCost, demand: PlanningDemand, limits: PlanningLimits = PlanningLimits(), kvType: KVType? = nil
    ) throws(PlanningError) {
        if let problem = demand.problem ?? limits.problem { throw PlanningError(.invalidInput, problem) }
        let kvType = if let kvType { kvType } else { try Self.smallestType(of: cost.model, limits) }
        let cost = cost.keeping(kvType)
        guard cost.devices.count <= Self.mostDevices else {
            throw PlanningError(
                .invalidInput, "\(cost.devices.count) devices are more than \(Self.mostDevices)")
        }
        guard !cost.devices.isEmpty else {
            throw PlanningError(.noUsableDevice, "no usable device: none is registered, measured and ready")
        }
        self.cost = cost
        self.demand = demand
        self.limits = limits
        promptTokens = max(1, Int(demand.promptTokens.rounded()))
        contextTokens = max(1, Int((demand.promptTokens + demand.outputTokens / 2).rounded()))
        layers = cost.model.layers
        let longest = limits.longestRequestTokens > 0 ? limits.longestRequestTokens : demand.longestRequestTokens
        let context = cost.model.maxContext > 0 ? min(longest, cost.model.maxContext) : longest
        let request = demand.promptTokens + demand.outputTokens
        decodeTokens = (0...limits.largestBatch).map { max(context, Int((Double($0) * request).rounded(.up))) }
        prefillTokens = max(context, Int((2 * demand.promptTokens).rounded(.up)))
        let ids = cost.devices.map(\.id)
        let batches = limits.largestBatch
        let (prompt, contexts) = (promptTokens, contextTokens)
        var promptHops = [Double](repeating: 0, count: ids.count * ids.count)
        var hopLatencies = promptHops
        var tokenHops = promptHops
        var fastestOut = [Double](repeating: 0, count: ids.count)
        var fastestInto = fastestOut
        let bytes = Double(cost.model.activationBytesPerToken)
        for from in ids.indices {
            for to in ids.indices where from != to {
                let link = cost.network.link(from: ids[from], to: ids[to])
                promptHops[from * ids.count + to] = link.seconds(bytes: bytes * Double(prompt))
                hopLatencies[from * ids.count + to] = link.latencySeconds
                tokenHops[from * ids.count + to] = bytes / link.bytesPerSecond
                fastestOut[from] = max(fastestOut[from], link.bytesPerSecond)
                fastestInto[to] = max(fastestInto[to], link.bytesPerSecond)
            }
        }
        self.promptHops = promptHops
        self.hopLatencies = hopLatencies
        self.tokenHops = tokenHops
        let kvBytes = Double(cost.model.handedOverBytes(cost.model.allLayers, tokens: prompt)) / Double(layers)
        let devices = cost.devices.enumerated().map { index, device in
            DeviceFigures(
                device, promptTokens: prompt, contextTokens: contexts, batches: batches,
                kvOutSeconds: ids.count > 1 ? kvBytes / fastestOut[index] : 0,
                kvInSeconds: ids.count > 1 ? kvBytes / fastestInto[index] : 0)
        }
        self.devices = devices
        decodeSeconds = devices.flatMap(\.decode)
        headSeconds = devices.flatMap(\.head)
        prefillSeconds = devices.map(\.prefill)
        prefillPortSeconds = devices.map { max($0.prefill, $0.kvOut) }
        prefillHeadSeconds = devices.map(\.prefillHead)
        kvOutSeconds = devices.map(\.kvOut)
        kvInSeconds = devices.map(\.kvIn)
        memoryBytes = devices.map(\.memoryBytes)
        bytesEmbedding = cost.model.bytesEmbedding
        bytesHead = cost.model.bytesHead
        bytesPerLayer = cost.model.bytesPerLayer
        kvBytesPerToken = cost.model.kvBytesPerTokenPerLayer
        for phase in Phase.allCases where !cost.devices.contains(where: { $0.cost.supports(phase) }) {
            throw PlanningError(.noUsableDevice, "no usable device: none was measured for the \(phase.rawValue) phase")
        }
        try checkFit()
    }

    /// The smallest type that is allowed and that the model's heads can be stored in: with it a search finds most.
    private static func smallestType(
        of model: ModelDescription, _ limits: PlanningLimits
    ) throws(PlanningError) -> KVType {
        let types = limits.kvTypes.filter { model.allows($0) }
        guard let smallest = types.min(by: { $0.bytesShare < $1.bytesShare }) else {
            throw PlanningError(
                .invalidInput,
                "KV type q8_0 needs heads of a multiple of 32 components; those of \(model.name) have \(model.headDim)")
        }
        return smallest
    }

    /// Bytes of KV cache that one layer hands over for a mean prompt, as a mean over all layers.
    var handedOverLayerBytes: Double {
        Double(cost.model.handedOverBytes(cost.model.allLayers, tokens: promptTokens)) / Double(layers)
    }

    /// Largest fleet that is planned as a whole.
    public static let mostDevices = 1024

    /// The index of a device.
    func index(_ id: DeviceID) -> Int? { cost.devices.firstIndex { $0.id == id } }

    /// Most layers that a device can hold with `tokens` tokens of KV, as first and / or last stage.
    @inline(__always)
    func capacity(_ device: Int, tokens: Int, first: Bool, last: Bool) -> Int {
        var room = memoryBytes[device]
        if first { room -= bytesEmbedding }
        if last { room -= bytesHead }
        let layer = bytesPerLayer + kvBytesPerToken * tokens
        return room < layer ? 0 : min(layers, room / layer)
    }

    /// Devices of most memory first: if any group holds the model, one of these prefixes does.
    private func checkFit() throws(PlanningError) {
        let sizes = cost.devices.map(\.memoryBytes).sorted(by: >)
        let tokens = decodeTokens[1]
        var least = Int.max
        for count in 1...min(sizes.count, layers) {
            let fit = MemoryFit(cost.model, kvTokens: tokens, memoryBytes: Array(sizes.prefix(count)))
            let missing = fit.missingBytes(ordered: false)
            if missing == 0 { return }
            least = min(least, missing)
        }
        throw KVReserve.doesNotFit(cost, tokens: tokens, missing: least)
    }
}

/// What one device costs, per layer and for the LM head.
struct DeviceFigures: Sendable {
    let memoryBytes: Int
    /// Seconds per layer for a mean prompt.
    let prefill: Double
    /// Seconds of the LM head for one row.
    let prefillHead: Double
    /// Seconds per layer of a decode step; index is the batch, 0 unused.
    let decode: [Double]
    /// Seconds of the LM head; index is the batch, 0 unused.
    let head: [Double]
    /// Seconds that the KV of one layer of a mean prompt occupies the device's way out.
    let kvOut: Double
    /// Seconds that the KV of one layer of a mean prompt occupies the device's way in.
    let kvIn: Double

    init(
        _ device: CostedDevice, promptTokens: Int, contextTokens: Int, batches: Int, kvOutSeconds: Double,
        kvInSeconds: Double
    ) {
        memoryBytes = device.memoryBytes
        prefill = device.cost.prefillSeconds(layers: 1, tokens: promptTokens)
        prefillHead = device.cost.headSeconds(rows: 1)
        decode = (0...batches).map { batch in
            batch == 0 ? 0 : device.cost.decodeSeconds(layers: 1, batch: batch, contextSum: batch * contextTokens)
        }
        head = (0...batches).map { $0 == 0 ? 0 : device.cost.headSeconds(rows: $0) }
        kvOut = kvOutSeconds
        kvIn = kvInSeconds
    }
}
