public import Domain

/// Drives the sequences of one replica from its first stage: chunked prefill under a token budget, continuous batching
/// of decode rows, several steps in flight so that no stage idles.
///
/// Pure: inputs are methods, effects are the returned instructions, and `nextStep` is asked whenever the first stage's
/// compute is free. States of a sequence:
///
/// ```
/// prefills here:   queued -> prefilling -> (running | finished)
/// KV transfer:     receiving (first token and KV of every stage) -> running -> (finished | left for another replica)
/// ```
///
/// A cancelled sequence is closed at once: later stages see the close after the steps that are under way, and what those
/// steps sample for it is dropped.
public struct StageDriver: Sendable {
    private enum State: Sendable {
        case queued
        case prefilling(next: Int)
        case prefilled
        case receiving(stagesMissing: Set<Int>, token: Int32?)
        case running(position: Int, token: Int32, started: Bool)
    }

    private struct Sequence: Sendable {
        var plan: SequencePlan
        var state: State
        var decodeInFlight = false
        /// It goes on in another replica as soon as no step of it is under way.
        var isLeaving = false
        /// Tokens that were sampled since it was opened.
        var output: [Int32] = []
        /// Shorter prompts that came later and are computed before.
        var overtaken = 0
        /// Tokens that its KV cache may have.
        var reservedTokens = 0
        /// The how-manieth sequence that was opened; the last one yields first.
        var number = 0
        /// From what its next tokens are guessed; made when it decodes.
        var drafter: NGramDrafter?
        var acceptance = Acceptance()
        /// Tokens guessed in the step that is under way.
        var guessed = 0
    }

    /// Limits on one step.
    public private(set) var policy: BatchPolicy
    /// Stages of the replica.
    public let stageCount: Int
    /// Steps into which sequences that decode are divided, so that every stage has one.
    public private(set) var microBatches: Int
    /// Most prompt rows of a step while sequences decode, so that their next tokens do not wait long.
    public private(set) var mixedChunkTokens = Int.max
    private var sequences: [RequestID: Sequence] = [:]
    private var prefillQueue: [RequestID] = []
    private var decodeQueue: [RequestID] = []
    private var inFlight: [UInt64: [RequestID]] = [:]
    private var windows = GuessWindows()
    /// When the only step that is under way was started, and with how many rows; `nil` where others were under way, too.
    private var alone: (step: UInt64, rows: Int, since: Double)?
    /// Those of them with decode rows.
    private var decodeSteps: Set<UInt64> = []
    private var lastStep: UInt64 = 0
    private var opened = 0
    private var early = EarlyArrivals()

    /// Makes a driver for a replica of `stageCount` stages, with as many micro-batches.
    public init(policy: BatchPolicy, stageCount: Int) {
        self.policy = policy
        self.stageCount = max(1, stageCount)
        microBatches = self.stageCount
    }

    /// Makes a driver for a replica of a plan.
    public init(policy: BatchPolicy, replica: PlanReplica) {
        self.init(policy: policy, stageCount: replica.stages.count)
        adopt(policy, replica)
    }

    /// Goes on under another plan that has the same stages.
    public mutating func adopt(_ policy: BatchPolicy, _ replica: PlanReplica) {
        self.policy = policy
        mixedChunkTokens = max(1, replica.mixedChunkTokens ?? .max)
        microBatches = min(stageCount, max(1, replica.microBatches ?? stageCount))
    }

    /// Sequences that hold KV cache or wait here.
    public var requests: [RequestID] { sequences.keys.sorted() }
    /// Sequences that decode.
    public var runningCount: Int { decodeQueue.count }
    /// Sequences that wait for prefill or for their KV cache.
    public var waitingCount: Int { sequences.count - decodeQueue.count }
    /// Steps that have not left the last stage.
    public var stepsInFlight: Int { inFlight.count }
    /// Whether the driver knows a request.
    public func contains(_ request: RequestID) -> Bool { sequences[request] != nil }

    /// Prompts that come next and of which nothing has been computed, in their order, at most so many.
    func nextPrompts(_ most: Int) -> [RequestID] {
        Array(prefillQueue.lazy.filter { if case .queued = sequences[$0]?.state { true } else { false } }.prefix(most))
    }

