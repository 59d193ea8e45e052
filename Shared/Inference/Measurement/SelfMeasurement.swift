public import Domain

/// Measures how fast this device runs a model, on some of its layers, so that no device loads a model that is too large.
///
/// Layers are so many that their weights come from memory (see `WorkingSet`), as those of a stage do. Blocks the calling
/// thread for about the time budget. Times are divided by `computeShare`: a device that may use half of its processors'
/// time takes twice as long.
public struct SelfMeasurement: Sendable {
    /// Compute threads.
    public var threads: Int
    /// Share of the time that the device may compute, above 0, at most 1.
    public var computeShare: Double
    /// Layers that are loaded at least.
    public var layers: Int
    /// Prompt chunk lengths to measure, in tokens.
    public var prefillTokens: [Int]
    /// Batch sizes to measure decode steps for.
    public var decodeBatches: [Int]
    /// Contexts of each sequence to measure decode steps for, in tokens.
    public var decodeContexts: [Int]
    /// Rows to measure the LM head for.
    public var headRows: [Int]
    /// Most seconds that all measurements together should take, loading not counted.
    public var budgetSeconds: Double
    /// Repetitions of each measurement where the budget allows them; the median counts.
    public var repetitions: Int

    /// Makes a measurement with the usual points.
    public init(
        threads: Int, computeShare: Double = 1, layers: Int = 2, prefillTokens: [Int] = [16, 64, 128, 256, 512],
        decodeBatches: [Int] = [1, 2, 4, 8, 16], decodeContexts: [Int] = [32, 256, 1024], headRows: [Int] = [1, 4, 16],
        budgetSeconds: Double = 3, repetitions: Int = 5
    ) {
        self.threads = threads
        self.computeShare = computeShare
        self.layers = layers
        self.prefillTokens = prefillTokens
        self.decodeBatches = decodeBatches
        self.decodeContexts = decodeContexts
        self.headRows = headRows
        self.budgetSeconds = budgetSeconds
        self.repetitions = repetitions
    }

    /// Loads the first layers of the model and measures.
    ///
    /// Points that exceed the model's context are left out.
    ///
    /// - Parameter memoryUsableBytes: What the device may use for weights and KV cache; passed through.
    /// - Throws: `InferenceError` where the model cannot be loaded or a parameter makes no sense.
    public func run(model: ModelFile, memoryUsableBytes: Int) throws -> DeviceMeasurements {
        guard computeShare > 0, computeShare <= 1 else {
            throw InferenceError(.invalidInput, "a compute share of \(computeShare) is not in 0...1")
        }
        let sizes = model.description
        let cacheBytes = WorkingSet.cacheBytes()
        let deep = WorkingSet.layers(
            least: layers, of: model.configuration.layers, bytesPerLayer: sizes.bytesPerLayer, cacheBytes: cacheBytes,
            memoryBytes: memoryUsableBytes)
        func clock() -> MeasurementClock {
            MeasurementClock(budgetSeconds: budgetSeconds, repetitions: repetitions, share: computeShare)
        }
        let prefill = try LayerMeasurement.prefill(model, plan: self, layers: deep, clock: clock())
        let decode = try LayerMeasurement.decode(
            model, plan: self, layers: deep, kvBytes: memoryUsableBytes / 4,
            clock: clock())
        let head =
            headRows.isEmpty
            ? []
            : try HeadMeasurement(
                model: model, plan: self, cacheBytes: cacheBytes, memoryBytes: memoryUsableBytes, clock: clock()
            ).run()
        return DeviceMeasurements(
            prefill: prefill, decode: decode, head: head, memoryUsableBytes: memoryUsableBytes)
    }

    /// Prompt chunks longer than this compute for so long that it does not matter where their weights come from.
    var shortestLongPrompt: Int { 64 }

    /// The part of the budget that one point may take; prefill and decode are measured one at a time by workers.
    var part: Double {
        1 / Double(max(prefillTokens.count + decodeBatches.count * decodeContexts.count + headRows.count, 1))
    }

    /// Layers that are loaded at least, as far as the model has them.
    func leastLayers(of model: ModelFile) -> Int { min(max(layers, 1), model.configuration.layers) }
}
