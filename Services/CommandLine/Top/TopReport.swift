/// What `e2llm top` shows at one moment. Its JSON has these names for good; what is not known is left out.
struct TopReport: Encodable, Sendable, Hashable {
    /// A device's part in one stage, or a device without a stage.
    struct Row: Encodable, Sendable, Hashable {
        var device: String
        var state: String
        /// Compute threads, and the share of their time that may be used.
        var threads: Int?
        var computeShare: Double?
        /// `prefill`, `decode` or `mixed`; none where the device is idle.
        var role: String?
        var replica: String?
        var stage: Int?
        /// The layers as `start..<end`.
        var layers: String?
        /// Resident bytes of the stage's worker, and what the device may use.
        var memoryUsedBytes: Int?
        var memoryUsableBytes: Int?
        /// Tokens in the stage's KV cache, and those that the replica has room for.
        var kvUsedTokens: Int?
        var kvCapacityTokens: Int?
        /// Sequences that are computed, and that wait at the stage.
        var running: Int?
        var waiting: Int?
        var prefillTokensPerSecond: Double?
        var decodeTokensPerSecond: Double?
        /// The measured link to the device of the next stage.
        var next: String?
        var linkLatencySeconds: Double?
        var linkBytesPerSecond: Double?

        enum CodingKeys: String, CodingKey {
            case device, state, threads, role, replica, stage, layers, running, waiting, next
            case computeShare = "compute_share"
            case memoryUsedBytes = "memory_used_bytes"
            case memoryUsableBytes = "memory_usable_bytes"
            case kvUsedTokens = "kv_used_tokens"
            case kvCapacityTokens = "kv_capacity_tokens"
            case prefillTokensPerSecond = "prefill_tokens_per_s"
            case decodeTokensPerSecond = "decode_tokens_per_s"
            case linkLatencySeconds = "link_latency_s"
            case linkBytesPerSecond = "link_bytes_per_s"
        }
    }

    var model: String?
    /// The gateway's wall clock, milliseconds since 1970.
    var wallMilliseconds: Int?
    var ready: Bool
    /// Why requests are not served.
    var obstacle: String?
    var plan: String?
    var epoch: Int?
    /// Requests that are computed, and that wait.
    var running: Int
    var waiting: Int
    var generatedTokensPerSecond: Double?
    var promptTokensPerSecond: Double?
    /// The reserved share of the KV cache, 0 to 1.
    var kvUsage: Double?
    var devices: [Row]

    enum CodingKeys: String, CodingKey {
        case model, ready, obstacle, plan, epoch, running, waiting, devices
        case wallMilliseconds = "wall_ms"
        case generatedTokensPerSecond = "generated_tokens_per_s"
        case promptTokensPerSecond = "prompt_tokens_per_s"
        case kvUsage = "kv_usage"
    }

    /// Reads it off a picture of the cluster.
    init(_ picture: PictureValue, rates: TopRates) {
        let status = picture["status"]
        model = picture["gateway"]?["model"]?.text ?? picture["gateway"]?["model"]?["id"]?.text
        wallMilliseconds = status?["wall_ms"]?.int
        ready = status?["ready"]?.isTrue ?? false
        obstacle = status?["obstacle"]?.text
        plan = picture["plan"]?["id"]?.text
        epoch = status?["epoch"]?.int
        // The newest point of the series is a second old at most; before there is one, the scheduler's word counts.
        let point = picture["series"]?.members.max { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }?.value
        running = point?[0]?.int ?? picture["scheduler"]?["running"]?.int ?? 0
        waiting = point?[1]?.int ?? picture["scheduler"]?["waiting"]?.int ?? 0
        generatedTokensPerSecond = point?[2]?.number
        promptTokensPerSecond = point?[3]?.number
        kvUsage = point?[4]?.number.flatMap { $0 >= 0 ? $0 : nil }

        var rows: [Row] = []
        for replica in picture["plan"]?["replicas"]?.elements ?? [] {
            rows += Self.rows(of: replica, in: picture, rates)
        }
        let used = Set(rows.map(\.device))
        for (id, device) in picture["devices"]?.members ?? [:] where !used.contains(PrintableText.clean(id)) {
            rows.append(Self.row(id, device))
        }
        devices = rows.sorted { NaturalOrder.precedes($0.device, $1.device) }
    }

    private static func rows(of replica: PictureValue, in picture: PictureValue, _ rates: TopRates) -> [Row] {
        guard case .text(let id)? = replica["id"] else { return [] }
        let load = picture["loads"]?[id]
        let stages = replica["stages"]?.elements ?? []
        return stages.enumerated().compactMap { index, stage in
            guard case .text(let device)? = stage["device"] else { return nil }
            var row = Self.row(device, picture["devices"]?[device])
            let status = load?["stages"]?["\(index)"]?["status"]
            row.role = replica["role"]?.text
            row.replica = PrintableText.clean(id)
            row.stage = index
            if let start = stage["layers"]?["start"]?.int, let end = stage["layers"]?["end"]?.int {
                row.layers = "\(start)..<\(end)"
            }
            row.memoryUsedBytes = status?["resident_bytes"]?.int
            row.kvUsedTokens = status?["kv_used_tokens"]?.int
            row.kvCapacityTokens = (load?["kv_capacity_tokens"] ?? replica["kv_capacity_tokens"])?.int
            row.running = status?["running"]?.int
            row.waiting = status?["waiting"]?.int
            let rate = rates.rate(.init(replica: id, stage: index))
            row.prefillTokensPerSecond = rate?.prefill
            row.decodeTokensPerSecond = rate?.decode
            if stages.indices.contains(index + 1), case .text(let next)? = stages[index + 1]["device"] {
                row.next = PrintableText.clean(next)
                let link = picture["links"]?["\(device)>\(next)"]
                row.linkLatencySeconds = link?[2]?.number
                row.linkBytesPerSecond = link?[3]?.number
            }
            return row
        }
    }

    private static func row(_ id: String, _ device: PictureValue?) -> Row {
        Row(
            device: PrintableText.clean(id), state: device?["state"]?.text ?? "gone",
            threads: device?["threads"]?.int, computeShare: device?["compute_share"]?.number,
            memoryUsableBytes: device?["memory_usable_bytes"]?.int)
    }
}

/// The order in which people count: `phone-2` before `phone-10`.
enum NaturalOrder {
    /// Whether one text comes before another one.
    static func precedes(_ left: String, _ right: String) -> Bool {
        var (a, b) = (left[...], right[...])
        while let first = a.first, let second = b.first {
            let (digitsA, digitsB) = (a.prefix { $0.isASCII && $0.isNumber }, b.prefix { $0.isASCII && $0.isNumber })
            if !digitsA.isEmpty, !digitsB.isEmpty {
                let (numberA, numberB) = (digitsA.drop { $0 == "0" }, digitsB.drop { $0 == "0" })
                if numberA != numberB {
                    return numberA.count == numberB.count ? numberA < numberB : numberA.count < numberB.count
                }
                (a, b) = (a.dropFirst(digitsA.count), b.dropFirst(digitsB.count))
            } else {
                if first != second { return first < second }
                (a, b) = (a.dropFirst(), b.dropFirst())
            }
        }
        // Texts that differ in zeros only still have one order.
        return a.isEmpty && b.isEmpty ? left < right : a.isEmpty
    }
}