    /// So many tokens of a prompt of which nothing has been computed are in the KV cache after all, less than all.
    mutating func foundCached(_ request: RequestID, tokens: Int) {
        guard let sequence = sequences[request], case .queued = sequence.state else { return }
        sequences[request]?.plan.cachedTokens = min(tokens, sequence.plan.tokenCount - 1)
    }

    /// A sequence was opened on this stage. Opening it twice changes nothing.
    public mutating func open(_ plan: SequencePlan) -> [DriverInstruction] {
        guard sequences[plan.request] == nil else { return [] }
        opened += 1
        var sequence = Sequence(plan: plan, state: .queued, number: opened)
        sequence.reservedTokens = plan.growsFrom ?? .max
        if plan.prefillsHere {
            sequences[plan.request] = sequence
            enqueue(plan)
        } else {
            sequence.state = .receiving(stagesMissing: Set(0..<stageCount), token: nil)
            sequences[plan.request] = sequence
            guard let arrived = early.take(plan.request) else { return [] }
            var instructions = arrived.stages.sorted().flatMap { kvComplete(plan.request, stage: $0) }
            if let first = arrived.token {
                instructions += firstToken(plan.request, token: first.token, finishReason: first.finishReason)
            }
            return instructions
        }
        return []
    }

    /// Stage `stage` holds the KV cache of all its layers for the request.
    public mutating func kvComplete(_ request: RequestID, stage: Int) -> [DriverInstruction] {
        guard var sequence = sequences[request] else {
            early.note(request) { $0.stages.insert(stage) }
            return []
        }
        guard case .receiving(var missing, let token) = sequence.state, missing.remove(stage) != nil else { return [] }
        sequence.state = .receiving(stagesMissing: missing, token: token)
        sequences[request] = sequence
        return (missing.isEmpty ? [.kvComplete(request)] : []) + admitIfComplete(request)
    }

    /// The prefill replica sampled the first token of a sequence whose KV cache comes here.
    public mutating func firstToken(
        _ request: RequestID, token: Int32, finishReason: FinishReason?
    ) -> [DriverInstruction] {
        guard var sequence = sequences[request] else {
            early.note(request) {
                $0.token = StepResult(request: request, token: token, finishReason: finishReason)
            }
            return []
        }
        guard case .receiving(let missing, nil) = sequence.state else { return [] }
        if let finishReason { return end(request, finishReason) }
        sequence.state = .receiving(stagesMissing: missing, token: token)
        sequences[request] = sequence
        return admitIfComplete(request)
    }

    /// Ends a sequence early.
    public mutating func cancel(_ request: RequestID, reason: FinishReason = .abort) -> [DriverInstruction] {
        sequences[request] == nil ? [] : end(request, reason)
    }

    /// Lets a sequence that decodes go on in another replica: it is in no further step, and said to have left when none of its
    /// steps is under way. Returns `nil` where it does not decode here.
    public mutating func leave(_ request: RequestID) -> [DriverInstruction]? {
        guard var sequence = sequences[request], case .running = sequence.state else { return nil }
        decodeQueue.removeAll { $0 == request }
        sequence.isLeaving = true
        sequences[request] = sequence
        return sequence.decodeInFlight ? [] : depart(request, sequence)
    }

    /// A step has left the last stage with these sampled tokens.
    ///
    /// - Parameter now: seconds of a clock that only grows.
    public mutating func stepDone(_ number: UInt64, results: [StepResult], at now: Double = 0) -> [DriverInstruction] {
        noteTime(of: number, at: now)
        guard inFlight.removeValue(forKey: number) != nil else { return [] }
        decodeSteps.remove(number)
        // Steps travel one behind the other: what has been overtaken was lost.
        var instructions = loseSteps(before: number)
        for (index, result) in results.enumerated() {
            guard var sequence = sequences[result.request] else { continue }
            let isLast = index + 1 == results.count || results[index + 1].request != result.request
            switch sequence.state {
            case .prefilled:
                instructions.append(.prefillFinished(result.request))
                if let reason = result.finishReason {
                    instructions += end(result.request, reason)
                } else if sequence.plan.decodesHere {
                    sequence.output = [result.token]
                    sequence.state = .running(position: sequence.plan.tokenCount, token: result.token, started: false)
                    sequences[result.request] = sequence
                    decodeQueue.append(result.request)
                } else {
                    // The decoder replica goes on; what is left here is only memory.
                    sequences[result.request] = nil
                    instructions.append(.close(result.request))
                }
            case .running(let position, _, let started):
                sequence.decodeInFlight = false
                if let reason = result.finishReason {
                    instructions += end(result.request, reason)
                } else {
                    sequence.output.append(result.token)
                    sequence.drafter?.append(result.token)
                    sequence.state = .running(position: position + 1, token: result.token, started: started)
                    if isLast, sequence.guessed > 0 {
                        let first = results[...index].lastIndex { $0.request != result.request } ?? -1
                        sequence.acceptance.note(guessed: sequence.guessed, accepted: index - first - 1)
                        sequence.guessed = 0
                    }
                    sequences[result.request] = sequence
                    if isLast, sequence.isLeaving { instructions += depart(result.request, sequence) }
                }
            case .queued, .prefilling, .receiving:
                continue
            }
        }
        return instructions
    }

