/// Settings that several services must share: one section, one default, one meaning.
enum FleetSettings {
    static let all = [chunkTokens, drainSeconds]
    /// Most tokens of a step: workers cut prompts by it, planner and scheduler estimate with it.
    static let chunkTokens = SettingKey(
        "fleet.chunk_tokens", "256", "most tokens of a step; the same for workers, scheduler and clusterer")
    /// How long a replica that goes has for its requests.
    static let drainSeconds = SettingKey(
        "fleet.drain_s", "30",
        "how long requests stay on a replica that a new plan does without; the same for scheduler and clusterer")
}

extension Settings {
    /// `fleet.chunk_tokens`.
    public func chunkTokens() throws(RuntimeError) -> Int { try int(FleetSettings.chunkTokens.name, in: 1...8192) }
    /// `fleet.drain_s`.
    public func drainSeconds() throws(RuntimeError) -> Double {
        try double(FleetSettings.drainSeconds.name, in: 0...3600)
    }
}
