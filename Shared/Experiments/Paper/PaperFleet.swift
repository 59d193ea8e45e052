internal import CostModel
internal import Domain
internal import Simulation

/// The paper's seven devices on one LAN.
///
/// The paper names the devices and their usable memory, not their speed. Speeds follow from what the makers publish and from
/// what GPT-OSS-20B was measured to reach:
///
/// * **Apple**: 55 % of the bandwidth and 29 % of the f32 rate, from an M2 Max with 38 GPU cores: 86 tokens/s of decoding
///   (2.56 GB are read for a token) and 656 tokens/s of a prompt of 2,048 (6.1 GFLOP a token), MLX,
///   https://github.com/raullenchai/Rapid-MLX/pull/1068. The same shares are taken for an M1.
/// * **GeForce**: 65 % of the bandwidth, 17 % of the dense f16 tensor rate, from an RTX PRO 4000 Blackwell SFF (432 GB/s;
///   770 TOP/s of sparse FP4, an eighth of that in dense f16) under llama.cpp: 110 and 2,704 tokens/s,
///   https://github.com/mmontes11/llm-bench.
/// * **Jetson**: 42 % of the bandwidth, from 22.5 tokens/s of a 7B model in 4 bits (3.8 GB) under llama.cpp,
///   https://github.com/nvidia-holoscan/holohub/issues/170; prompts as on GeForce.
enum PaperFleet {
    /// The LAN, bytes/s per direction of a port: 920 Mbit/s.
    static let linkBytesPerSecond = 920e6 / 8
    /// One-way latency between two devices; the paper gives none, a switched LAN with a TCP stack at both ends has about this.
    static let latencySeconds = 0.3e-3

    private static let apple = (bandwidth: 0.55, flops: 0.29)
    private static let geForce = (bandwidth: 0.65, flops: 0.17)
    private static let jetson = (bandwidth: 0.42, flops: 0.17)

    /// The devices; G = 1e9.
    static let devices: [PaperDevice] = [
        // NVIDIA RTX Blackwell GPU Architecture white paper, GeForce RTX 5070: 12 GB GDDR7, 672 GB/s; f16 tensor 123.5 TFLOP/s
        // dense, int8 246.9 TOP/s dense. 12 of 12.88 GB (12 GiB) for weights and KV: the model alone does not fit.
        PaperDevice(
            id: "rtx5070", type: "desktop-rtx5070-12gb", memoryBytes: 12_000_000_000, bandwidth: 672e9,
            bandwidthShare: geForce.bandwidth, flops: 123.5e12, flopsShare: geForce.flops, int8: 246.9e12),
        // NVIDIA GeForce RTX 30 laptop pages and the GA102 white paper (GA106): 3,840 cores at 1.43 GHz, f16 tensor 43.8
        // TFLOP/s dense, int8 87.6; 6 GB GDDR6 at 14 Gbit/s on 192 bits = 336 GB/s. 6 of 6.44 GB.
        PaperDevice(
            id: "rtx3060-laptop", type: "laptop-rtx3060-6gb", memoryBytes: 6_000_000_000, bandwidth: 336e9,
            bandwidthShare: geForce.bandwidth, flops: 43.8e12, flopsShare: geForce.flops, int8: 87.6e12),
        // Apple, M1 (8 GPU cores): 2.6 TFLOP/s f32; LPDDR4X-4266 on 128 bits = 68.25 GB/s. The GPU has no int8 products.
        m1("m1-1"), m1("m1-2"),
        // Apple, M2 Max technical specifications (38 GPU cores): 13.6 TFLOP/s f32, 400 GB/s.
        m2Max("m2max-1"), m2Max("m2max-2"),
        // NVIDIA Jetson AGX Orin series data sheet (32 GB, to which 25 GB usable fit): 204.8 GB/s; GPU 54 dense int8 TOP/s,
        // half of that in f16.
        PaperDevice(
            id: "agx-orin", type: "jetson-agx-orin-32gb", memoryBytes: 25_000_000_000, bandwidth: 204.8e9,
            bandwidthShare: jetson.bandwidth, flops: 27e12, flopsShare: jetson.flops, int8: 54e12),
    ]

    private static func m1(_ id: DeviceID) -> PaperDevice {
        PaperDevice(
            id: id, type: "apple-m1-16gb", memoryBytes: 12_000_000_000, bandwidth: 68.25e9,
            bandwidthShare: apple.bandwidth, flops: 2.6e12, flopsShare: apple.flops, int8: nil)
    }

    private static func m2Max(_ id: DeviceID) -> PaperDevice {
        PaperDevice(
            id: id, type: "apple-m2-max-32gb", memoryBytes: 22_000_000_000, bandwidth: 400e9,
            bandwidthShare: apple.bandwidth, flops: 13.6e12, flopsShare: apple.flops, int8: nil)
    }

    /// Every device has a port of that rate to every other one.
    private static var links: [LinkProfile] {
        devices.flatMap { from in
            devices.filter { $0.id != from.id }.map { to in
                LinkProfile(
                    from: from.id, to: to.id, latencySeconds: latencySeconds, bytesPerSecond: linkBytesPerSecond)
            }
        }
    }

    /// The fleet with the model for a workload; every device takes `slowdown` times as long as its figures say.
    static func fleet(_ workload: PaperWorkload, slowdown: Double) throws(ExperimentError) -> SimulatedFleet {
        let model = PaperModel.description(promptTokens: workload.promptTokens)
        var costed: [CostedDevice] = []
        do {
            for device in devices { costed.append(try device.cost(model, slowdown: slowdown)) }
            let cost = try FleetCost(model: model, devices: costed, network: NetworkCost(links: links))
            var types: [DeviceID: String] = [:]
            for device in devices { types[device.id] = device.type }
            return SimulatedFleet(name: "paper-7", cost: cost, types: types)
        } catch {
            throw ExperimentError(.invalidSettings, "the paper's fleet: \(error.message)")
        }
    }
}
