public import Scenarios

/// The requests of an experiment.
public enum LadderStream: Sendable, Hashable {
    /// Drawn with the lengths and arrivals of the conversation part of the Azure LLM inference trace 2023 (Azure Public
    /// Dataset, CC-BY 4.0; Patel et al., Splitwise, ISCA 2024).
    case conversation
    /// The same of its code part: short answers, arrivals in bursts.
    case code
    /// A recorded stream; the first requests with at most 2048 tokens are taken.
    case recorded(RequestStream)

    /// Its name.
    var name: String {
        switch self {
        case .conversation: "conversation"
        case .code: "code"
        case .recorded(let stream): stream.name
        }
    }

    /// So many requests at a mean rate of 1.
    func requests(_ count: Int, seed: UInt64) throws(ExperimentError) -> RequestStream {
        do throws(ScenarioError) {
            switch self {
            case .conversation: return try StreamGenerator.conversation(seed: seed).stream(count, name: name)
            case .code: return try StreamGenerator.code(seed: seed).stream(count, name: name)
            case .recorded(let stream):
                let taken = stream.limited(totalTokens: SuiteTraffic.longestRequestTokens).prefix(count)
                guard taken.requests.count > 1 else {
                    throw ScenarioError(.invalidField, "fewer than two requests have at most 2048 tokens")
                }
                return taken.atUnitRate()
            }
        } catch {
            throw ExperimentError(.invalidSettings, "stream \(name): \(error)")
        }
    }
}