    /// Gives up the steps before one that will not come back, or all: their sequences lack what the later stages should have
    /// computed.
    public mutating func loseSteps(before number: UInt64 = .max) -> [DriverInstruction] {
        let lost = inFlight.keys.filter { $0 < number }.sorted()
        var instructions: [DriverInstruction] = []
        for step in lost {
            decodeSteps.remove(step)
            for request in inFlight.removeValue(forKey: step) ?? [] where sequences[request] != nil {
                instructions.append(.lost(request))
            }
        }
        return instructions
    }

    /// The next step to compute, or `nil` where there is nothing to do or enough steps are under way. Of several stages at most
    /// one more step than stages is under way, of one stage one step, so that every stage can work while one step travels. Prompts of `heldBack` wait: what
    /// they give could not leave at the moment.
    public mutating func nextStep(
        holdingBack heldBack: Set<RequestID> = [], at now: Double = 0
    ) -> (step: Step, instructions: [DriverInstruction])? {
        guard mayStart else { return nil }
        var instructions: [DriverInstruction] = []
        let parts = nextParts(heldBack, &instructions)
        guard !parts.isEmpty else { return nil }
        lastStep += 1
        inFlight[lastStep] = parts.map(\.request)
        alone = nil
        if inFlight.count == 1, parts.allSatisfy({ $0.inputToken != nil }) {
            alone = (lastStep, parts.reduce(0) { $0 + $1.count }, now)
        }
        if parts.contains(where: { $0.inputToken != nil }) { decodeSteps.insert(lastStep) }
        return (Step(number: lastStep, parts: parts), instructions)
    }

    private mutating func nextParts(
        _ heldBack: Set<RequestID>, _ instructions: inout [DriverInstruction]
    ) -> [StepPart] {
        if policy.batching == .wholePrompts {
            let prompt = promptParts(budget: policy.maxBatchedTokens, most: 1, heldBack, &instructions)
            if !prompt.isEmpty { return prompt }
        }
        var parts = decodeParts(&instructions)
        if prefillQueue.isEmpty { guess(&parts) }
        guard policy.batching == .chunks else { return parts }
        let budget = min(
            policy.maxBatchedTokens - parts.reduce(0) { $0 + $1.count }, decodeQueue.isEmpty ? .max : mixedChunk)
        return parts + promptParts(budget: budget, most: .max, heldBack, &instructions)
    }

    /// Most prompt rows of a step in which sequences decode: more where prompts queue, since longer chunks waste less, and
    /// then that counts for more than the delay of the sequences.
    private var mixedChunk: Int {
        let prompts = max(1, min(prefillQueue.count, Self.mostChunks))
        return mixedChunkTokens > .max / prompts ? .max : mixedChunkTokens * prompts
    }

    private static let mostChunks = 4

    /// How many sequences decode together, and how many of them in one step.
    private var microBatch: (concurrent: Int, limit: Int) {
        let concurrent = min(decodeQueue.count, policy.maxSequences)
        return (concurrent, max(1, min((concurrent + microBatches - 1) / microBatches, policy.maxBatchedTokens)))
    }

