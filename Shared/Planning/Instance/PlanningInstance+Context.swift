public import CostModel
internal import Domain

extension PlanningInstance {
    /// An instance with room for the longest request; where the fleet lacks that room and the limits allow it, with less,
    /// down to a mean request, and a note for people.
    ///
    /// - Throws: as `init`.
    public static func fitting(
        cost: FleetCost, demand: PlanningDemand, limits: PlanningLimits
    ) throws(PlanningError) -> (instance: PlanningInstance, relaxation: String?) {
        do {
            return (try PlanningInstance(cost: cost, demand: demand, limits: limits), nil)
        } catch {
            guard limits.mayReduceContext, error.code == .modelDoesNotFit else { throw error }
        }
        let asked = limits.longestRequestTokens > 0 ? limits.longestRequestTokens : demand.longestRequestTokens
        let wanted = cost.model.maxContext > 0 ? min(asked, cost.model.maxContext) : asked
        let least = max(1, Int((demand.promptTokens + demand.outputTokens).rounded(.up)))
        var (limits, tokens) = (limits, wanted)
        while true {
            tokens = max(min(least, wanted), tokens / 2)
            limits.longestRequestTokens = tokens
            do {
                return (
                    try PlanningInstance(cost: cost, demand: demand, limits: limits),
                    "room for requests of \(wanted) tokens in every replica does not fit: reduced to \(tokens)"
                )
            } catch {
                guard error.code == .modelDoesNotFit, tokens > min(least, wanted) else { throw error }
            }
        }
    }
}
