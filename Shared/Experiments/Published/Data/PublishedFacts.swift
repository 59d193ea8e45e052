/// The figures of other people that the cost model is compared with, where they stand, and what they are of.
///
/// Facts only; nothing is copied from the sources but numbers. Figures that could not be found are left out.
public enum PublishedFacts {
    /// The sources.
    public static let sources = [
        PublishedSource(
            "dllama", "Distributed Llama, README as of version 0.7.1, Measurements",
            "https://github.com/b4rtaz/distributed-llama/commits/main/README.md", "2024-05"),
        PublishedSource(
            "dllama-46", "Distributed Llama, pull request 46: transfer per token of 0.3.0",
            "https://github.com/b4rtaz/distributed-llama/pull/46", "2024-05-11"),
        PublishedSource(
            "dllama-64", "Distributed Llama, pull request 64: times of 0.7.1",
            "https://github.com/b4rtaz/distributed-llama/pull/64", "2024-05-25"),
        PublishedSource(
            "dllama-early", "Distributed Llama, README as of version 0.1.0, Network Transfer",
            "https://github.com/b4rtaz/distributed-llama/commits/main/README.md", "2024-01"),
        PublishedSource(
            "pi-5", "Benchmark Raspberry Pi 5 16 GB model (D0 stepping)",
            "https://github.com/geerlingguy/ai-benchmarks/issues/7", "2025-01-09"),
        PublishedSource(
            "n150", "Benchmark Intel N150 Mini PC (GMKTek G3 Plus)",
            "https://github.com/geerlingguy/ai-benchmarks/issues/12", "2025-01-30"),
        PublishedSource(
            "orion-o6", "Benchmark Radxa Orion O6 Mini ITX Board",
            "https://github.com/geerlingguy/ai-benchmarks/issues/13", "2025-04-27"),
        PublishedSource(
            "framework-13", "Benchmark Ryzen AI 5 340 (Framework 13)",
            "https://github.com/geerlingguy/ai-benchmarks/issues/33", "2025-11-12"),
        PublishedSource(
            "ai-benchmarks", "AI/LLM Benchmarks (llama.cpp and Ollama), Findings",
            "https://github.com/geerlingguy/ai-benchmarks", "2026"),
        PublishedSource(
            "gpu-benchmarks", "GPU-Benchmarks-on-LLM-Inference",
            "https://github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference", "2024-05"),
        PublishedSource(
            "prima", "prima.cpp, README, tables 1 to 3 (also arXiv 2504.08791)",
            "https://github.com/Lizonghang/prima.cpp", "2025"),
        PublishedSource(
            "llama-rpc", "llama.cpp, pull request 6829: add RPC backend",
            "https://github.com/ggml-org/llama.cpp/pull/6829", "2024-05-10"),
    ]

    /// The devices.
    public static let devices = [
        PublishedDevice("rpi-4b", .processor, "Raspberry Pi 4B, 4 Cortex-A72, 8 GB"),
        PublishedDevice("rpi-5", .processor, "Raspberry Pi 5, 4 Cortex-A76, 8 GB"),
        PublishedDevice("rpi-5-16", .processor, "Raspberry Pi 5, 4 Cortex-A76, 16 GB"),
        PublishedDevice("c3d", .processor, "Google Cloud c3d-highcpu-30, 30 vCPU, 59 GB"),
        PublishedDevice("n150", .processor, "GMKtec G3 Plus, Intel N150, 16 GB"),
        PublishedDevice("orion-o6", .processor, "Radxa Orion O6, 16 GB"),
        PublishedDevice("framework-13", .processor, "Framework Laptop 13, Ryzen AI 5 340, 16 GB"),
        PublishedDevice("ms-r1", .processor, "Minisforum MS-R1"),
        PublishedDevice("m1-max-24", .accelerator, "M1 Max, 24 GPU cores, 32 GB"),
        PublishedDevice("m1-max-32", .accelerator, "M1 Max, 32 GPU cores, 64 GB"),
        PublishedDevice("m2-ultra", .accelerator, "M2 Ultra, 76 GPU cores, 192 GB"),
        PublishedDevice("m3-max", .accelerator, "M3 Max, 40 GPU cores, 64 GB"),
        PublishedDevice("m1-ultra", .accelerator, "M1 Ultra, 64 GPU cores, 128 GB"),
        PublishedDevice("gb10", .accelerator, "Dell Pro Max with GB10"),
        PublishedDevice("rtx-2080-ti", .accelerator, "GeForce RTX 2080 Ti, 11 GB"),
        PublishedDevice("rtx-3060", .accelerator, "GeForce RTX 3060, 12 GB"),
        PublishedDevice("rtx-3090", .accelerator, "GeForce RTX 3090, 24 GB"),
        PublishedDevice("rtx-4080", .accelerator, "GeForce RTX 4080, 16 GB"),
        PublishedDevice("rtx-4090", .accelerator, "GeForce RTX 4090, 24 GB"),
        PublishedDevice("rtx-4000-ada", .accelerator, "RTX 4000 Ada, 20 GB"),
        PublishedDevice("t1200", .accelerator, "Dell Precision 5560, T1200 Laptop GPU, 4 GB"),
        PublishedDevice("gtx-1660", .accelerator, "Ryzen 9 host, GeForce GTX 1660, 6 GB"),
        PublishedDevice("prima-d3", .accelerator, "prima.cpp's desktop, RTX 2080 Ti, 11 GB"),
        PublishedDevice(
            "prima-home", .fleet, "prima.cpp's home: Mac M1, laptop (3070), desktop (2080 Ti), Mate 40 Pro"),
    ]

    /// The figures.
    public static let measurements: [PublishedMeasurement] =
        DistributedLlamaFacts.measurements + BoardFacts.measurements + AcceleratorFacts.measurements
        + HomeClusterFacts.measurements
}
