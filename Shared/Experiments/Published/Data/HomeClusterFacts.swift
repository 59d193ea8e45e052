/// prima.cpp's home, and llama.cpp's RPC on a home network.
enum HomeClusterFacts {
    static let measurements: [PublishedMeasurement] = [
        // One device holds the model: the desktop's graphics card.
        home("llama.cpp", "prima-d3", 1, "qwen-2.5-7b-q4_k_m", 14),
        home("llama.cpp", "prima-d3", 1, "llama-3-8b-q4_k_m", 15),
        home("llama.cpp", "prima-d3", 1, "qwen-2.5-14b-q4_k_m", 23),
        // Every device computes one layer, the graphics card the others (the source names the division for Llama 3 8B).
        home("prima.cpp", "prima-home", 4, "qwen-2.5-7b-q4_k_m", 44),
        home("prima.cpp", "prima-home", 4, "llama-3-8b-q4_k_m", 54),
        home("prima.cpp", "prima-home", 4, "qwen-2.5-14b-q4_k_m", 65),
        rpc("rpc-none", "t1200", "llama.cpp", "", 63), rpc("rpc-loopback", "t1200", "llama.cpp RPC", "loopback", 60),
        rpc("rpc-remote", "gtx-1660", "llama.cpp RPC", "1 Gbit/s", 42),
    ]

    private static func home(_ software: String, _ device: String, _ nodes: Int, _ model: String, _ value: Double)
        -> PublishedMeasurement
    {
        PublishedMeasurement(
            set: "prima", source: "prima", device: device, software: software, model: model, nodes: nodes,
            network: nodes > 1 ? "Wi-Fi" : "", quantity: .token, value: value, contextTokens: 128)
    }

    private static func rpc(_ set: String, _ device: String, _ software: String, _ network: String, _ value: Double)
        -> PublishedMeasurement
    {
        PublishedMeasurement(
            set: set, source: "llama-rpc", device: device, software: software, model: "tinyllama-1.1b-f16",
            network: network, value: value, contextTokens: 32)
    }
}
