/// Splitwise's scheduler with a mixed pool (Patel et al., ISCA 2024, and the SplitwiseSim code), on groups instead of machines.
///
/// Pools: prompt, token and mixed, the last one empty at the start. A prompt goes to the prompt group with the fewest tokens,
/// unless that has work queued and would get more than `queueTokens`; then to a mixed one. A decoder is the token group with the
/// least memory in use that has room; then a mixed one. Where there is none, the least loaded group of the other pool becomes
/// mixed; where there is still none, one group does both. A mixed group goes home when it is completely idle.
struct MixedPools {
    /// The load of a group as the scheduler sees it.
    struct Load {
        /// Prompt tokens and sequences assigned.
        var tokens: Int
        /// Whether prompts wait.
        var hasQueue: Bool
        /// Tokens of KV cache reserved.
        var held: Int
        var capacity: Int
        var isIdle: Bool
    }

    /// Where a group is at home.
    enum Home { case prompt, token }

    private let homes: [Home]
    private let queueTokens: Int
    private var isMixed: [Bool]

    init(homes: [Home], queueTokens: Int) {
        self.homes = homes
        self.queueTokens = queueTokens
        isMixed = homes.map { _ in false }
    }

    /// The groups in the mixed pool.
    var mixed: [Int] { isMixed.indices.filter { isMixed[$0] } }

    /// The groups for a request of so many tokens; `nil` where none could ever hold it.
    mutating func choose(prompt: Int, output: Int, _ loads: [Load]) -> (prefill: Int, decode: Int)? {
        for index in loads.indices where isMixed[index] && loads[index].isIdle { isMixed[index] = false }
        let total = prompt + output
        guard loads.contains(where: { $0.capacity >= total }) else { return nil }
        func pool(_ home: Home) -> [Int] { homes.indices.filter { homes[$0] == home && !isMixed[$0] } }
        func accepts(_ index: Int) -> Bool {
            loads[index].capacity >= prompt
                && !(loads[index].hasQueue && loads[index].tokens + prompt > queueTokens)
        }
        func leastTokens(_ groups: [Int]) -> Int? { groups.min { (loads[$0].tokens, $0) < (loads[$1].tokens, $1) } }
        func leastMemory(_ groups: [Int]) -> Int? { groups.min { (loads[$0].held, $0) < (loads[$1].held, $1) } }
        func hasRoom(_ index: Int) -> Bool { loads[index].held + total < loads[index].capacity }
        var prefill = leastTokens(pool(.prompt)).flatMap { accepts($0) ? $0 : nil }
        prefill = prefill ?? leastTokens(mixed).flatMap { accepts($0) ? $0 : nil }
        var decode = leastMemory(pool(.token)).flatMap { hasRoom($0) ? $0 : nil }
        decode = decode ?? leastMemory(mixed).flatMap { hasRoom($0) ? $0 : nil }
        if prefill == nil, let moved = leastTokens(pool(.token).filter { loads[$0].capacity >= prompt }) {
            isMixed[moved] = true
            prefill = moved
        }
        if decode == nil, let moved = leastMemory(pool(.prompt).filter { loads[$0].capacity >= total }) {
            isMixed[moved] = true
            decode = moved
        }
        let able = loads.indices.filter { loads[$0].capacity >= total }
        guard let alone = decode.flatMap({ loads[$0].capacity >= total ? $0 : nil }) ?? leastTokens(able) else {
            return nil
        }
        return (prefill ?? alone, alone)
    }
}
