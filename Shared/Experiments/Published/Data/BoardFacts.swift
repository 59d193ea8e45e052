/// Single boards, small computers and laptops that decode on their processors.
enum BoardFacts {
    static let measurements: [PublishedMeasurement] = [
        figure("pi-5-8-jan", "pi-5", "rpi-5-16", "llama-3.2-3b-q4_k_m", 4.88),
        figure("pi-5-8-jan", "pi-5", "rpi-5-16", "llama-3-8b-q4_k_m", 2.17),
        figure("pi-5-8-jan", "pi-5", "rpi-5-16", "llama-2-13b-q4_0", 1.36),
        figure("pi-5-6-jan", "pi-5", "rpi-5-16", "llama-3.2-3b-q4_k_m", 4.59),
        figure("pi-5-6-jan", "pi-5", "rpi-5-16", "llama-3-8b-q4_k_m", 1.87),
        figure("pi-5-6-jan", "pi-5", "rpi-5-16", "llama-2-13b-q4_0", 1.20),
        figure("pi-5-untweaked", "pi-5", "rpi-5-16", "llama-3.2-3b-q4_k_m", 4.51),
        figure("pi-5-untweaked", "pi-5", "rpi-5-16", "llama-3-8b-q4_k_m", 2.05),
        figure("pi-5-untweaked", "pi-5", "rpi-5-16", "llama-2-13b-q4_0", 1.35),
        figure("n150", "n150", "n150", "qwen-2.5-1.5b-untied-q4_k_m", 17.02),
        figure("n150", "n150", "n150", "llama-3-8b-q4_k_m", 3.55),
        figure("orion-o6", "orion-o6", "orion-o6", "llama-3.2-3b-q4_k_m", 16.49),
        figure("orion-o6", "orion-o6", "orion-o6", "llama-3-8b-q4_k_m", 7.60),
        figure("orion-o6", "orion-o6", "orion-o6", "llama-2-13b-q4_0", 4.17),
        figure("framework-13", "framework-13", "framework-13", "llama-3.2-3b-q4_k_m", 23.81),
        figure("framework-13", "framework-13", "framework-13", "llama-3-8b-q4_k_m", 10.46),
        figure("framework-13", "framework-13", "framework-13", "qwen-2.5-14b-q4_k_m", 5.83),
        figure("ms-r1", "ai-benchmarks", "ms-r1", "llama-3.2-3b-q4_k_m", 12.12),
        figure("ms-r1", "ai-benchmarks", "ms-r1", "qwen-2.5-14b-q4_k_m", 3.39),
        figure("ms-r1", "ai-benchmarks", "ms-r1", "llama-3-70b-q4_k_m", 0.77),
    ]

    private static func figure(_ set: String, _ source: String, _ device: String, _ model: String, _ value: Double)
        -> PublishedMeasurement
    {
        PublishedMeasurement(
            set: set, source: source, device: device, software: "Ollama (llama.cpp)", model: model, value: value,
            contextTokens: 128)
    }
}