    /// Takes KV cache for the sequences that are in the next step and have filled what they have; where nothing is left, the
    /// sequences that were opened last yield. To be asked before every `nextStep` of a replica whose sequences may grow.
    public mutating func makeRoom(_ room: KVRoom) -> [DriverInstruction] {
        guard mayStart else { return [] }
        var free = room.freeBlocks
        var instructions: [DriverInstruction] = []
        while let (request, blocks) = nextToGrow(room) {
            if blocks > free {
                guard let (victim, sequence) = youngest else { break }
                free += room.blocks(sequence.reservedTokens)
                instructions.append(.preempted(victim))
                instructions += end(victim, .error)
            } else {
                free -= blocks
                let tokens = (room.blocks(sequences[request]?.reservedTokens ?? 0) + blocks) * room.blockTokens
                sequences[request]?.reservedTokens = tokens
                instructions.append(.grow(request, tokens: tokens))
            }
        }
        return instructions
    }

    /// The sequence that was opened last, of those that may be asked to yield.
    private var youngest: (key: RequestID, value: Sequence)? {
        sequences.filter { $0.value.plan.growsFrom != nil && !$0.value.isLeaving }
            .max { $0.value.number < $1.value.number }
    }

    /// Whether one more step may be under way.
    private var mayStart: Bool { inFlight.count < (stageCount == 1 ? 1 : stageCount + 1) }

    /// The first sequence of the next step that has no place for its next token, and the blocks that it lacks.
    private func nextToGrow(_ room: KVRoom) -> (request: RequestID, blocks: Int)? {
        let (concurrent, limit) = microBatch
        guard decodeSteps.count < (concurrent + limit - 1) / limit else { return nil }
        var rows = 0
        for request in decodeQueue.prefix(concurrent) {
            guard rows < limit else { break }
            guard let sequence = sequences[request], !sequence.decodeInFlight,
                case .running(let position, _, _) = sequence.state
            else { continue }
            rows += 1
            guard sequence.plan.growsFrom != nil else { continue }
            let missing = room.blocks(position + 1) - room.blocks(sequence.reservedTokens)
            if missing > 0 { return (request, missing) }
        }
        return nil
    }

    /// Decode rows of sequences that are in no step, at most one micro-batch of as many as planned. Those beyond `maxSequences` wait until one of the others ends, so that sequences that
    /// run keep their speed.
    private mutating func decodeParts(_ instructions: inout [DriverInstruction]) -> [StepPart] {
        let (concurrent, limit) = microBatch
        // Sequences that join wait for others that are on their way, or they would travel in small steps of their own for ever.
        guard decodeSteps.count < (concurrent + limit - 1) / limit else { return [] }
        var parts: [StepPart] = []
        var rest: [RequestID] = []
        let waiting = decodeQueue.dropFirst(concurrent)
        for request in decodeQueue.prefix(concurrent) {
            guard parts.count < limit, var sequence = sequences[request], !sequence.decodeInFlight,
                case .running(let position, let token, let started) = sequence.state
            else {
                rest.append(request)
                continue
            }
            parts.append(StepPart(request: request, start: position, count: 1, sample: true, inputToken: token))
            if !started { instructions.append(.decodeStarted(request)) }
            sequence.decodeInFlight = true
            sequence.state = .running(position: position, token: token, started: true)
            sequences[request] = sequence
        }
        // Those that were served go behind the others that run, so that micro-batches take turns.
        decodeQueue = rest + parts.map(\.request) + waiting
        return parts
    }

    /// Adds guesses to decode rows, as many as pay, within the KV cache that the sequences have.
    private mutating func guess(_ parts: inout [StepPart]) {
        let rows = parts.count
        guard rows < GuessWindows.mostRows else { return }
        var drafts: [(index: Int, tokens: [Int32])] = []
        for (index, part) in parts.enumerated() {
            guard var sequence = sequences[part.request], let tokens = sequence.plan.guessesFrom else { continue }
            if sequence.drafter == nil {
                sequence.drafter = NGramDrafter(tokens)
                for token in sequence.output { sequence.drafter?.append(token) }
                sequences[part.request] = sequence
            }
            let room = sequence.reservedTokens == .max ? sequence.plan.mostTokens : sequence.reservedTokens
            let limit = min(GuessWindows.longest, room - part.start - 1)
            let draft = sequence.drafter?.draft(limit) ?? []
            if !draft.isEmpty { drafts.append((index, draft)) }
        }
        guard !drafts.isEmpty else { return }
        let candidates = drafts.map { draft in
            GuessWindows.Candidate(
                probability: sequences[parts[draft.index].request]?.acceptance.probability ?? 0,
                limit: draft.tokens.count)
        }
        for (draft, size) in zip(drafts, windows.sizes(candidates, rows: rows)) {
            let request = parts[draft.index].request
            guard size > 0 else {
                sequences[request]?.acceptance.skip()
                continue
            }
            parts[draft.index].guesses = Array(draft.tokens.prefix(size))
            parts[draft.index].count = 1 + size
            sequences[request]?.guessed = size
        }
    }

