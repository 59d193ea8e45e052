/// The two forms of request streams, told apart by their first line.
enum WorkloadForm: CaseIterable, Sendable {
    /// Times in units of the mean time between arrivals.
    case native
    /// Timestamps, as the Azure LLM inference traces have them.
    case trace

    var fields: [String] {
        switch self {
        case .native: ["request_id", "t_unit", "prompt_tokens", "output_tokens"]
        case .trace: ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]
        }
    }

    var header: String { fields.joined(separator: ",") }
}
