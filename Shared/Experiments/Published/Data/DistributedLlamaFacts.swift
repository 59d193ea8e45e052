/// What distributed-llama publishes: clusters of Raspberry Pis and of virtual machines.
enum DistributedLlamaFacts {
    private static let gigabit = "Gigabit Ethernet, TP-Link LS1008G"
    private static let cloud = "Google Cloud, 20 Gbit/s"

    static let measurements: [PublishedMeasurement] =
        times(pi4, set: "dllama-0.1-pi", device: "rpi-4b", version: "0.1.0", network: gigabit)
        + times(pi5, set: "dllama-0.3-pi", device: "rpi-5", version: "0.3.1", network: gigabit)
        + times(machines, set: "dllama-0.1-cloud", device: "c3d", version: "0.1.0", network: cloud)
        + times(sums, set: "dllama-0.7-pi", source: "dllama-64", device: "rpi-5", version: "0.7.1", network: gigabit)
        + bytes

    /// Milliseconds of a token: computing, transfer, and all, which has sampling and waiting of threads in it as well.
    private typealias Times = (model: String, nodes: Int, compute: Double, transfer: Double, token: Double)

    private static let pi4: [Times] = [
        ("llama-2-7b-q40", 1, 1307.94, 1.81, 1312.50), ("llama-2-7b-q40", 2, 739.00, 52.50, 793.69),
        ("llama-2-7b-q40", 4, 458.81, 34.06, 494.00), ("llama-2-7b-q40", 8, 296.69, 289.75, 588.19),
        ("llama-2-13b-q40", 2, 1465.06, 30.88, 1497.19), ("llama-2-13b-q40", 4, 746.88, 99.50, 848.19),
        ("llama-2-13b-q40", 8, 460.8, 652.88, 1114.88), ("llama-2-70b-q40", 8, 2121.94, 2719.62, 4842.81),
    ]
    private static let pi5: [Times] = [
        ("llama-2-7b-q40", 1, 434.84, 5.25, 441.09), ("llama-2-7b-q40", 2, 257.78, 83.27, 341.46),
        ("llama-2-7b-q40", 4, 163.42, 55.25, 219.08), ("llama-3-8b-q40", 1, 556.67, 6.17, 564.31),
        ("llama-3-8b-q40", 2, 362.73, 80.11, 444.27), ("llama-3-8b-q40", 4, 267.62, 62.34, 331.47),
    ]
    private static let machines: [Times] = [
        ("llama-2-7b-q40", 1, 101.06, 0.19, 101.81), ("llama-2-7b-q40", 2, 61.50, 7.62, 69.69),
        ("llama-2-7b-q40", 4, 40.25, 12.81, 53.69), ("llama-2-13b-q40", 1, 182.88, 0.69, 184.19),
        ("llama-2-13b-q40", 2, 107.12, 7.81, 115.38), ("llama-2-13b-q40", 4, 66.25, 19.94, 86.81),
        ("llama-2-70b-q40", 1, 907.25, 1.75, 909.69), ("llama-2-70b-q40", 2, 475.50, 25.00, 501.38),
        ("llama-2-70b-q40", 4, 264.00, 28.50, 293.06),
    ]
    private static let sums: [Times] = [
        ("llama-3-8b-q40", 2, 269.04, 56.39, 325.46), ("llama-3-8b-q40", 4, 169.33, 75.34, 245.08),
        ("tinyllama-1.1b-q40", 2, 50.37, 8.58, 59.31),
    ]

    private static func times(
        _ rows: [Times], set: String, source: String = "dllama", device: String, version: String, network: String
    ) -> [PublishedMeasurement] {
        rows.flatMap { row in
            let parts: [(PublishedMeasurement.Quantity, Double)] = [
                (.compute, row.compute), (.transfer, row.transfer), (.token, row.token),
            ]
            return parts.map { quantity, value in
                PublishedMeasurement(
                    set: set, source: source, device: device, software: "distributed-llama \(version)",
                    model: row.model, nodes: row.nodes, network: row.nodes > 1 ? network : "",
                    linkBytesPerSecond: row.nodes > 1 ? (network == cloud ? 2.5e9 : 1.25e8) : nil,
                    quantity: quantity, value: value, contextTokens: source == "dllama" ? 8 : 45)
            }
        }
    }

    // MARK: - Bytes

    /// Kilobytes of a token to and from the root.
    private typealias Bytes = (set: String, source: String, model: String, nodes: Int, sent: Double, received: Double)

    private static let bytes: [PublishedMeasurement] = [
        ("dllama-0.1-q80", "dllama-early", "llama-2-7b-q40", 2, 590, 522),
        ("dllama-0.1-q80", "dllama-early", "llama-2-13b-q40", 2, 924, 818),
        ("dllama-0.1-f32", "dllama-early", "llama-2-7b-q40", 2, 2224, 1968),
        ("dllama-0.1-f32", "dllama-early", "llama-2-13b-q40", 2, 3480, 3080),
        ("dllama-0.3-q80", "dllama-46", "llama-3-8b-q40", 2, 646, 476),
        ("dllama-0.3-q80", "dllama-46", "llama-3-8b-q40", 4, 2295, 714),
        ("dllama-0.7-q80", "dllama", "llama-3-8b-q40", 2, 272, 272),
        ("dllama-0.7-q80", "dllama", "llama-3-8b-q40", 4, 816, 816),
        ("dllama-0.7-q80", "dllama", "llama-3-8b-q40", 8, 1904, 1904),
        ("dllama-0.7-f32", "dllama", "llama-3-8b-q40", 2, 1024, 1024),
        ("dllama-0.7-f32", "dllama", "llama-3-8b-q40", 4, 3072, 3072),
        ("dllama-0.7-f32", "dllama", "llama-3-8b-q40", 8, 7168, 7168),
    ].flatMap { (row: Bytes) in
        [(PublishedMeasurement.Quantity.sent, row.sent), (.received, row.received)].map { quantity, value in
            PublishedMeasurement(
                set: row.set, source: row.source, device: row.set.hasPrefix("dllama-0.1") ? "rpi-4b" : "rpi-5",
                software: "distributed-llama \(row.set.dropFirst(7).prefix(3)), \(row.set.suffix(3)) buffer",
                model: row.model, nodes: row.nodes, network: gigabit, linkBytesPerSecond: 1.25e8, quantity: quantity,
                value: value,
                contextTokens: 0)
        }
    }
}
