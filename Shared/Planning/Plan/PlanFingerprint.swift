internal import Domain

/// Names plans by what they place, so that equal placements can be recognised.
enum PlanFingerprint {
    /// `plan-` and 16 hexadecimal digits: FNV-1a over a canonical text of model, roles, stages, concurrency and KV
    /// type.
    static func id(model: ModelDigest, replicas: [PlanReplica], kvType: KVType) -> PlanID {
        var text = "model=\(model)"
        for replica in replicas {
            text += "|\(replica.id) \(replica.role.rawValue) \(replica.decodeConcurrency) \(replica.kvCapacityTokens)"
            for stage in replica.stages { text += " \(stage.device)@\(stage.layers)" }
        }
        if kvType != .f16 { text += "|kv=\(kvType.rawValue)" }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return PlanID("plan-" + String(repeating: "0", count: 16 - digits.count) + digits)
    }
}
