import Domain
import Protocol
import Scheduling
import ServiceRuntime

/// Between the bodies of the protocol and the values of the core. Nothing is decided here.
extension WorkerHello {
    func report(session: String, epoch: Epoch) -> WorkerReport {
        WorkerReport(
            address: WorkerAddress(WorkerKey(device, worker), session: session), endpoint: dataEndpoint, epoch: epoch,
            stages: stages ?? [], kvBlockTokens: kvBlockTokens ?? 1, held: requests,
            movesSequences: capabilities?.contains(Capability.sequenceMove) ?? false,
            growsSequences: capabilities?.contains(Capability.sequenceGrow) ?? false,
            reusesPrefixes: capabilities?.contains(Capability.prefixReuse) ?? false,
            handsOverPrefixes: capabilities?.contains(Capability.prefixHandover) ?? false,
            guessesTokens: capabilities?.contains(Capability.stepGuesses) ?? false,
            constrainsSampling: capabilities?.contains(Capability.samplingGrammar) ?? false,
            readsLogits: capabilities?.contains(Capability.samplingLogits) ?? false)
    }
}

extension SubmitRequest {
    func submitted(id: RequestID, _ message: WireMessage) throws(ProtocolError) -> SubmittedRequest {
        let shape = try message.tensor("prompt", .i32, dimensions: 1).shape
        return SubmittedRequest(
            id: id, promptTokens: shape[0], generatedTokens: generatedTokens, maxTokens: stop.maxTokens,
            gateway: gatewayEndpoint, patience: message.envelope.deadlineMilliseconds.map { Double($0) / 1000 },
            prefix: PromptPrefix(tokens: try message.tokens("prompt"), salt: cacheSalt),
            isConstrained: constraint != nil, readsLogits: sampling.readsLogits,
            scoresPrompt: sampling.promptScores != nil)
    }
}

extension RoutedRequest {
    var accepted: RequestAccepted {
        RequestAccepted(
            plan: plan, route: route, queueMilliseconds: queuedSeconds * 1000,
            estimatedFirstTokenMilliseconds: estimatedFirstTokenSeconds * 1000)
    }

    /// The message to the first stage of the replica that a sequence leaves.
    var move: Outgoing {
        Outgoing(
            .requestMove, request: request, epoch: epoch,
            body: SequenceMoveBody(
                route: route, reservedTokens: reservedTokens, capacityTokens: capacityTokens,
                prefixCache: reusesPrefixes ? true : nil))
    }

    /// The message to the first stage, with what the gateway submitted.
    func start(_ submitted: WireMessage) throws(ProtocolError) -> Outgoing {
        let body: SubmitRequest = try submitted.body()
        let (shape, frame) = try submitted.tensor("prompt", .i32, dimensions: 1)
        var stop = body.stop
        stop.maxTokens = maxTokens
        let open = SequenceOpen(
            route: route, generatedTokens: body.generatedTokens, sampling: body.sampling, stop: stop,
            reservedTokens: reservedTokens, capacityTokens: capacityTokens,
            prefillCapacityTokens: prefillCapacityTokens, prefixCache: reusesPrefixes ? true : nil,
            cacheSalt: body.cacheSalt, speculation: speculates ? true : nil, constraint: body.constraint,
            tokenCount: shape[0])
        return Outgoing(.requestStart, request: request, epoch: epoch, body: open, tensors: [frame])
    }
}
