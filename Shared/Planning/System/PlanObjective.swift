/// What a plan is chosen by.
public enum PlanObjective: Sendable, Hashable {
    /// Waiting and time per request at the given rate, without giving up more than the tolerance of the sustained rate.
    case waiting
    /// The sustained rate.
    case throughput
    /// The 99th percentile of the time to the first token at the given rate.
    case firstToken
    /// Requests per second whose time to the first token and time per output token stay within limits (seconds).
    case goodput(firstTokenSeconds: Double, tokenSeconds: Double)
    /// Energy per output token at the given rate.
    case energy
}
