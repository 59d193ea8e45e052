/// Settings that several services must share: one section, one default, one meaning.
enum FleetSettings {
    static let all = [chunkTokens, drainSeconds, batching, largestBatch]
    /// Most tokens of a step: workers cut prompts by it, planner and scheduler estimate with it.
    static let chunkTokens = SettingKey(
        "fleet.chunk_tokens", "256", "most tokens of a step; the same for workers, scheduler and clusterer")
    /// How long a replica that goes has for its requests.
    static let drainSeconds = SettingKey(
        "fleet.drain_s", "30",
        "how long requests stay on a replica that a new plan does without; the same for scheduler and clusterer")
    /// How prompts are computed beside sequences that decode.
    static let batching = SettingKey(
        "fleet.batching", "chunks",
        "chunks: prompts in chunks beside decode steps; whole-prompts: one after the other, decoding waits")
    /// Most sequences that a replica decodes together.
    static let largestBatch = SettingKey(
        "fleet.largest_batch", "twice-planned",
        "most sequences that a replica decodes: twice-planned, planned or a number; the same for scheduler and workers")
}

extension Settings {
    /// `fleet.chunk_tokens`.
    public func chunkTokens() throws(RuntimeError) -> Int { try int(FleetSettings.chunkTokens.name, in: 1...8192) }
    /// `fleet.batching`.
    public func batching<Value: RawRepresentable & CaseIterable>(
        as type: Value.Type = Value.self
    ) throws(RuntimeError) -> Value where Value.RawValue == String {
        try choice(FleetSettings.batching.name, as: type)
    }
    /// `fleet.largest_batch`, as `read` understands it; `names` says what that may be.
    public func largestBatch<Value>(
        names: String, _ read: (String) -> Value?
    ) throws(RuntimeError) -> Value {
        let text = try string(FleetSettings.largestBatch.name)
        guard let value = read(text) else {
            throw RuntimeError(.badSetting, "\(FleetSettings.largestBatch.name) must be \(names), not \(text)")
        }
        return value
    }
    /// `fleet.drain_s`.
    public func drainSeconds() throws(RuntimeError) -> Double {
        try double(FleetSettings.drainSeconds.name, in: 0...3600)
    }
}
