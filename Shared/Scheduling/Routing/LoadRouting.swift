public import Domain

/// Choosing replicas by their loads alone, when a request arrives: what the schedulers of baselines do. The simulated
/// reference and the scheduler service share it.
///
/// The prompt goes where least is pending, decoding where least is assigned; a replica for both phases is taken where both
/// of its loads together are not more than those of the pair.
public struct LoadRouting: Sendable, Hashable {
    /// What counts as load.
    public enum Measure: Sendable, Hashable {
        /// Tokens: of prompts that are pending, of contexts that are assigned. Splitwise's rule.
        case tokens
        /// Seconds: of both backlogs, the decoder's with the transfer of the KV cache.
        case backlog
    }

    /// A replica with its loads; only those that the measure and the role ask for need to be set.
    public struct Load: Sendable, Hashable {
        /// What the replica does.
        public var role: ReplicaRole
        /// Tokens of KV cache that it can hold.
        public var capacityTokens: Int
        /// Tokens of prompts that are assigned and not computed.
        public var promptTokens = 0
        /// Seconds of the same.
        public var promptSeconds = 0.0
        /// Tokens in the contexts of the sequences that decode here or will.
        public var contextTokens = 0
        /// Seconds that what they have still to generate takes.
        public var decodeSeconds = 0.0

        /// Makes an idle replica.
        public init(role: ReplicaRole, capacityTokens: Int) {
            self.role = role
            self.capacityTokens = capacityTokens
        }
    }

    /// What counts as load.
    public var measure: Measure

    /// Makes a rule.
    public init(_ measure: Measure) { self.measure = measure }

    /// The replicas for a request, as places in `loads`; the same one twice where it does both. `nil` where no pair can hold
    /// it.
    ///
    /// - Parameter kvSeconds: what the KV cache of the prompt takes from one place to another.
    public func choose(
        prompt: Int, total: Int, _ loads: [Load], kvSeconds: (_ prefill: Int, _ decode: Int) -> Double
    ) -> (prefill: Int, decode: Int)? {
        func places(_ role: ReplicaRole, _ tokens: Int) -> [Int] {
            loads.indices.filter { loads[$0].role == role && loads[$0].capacityTokens >= tokens }
        }
        func least(_ places: [Int], _ score: (Int) -> Double) -> (place: Int, score: Double)? {
            places.map { ($0, score($0)) }.min { ($0.1, $0.0) < ($1.1, $1.0) }
        }
        func prefillLoad(_ place: Int) -> Double {
            measure == .tokens ? Double(loads[place].promptTokens) : loads[place].promptSeconds
        }
        func decodeLoad(_ place: Int) -> Double {
            measure == .tokens ? Double(loads[place].contextTokens) : loads[place].decodeSeconds
        }
        let prefill = least(places(.prefill, prompt), prefillLoad)
        let decode = prefill.flatMap { source in
            least(places(.decode, total)) {
                decodeLoad($0) + (measure == .backlog ? kvSeconds(source.place, $0) : 0)
            }
        }
        let both = least(places(.mixed, total)) { prefillLoad($0) + decodeLoad($0) }
        guard let prefill, let decode else { return both.map { ($0.place, $0.place) } }
        if let both, both.score <= prefill.score + decode.score { return (both.place, both.place) }
        return (prefill.place, decode.place)
    }
}
