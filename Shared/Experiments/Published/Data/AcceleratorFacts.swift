/// Graphics cards and Apple's processors, one or several in a machine, with llama.cpp.
enum AcceleratorFacts {
    static let measurements: [PublishedMeasurement] = old + recent + sorted + cards

    // Means of three runs, December 2023; 512 generated tokens.
    private static let old: [PublishedMeasurement] = [
        figure("gpu-2023", "rtx-4080", "llama-2-7b-q4_0", 118.05),
        figure("gpu-2023", "rtx-4080", "llama-2-7b-f16", 44.22),
        figure("gpu-2023", "rtx-4080", "llama-2-13b-q4_0", 67.92),
        figure("gpu-2023", "rtx-4000-ada", "llama-2-7b-q4_0", 64.7),
        figure("gpu-2023", "rtx-4000-ada", "llama-2-7b-f16", 22.97),
        figure("gpu-2023", "rtx-4000-ada", "llama-2-13b-q4_0", 36.42),
        figure("gpu-2023", "rtx-4000-ada", "llama-1-30b-q4_0", 15.54),
        figure("gpu-2023", "rtx-3090", "llama-2-7b-q4_0", 121.17),
        figure("gpu-2023", "rtx-3090", "llama-2-7b-f16", 51.81),
        figure("gpu-2023", "rtx-3090", "llama-2-13b-q4_0", 75.01),
        figure("gpu-2023", "rtx-3090", "llama-1-30b-q4_0", 33.68),
        figure("gpu-2023", "rtx-4090", "llama-2-7b-q4_0", 149.41),
        figure("gpu-2023", "rtx-4090", "llama-2-7b-f16", 60.92),
        figure("gpu-2023", "rtx-4090", "llama-2-13b-q4_0", 88.88),
        figure("gpu-2023", "rtx-4090", "llama-1-30b-q4_0", 40.09),
        figure("gpu-2023", "m1-max-24", "llama-2-7b-q4_0", 48.65),
        figure("gpu-2023", "m1-max-24", "llama-2-7b-f16", 13.83),
    ]

    // May 2024; 512 generated tokens.
    private static let recent: [PublishedMeasurement] = [
        figure("gpu-2024", "m1-max-32", "llama-3-8b-q4_k_m", 35.73),
        figure("gpu-2024", "m1-max-32", "llama-3-8b-f16", 18.75),
        figure("gpu-2024", "m1-max-32", "llama-3-70b-q4_k_m", 4.34),
        figure("gpu-2024", "m2-ultra", "llama-3-8b-q4_k_m", 78.81),
        figure("gpu-2024", "m2-ultra", "llama-3-8b-f16", 36.90),
        figure("gpu-2024", "m2-ultra", "llama-3-70b-q4_k_m", 12.48),
        figure("gpu-2024", "m3-max", "llama-3-8b-q4_k_m", 48.97), figure("gpu-2024", "m3-max", "llama-3-8b-f16", 22.04),
        figure("gpu-2024", "m3-max", "llama-3-70b-q4_k_m", 7.65),
        figure("gpu-2024", "rtx-3090", "llama-3-8b-q4_k_m", 115.42),
        figure("gpu-2024", "rtx-3090", "llama-3-8b-f16", 47.40),
        figure("gpu-2024", "rtx-4090", "llama-3-8b-q4_k_m", 130.58),
        figure("gpu-2024", "rtx-4090", "llama-3-8b-f16", 54.84),
    ]

    // Ollama or llama.cpp, 128 generated tokens.
    private static let sorted: [PublishedMeasurement] = [
        ("m1-ultra", "llama-3.2-3b-q4_k_m", 127.6), ("m1-ultra", "qwen-2.5-14b-q4_k_m", 41.51),
        ("m1-ultra", "llama-3-70b-q4_k_m", 9.84), ("gb10", "llama-3.2-3b-q4_k_m", 97.93),
        ("gb10", "qwen-2.5-14b-q4_k_m", 23.92), ("gb10", "llama-3-70b-q4_k_m", 4.71),
        ("rtx-2080-ti", "llama-3.2-3b-q4_k_m", 180.38), ("rtx-2080-ti", "qwen-2.5-14b-q4_k_m", 45.06),
        ("rtx-3060", "llama-3.2-3b-q4_k_m", 122.85), ("rtx-3060", "qwen-2.5-14b-q4_k_m", 29.77),
        ("rtx-4090", "llama-3.2-3b-q4_k_m", 334.67), ("rtx-4090", "qwen-2.5-14b-q4_k_m", 92.49),
    ].map { (row: (device: String, model: String, value: Double)) in
        PublishedMeasurement(
            set: "ai-benchmarks", source: "ai-benchmarks", device: row.device, software: "llama.cpp or Ollama",
            model: row.model, value: row.value, contextTokens: 64)
    }

    // Several cards of one machine, each with a contiguous part of the layers.
    private static let cards: [PublishedMeasurement] = [
        ("rtx-3090", 2, "llama-3-8b-q4_k_m", 111.67), ("rtx-3090", 2, "llama-3-8b-f16", 47.72),
        ("rtx-3090", 2, "llama-3-70b-q4_k_m", 16.57), ("rtx-3090", 4, "llama-3-8b-q4_k_m", 108.66),
        ("rtx-3090", 4, "llama-3-8b-f16", 47.07), ("rtx-3090", 4, "llama-3-70b-q4_k_m", 17.07),
        ("rtx-3090", 6, "llama-3-8b-q4_k_m", 104.17), ("rtx-3090", 6, "llama-3-8b-f16", 46.23),
        ("rtx-3090", 6, "llama-3-70b-q4_k_m", 17.09), ("rtx-4090", 2, "llama-3-8b-q4_k_m", 124.65),
        ("rtx-4090", 2, "llama-3-8b-f16", 53.64), ("rtx-4090", 2, "llama-3-70b-q4_k_m", 19.22),
        ("rtx-4090", 4, "llama-3-8b-q4_k_m", 120.32), ("rtx-4090", 4, "llama-3-8b-f16", 53.10),
        ("rtx-4090", 4, "llama-3-70b-q4_k_m", 19.80), ("rtx-4090", 8, "llama-3-8b-q4_k_m", 118.09),
        ("rtx-4090", 8, "llama-3-8b-f16", 52.51), ("rtx-4090", 8, "llama-3-70b-q4_k_m", 18.94),
    ].map { (row: (device: String, nodes: Int, model: String, value: Double)) in
        figure("gpu-2024", row.device, row.model, row.value, nodes: row.nodes)
    }

    private static func figure(
        _ set: String, _ device: String, _ model: String, _ value: Double, nodes: Int = 1
    ) -> PublishedMeasurement {
        PublishedMeasurement(
            set: set, source: "gpu-benchmarks", device: device, software: "llama.cpp", model: model, nodes: nodes,
            network: nodes > 1 ? "PCI Express of one machine" : "", value: value, contextTokens: 256)
    }
}
