/// The architectures of tiny models, by their GGUF names.
public enum TinyModelArchitecture: String, Sendable, CaseIterable {
    case llama, qwen2, qwen3, gemma3

    var hasAttentionBias: Bool { self == .qwen2 }
    var hasHeadNorms: Bool { self == .qwen3 || self == .gemma3 }
    var hasPostNorms: Bool { self == .gemma3 }
}

extension TinyModel {
    /// Positions that the layers with a sliding window see, in a tiny Gemma 3; every sixth layer has none.
    public static let slidingWindow = 40
}
