/// How plans are searched.
public struct PlanningOptions: Sendable, Hashable {
    /// Whether a plan may mix both phases on a replica although the fleet can be split. `false` is the paper's mode: mixed
    /// replicas only where no two replicas can be formed.
    public var allowMixed = false
    /// With `allowMixed`: by which share a plan with mixed replicas must be better than the best split plan.
    public var mixedMargin = 0.1
    /// Whether every prefill replica must process prompts at least as fast as every decoder replica could: the rule of the
    /// paper's adapted Splitwise (prompts belong on the fastest machines).
    public var prefillIsFastest = false
    /// Largest decode concurrency of a replica.
    public var largestDecodeConcurrency = 16
    /// Least tokens per second of every decoding request.
    public var minimumTokensPerSecond = 15.0
    /// Tokens of KV cache that every replica has room for at least (a request that is longer than that cannot be served);
    /// 0 takes the model's context, at most 2048. Reduced, and reported, where the fleet would not hold the model.
    public var reservedContextTokens = 0
    /// Decode batches for which layer ranges are computed; the best of them is kept for every group.
    public var decodeBatches = [1, 4, 16]
    /// Chunks in which prompts are processed and their KV streams away; `nil` plans for whole prompts.
    public var chunkTokens: Int? = 256
    /// Whether the stages of a group must follow the order of the chromosome, as in the paper, instead of the best order.
    public var orderedGroups = false
    /// Individuals of a generation.
    public var population = 80
    /// Most generations.
    public var generations = 60
    /// Generations without a better plan after which the search ends.
    public var patience = 20
    /// Share of a generation that is carried over and crossed with it.
    public var eliteShare = 0.2
    /// Share of a generation that is mutated.
    public var mutationShare = 0.3

    /// Makes the defaults.
    public init() {}
}
