internal import Domain

extension EngineFigures {
    /// The circumstances of a run; times are added later.
    init(benchmark: EngineBenchmark, executor: StageExecutor, limits: MachineLimits) {
        let model = executor.model
        self.init(
            model: model.configuration.name, architecture: model.configuration.architecture.rawValue,
            types: model.gguf.tensors.reduce(into: [:]) { $0[$1.type.name, default: 0] += $1.byteCount },
            layers: model.configuration.layers, threads: benchmark.threads, instructionSet: InstructionSet.name,
            processorFeatures: InstructionSet.processorFeatures, kvType: model.configuration.kvType,
            promptTokens: benchmark.promptTokens, generatedTokens: benchmark.generatedTokens,
            context: benchmark.context ?? EngineBenchmark.shortContext, stepTokens: benchmark.stepTokens,
            repetitions: benchmark.repetitions, weightBytes: executor.weightBytes,
            kvBytes: executor.cache.capacityBytes, scratchBytes: executor.scratchBytes,
            peakGMACs: limits.peakGMACs, readGBPerSecond: limits.readGBPerSecond)
    }

    mutating func add(prefillSeconds seconds: Double, model: ModelDescription) {
        let gmacs = Double(model.layerMultiplyAdds) * Double(promptTokens) / seconds / 1e9
        prefillSeconds = seconds
        prefillTokensPerSecond = Double(promptTokens) / seconds
        prefillGMACs = gmacs
        prefillShareOfPeak = gmacs / peakGMACs
    }

    mutating func add(_ time: DecodeTime, executor: StageExecutor) {
        let model = executor.model.description
        let steps = Double(time.steps)
        let weights = Double(executor.weightBytes) * steps / time.seconds / 1e9
        let products = Double(model.layerMultiplyAdds + model.vocabulary * model.hidden)
        let gmacs = products * steps * Double(time.batch) / time.seconds / 1e9
        decode.append(
            Decode(
                batch: time.batch, context: time.context, tokensPerSecond: steps * Double(time.batch) / time.seconds,
                seconds: time.seconds, stepMilliseconds: time.seconds / steps * 1e3, weightGBPerSecond: weights,
                shareOfRead: weights / readGBPerSecond, gmacs: gmacs, shareOfPeak: gmacs / peakGMACs))
    }
}

extension ModelDescription {
    /// Multiply-adds of the layers' matrix products for one token.
    fileprivate var layerMultiplyAdds: Int { layers * paramsPerLayer }
}
