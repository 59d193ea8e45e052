/// How the prompts of a replica are computed beside the sequences that decode there.
public enum Batching: String, Sendable, Hashable, CaseIterable {
    /// Prompts in chunks, several of them in a step and together with decode rows (as in Sarathi-Serve and vLLM).
    case chunks
    /// One prompt after the other in the order of their arrival, before any decode step; the sequences that decode wait
    /// meanwhile (as in Splitwise). A prompt longer than a step's token budget takes several steps.
    case wholePrompts = "whole-prompts"
}

/// Most sequences that a replica decodes together.
public enum DecodeLimit: Sendable, Hashable {
    /// Twice as many as planned: bursts may go beyond the plan.
    case twicePlanned
    /// As many as planned.
    case planned
    /// So many, whatever the plan.
    case fixed(Int)

    /// What is read: `twice-planned`, `planned`, or a number.
    public static let names = "twice-planned, planned, or a number from 1 to 4096"

    /// Reads a limit; `nil` for what is none.
    public init?(_ text: String) {
        switch text {
        case "twice-planned": self = .twicePlanned
        case "planned": self = .planned
        default:
            guard let number = Int(text), (1...4096).contains(number) else { return nil }
            self = .fixed(number)
        }
    }

    /// The text that is read as this limit.
    public var text: String {
        switch self {
        case .twicePlanned: "twice-planned"
        case .planned: "planned"
        case .fixed(let number): "\(number)"
        }
    }

    /// Most sequences of a replica that is planned for a number of them.
    public func sequences(planned: Int) -> Int {
        switch self {
        case .twicePlanned: max(1, 2 * planned)
        case .planned: max(1, planned)
        case .fixed(let number): max(1, number)
        }
    }
}

/// Limits on one step.
public struct BatchPolicy: Sendable, Hashable {
    /// Most rows of one step, prompt and decode rows together (the token budget).
    public var maxBatchedTokens: Int
    /// Most sequences that decode together.
    public var maxSequences: Int
    /// How prompts are computed beside them.
    public var batching: Batching
    /// Shorter prompts that may be computed before one that came first; whole prompts keep their order.
    public var mostOvertakers = 8

    /// Makes limits.
    public init(maxBatchedTokens: Int = 256, maxSequences: Int = 16, batching: Batching = .chunks) {
        self.maxBatchedTokens = max(1, maxBatchedTokens)
        self.maxSequences = max(1, maxSequences)
        self.batching = batching
    }
}
