internal import CostModel
internal import Domain

/// How long the stages of one replica take for the steps of its batches, in seconds.
struct ReplicaClock {
    /// What a step holds.
    struct Load {
        /// Rows of prompts.
        var promptRows = 0
        /// For every prompt row, the tokens before its chunk, summed.
        var promptContext = 0.0
        /// Rows that continue sequences.
        var decodeRows = 0
        /// Tokens of their contexts, summed.
        var decodeContext = 0
        /// Rows that need logits.
        var samples = 0
        /// Those of decode rows.
        var decodeSamples: Int { decodeRows }
    }

    /// What one stage takes for a step.
    struct Seconds {
        /// The whole step.
        var all: Double
        /// What its decode rows alone would take.
        var decode: Double
    }

    let stages: [PlanStage]
    private let devices: [DeviceCost]
    private let links: [LinkCost]
    /// Latency of the sampled token's way back to the first stage.
    let returnSeconds: Double
    private let activationBytes: Double
    private let layers: Int

    /// `nil` where a device of the stages is not in the fleet.
    init?(_ stages: [PlanStage], _ cost: FleetCost) {
        self.stages = stages
        var devices: [DeviceCost] = []
        for stage in stages {
            guard let device = cost.device(stage.device) else { return nil }
            devices.append(device.cost)
        }
        guard let first = stages.first, let last = stages.last else { return nil }
        self.devices = devices
        links = zip(stages, stages.dropFirst()).map { cost.network.link(from: $0.device, to: $1.device) }
        returnSeconds = cost.returnHopSeconds(from: last.device, to: first.device)
        activationBytes = Double(cost.model.activationBytesPerToken)
        layers = cost.model.layers
    }

    /// A step on a stage. Rows of prompts and of sequences share the pass over the weights: together they take as long as a
    /// chunk of as many rows, and the sequences' contexts have to be read besides.
    func seconds(_ stage: Int, _ load: Load) -> Seconds {
        let count = stages[stage].layers.count
        let isLast = stages[stage].layers.end == layers
        func head(_ rows: Int) -> Double { isLast && rows > 0 ? devices[stage].headSeconds(rows: rows) : 0 }
        var decode = 0.0
        var contexts = 0.0
        if load.decodeRows > 0 {
            decode = devices[stage].decodeSeconds(
                layers: count, batch: load.decodeRows, contextSum: load.decodeContext)
            if load.promptRows > 0 {
                contexts =
                    decode - devices[stage].decodeSeconds(layers: count, batch: load.decodeRows, contextSum: 0)
            }
        }
        guard load.promptRows > 0 else {
            return Seconds(all: decode + head(load.samples), decode: decode + head(load.samples))
        }
        let rows = load.promptRows + load.decodeRows
        let earlier = Int(load.promptContext / Double(rows))
        let together = devices[stage].prefillSeconds(layers: count, tokens: rows, earlier: earlier) + contexts
        return Seconds(
            all: max(decode, together) + head(load.samples), decode: decode + head(load.decodeSamples))
    }

    /// The hop of so many rows of hidden states after a stage; 0 after the last.
    func hopSeconds(after stage: Int, rows: Int) -> Double {
        stage < links.count ? links[stage].seconds(bytes: Double(rows) * activationBytes) : 0
    }
}