    /// A step that was alone under way tells what a step costs.
    private mutating func noteTime(of step: UInt64, at now: Double) {
        guard let timed = alone, timed.step == step else { return }
        alone = nil
        windows.cost.note(rows: timed.rows, seconds: now - timed.since)
    }

    /// Shorter prompts go before longer ones that nobody has begun, which makes the mean wait shorter; no prompt is overtaken
    /// more than a number of times.
    private mutating func enqueue(_ plan: SequencePlan) {
        var index = prefillQueue.count
        let mostOvertakers = policy.batching == .wholePrompts ? 0 : policy.mostOvertakers
        while index > 0, let before = sequences[prefillQueue[index - 1]], case .queued = before.state,
            before.plan.missingTokens > plan.missingTokens, before.overtaken < mostOvertakers
        {
            sequences[prefillQueue[index - 1]]?.overtaken += 1
            index -= 1
        }
        prefillQueue.insert(plan.request, at: index)
    }

    private mutating func promptParts(
        budget: Int, most: Int, _ heldBack: Set<RequestID>, _ instructions: inout [DriverInstruction]
    ) -> [StepPart] {
        var budget = budget
        var parts: [StepPart] = []
        var index = 0
        while budget > 0, parts.count < most, index < prefillQueue.count {
            let request = prefillQueue[index]
            guard !heldBack.contains(request), var sequence = sequences[request] else {
                index += 1
                continue
            }
            var next = sequence.plan.cachedTokens
            if case .prefilling(let position) = sequence.state {
                next = position
            } else {
                instructions.append(.prefillStarted(request))
            }
            let count = min(budget, sequence.plan.tokenCount - next)
            let ends = next + count == sequence.plan.tokenCount
            parts.append(StepPart(request: request, start: next, count: count, sample: ends))
            budget -= count
            sequence.state = ends ? .prefilled : .prefilling(next: next + count)
            sequences[request] = sequence
            if ends { prefillQueue.remove(at: index) } else { index += 1 }
        }
        return parts
    }

    private mutating func admitIfComplete(_ request: RequestID) -> [DriverInstruction] {
        guard var sequence = sequences[request], case .receiving(let missing, let token?) = sequence.state,
            missing.isEmpty
        else { return [] }
        sequence.state = .running(position: sequence.plan.tokenCount, token: token, started: false)
        sequence.output = [token]
        sequences[request] = sequence
        decodeQueue.append(request)
        return []
    }

    private mutating func depart(_ request: RequestID, _ sequence: Sequence) -> [DriverInstruction] {
        sequences[request] = nil
        return [.left(request, output: sequence.output)]
    }

    private mutating func end(_ request: RequestID, _ reason: FinishReason) -> [DriverInstruction] {
        sequences[request] = nil
        prefillQueue.removeAll { $0 == request }
        decodeQueue.removeAll { $0 == request }
        return [.close(request), .finished(request, reason)]
    }
}

/// What came for sequences that are not open yet: messages of other stages travel on other connections than the one that
/// opens the sequence. The oldest are forgotten beyond a bound, since messages may also come after a sequence ended.
private struct EarlyArrivals: Sendable {
    struct Arrived: Sendable {
        var stages: Set<Int> = []
        var token: StepResult?
    }

    private static let bound = 1024
    private var arrived: [RequestID: Arrived] = [:]
    private var order: [RequestID] = []

    mutating func note(_ request: RequestID, _ change: (inout Arrived) -> Void) {
        if arrived[request] == nil {
            order.append(request)
            if order.count > Self.bound { arrived[order.removeFirst()] = nil }
        }
        change(&arrived[request, default: Arrived()])
    }

    mutating func take(_ request: RequestID) -> Arrived? {
        guard let found = arrived.removeValue(forKey: request) else { return nil }
        order.removeAll { $0 == request }
        return found
    }
}
