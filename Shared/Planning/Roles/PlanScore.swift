/// How good a plan is. Smaller is better; plans are compared in this order:
///
/// 1. plans that serve the phases on different replicas before plans that mix them (the paper's mode only; with
///    `allowMixed`, mixing instead costs a margin on 3 and 4);
/// 2. plans whose decoder replicas all reach the minimum decode speed;
/// 3. less accumulated excess of the phases' processing times over the arrival interval (in thousandths of it, so that
///    rounding does not decide);
/// 4. less estimated time of a request, waiting included: under low load the fastest plan wins;
/// 5. a higher rate that the system sustains;
/// 6. fewer stages, then the names of the devices, so that the result does not depend on the order of evaluation.
struct PlanScore: Sendable, Comparable {
    /// 0 where the phases have replicas of their own or mixing is allowed.
    var mixes: Int
    /// 0 where every decoder replica reaches the minimum decode speed.
    var tooSlow: Int
    /// Excess in thousandths of the arrival interval.
    var excessSteps: Double
    /// Mean seconds from arrival to the last token.
    var requestSeconds: Double
    /// Requests per second that the system sustains.
    var requestsPerSecond: Double
    /// Stages of all replicas.
    var stages: Int
    /// Accumulated excess in seconds.
    var excessSeconds: Double
    /// Settles what is equal otherwise.
    var name: String = ""

    static func < (left: PlanScore, right: PlanScore) -> Bool {
        if left.mixes != right.mixes { return left.mixes < right.mixes }
        if left.tooSlow != right.tooSlow { return left.tooSlow < right.tooSlow }
        if left.excessSteps != right.excessSteps { return left.excessSteps < right.excessSteps }
        if left.requestSeconds != right.requestSeconds { return left.requestSeconds < right.requestSeconds }
        if left.requestsPerSecond != right.requestsPerSecond { return left.requestsPerSecond > right.requestsPerSecond }
        return (left.stages, left.name) < (right.stages, right.name)
    }
}
