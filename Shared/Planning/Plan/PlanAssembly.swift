internal import CostModel
internal import Domain

/// Turns the outcome of a search into a placement plan.
struct PlanAssembly: Sendable {
    let cost: FleetCost
    let workload: WorkloadStatistics
    let traffic: Traffic
    let options: PlanningOptions
    let seed: UInt64
    let fleetVersion: UInt64
    let reserve: KVReserve

    /// The plan of an outcome. Its id depends on the placement alone: equal placements have equal ids.
    func plan(_ outcome: GroupingScore.Outcome) -> PlacementPlan {
        let replicas = replicas(outcome.members)
        let used = Set(replicas.flatMap { $0.stages.map(\.device) })
        return PlacementPlan(
            id: PlanFingerprint.id(model: cost.model.digest, replicas: replicas, kvType: cost.kvType),
            model: cost.model.digest,
            fleetVersion: fleetVersion, workload: workload, replicas: replicas,
            idleDevices: cost.devices.map(\.id).filter { !used.contains($0) },
            predictedRequestsPerSecond: outcome.score.requestsPerSecond, objective: outcome.score.excessSeconds,
            algorithm: "genetic (seed \(seed))", relaxations: relaxations(outcome, replicas),
            kvType: cost.kvType)
    }

    /// Why there is no plan although the model fits.
    func noPlan() -> PlanningError {
        PlanningError(
            .noPlan,
            "no group of devices can serve both phases: \(cost.devices.count) devices hold the model, but no replica has "
                + "room for \(traffic.requestTokens) tokens of KV cache and measured speeds for its phase")
    }

    private func replicas(_ members: [RoleMember]) -> [PlanReplica] {
        // Named by role and first device's place, so that names do not depend on how the search went.
        let sorted = members.sorted { left, right in
            (left.role.rawValue, left.stages.first?.device ?? "")
                < (right.role.rawValue, right.stages.first?.device ?? "")
        }
        let width = "\(members.count)".count
        var counts: [ReplicaRole: Int] = [:]
        let replicas = sorted.map { member in
            counts[member.role, default: 0] += 1
            let number = "\(counts[member.role] ?? 1)"
            let padded = String(repeating: "0", count: width - number.count) + number
            return PlanReplica(
                id: ReplicaID("\(member.role.rawValue)-\(padded)"), role: member.role,
                stages: member.stages.map { stage($0, member) }, decodeConcurrency: member.decode?.concurrency ?? 0,
                microBatches: member.decode.flatMap {
                    cost.microBatches(
                        member.stages, role: member.role, concurrency: $0.concurrency,
                        contextTokens: traffic.contextTokens)
                },
                mixedChunkTokens: member.role == .prefill ? nil : cost.mixedChunkTokens(member.stages),
                kvCapacityTokens: cost.kvCapacityTokens(member.stages), predictedRequestsPerSecond: member.rate,
                predictedTokenGapSeconds: member.decode?.gap ?? 0)
        }
        return replicas.sorted { $0.id < $1.id }
    }

    private func stage(_ stage: PlanStage, _ member: RoleMember) -> PlanStage {
        var predicted = PlanStage(device: stage.device, layers: stage.layers)
        // Decoder replicas may prefill for themselves, so they carry both times.
        let prefill = cost.prefillSeconds(stage, tokens: traffic.promptTokens, chunkTokens: options.chunkTokens)
        predicted.predictedPrefillSeconds = prefill.flatMap { $0.isFinite ? $0 : nil }
        if let decode = member.decode {
            predicted.predictedDecodeSeconds = cost.decodeSeconds(
                stage, batch: decode.concurrency, contextSum: decode.concurrency * traffic.contextTokens)
        }
        return predicted
    }

    private func relaxations(_ outcome: GroupingScore.Outcome, _ replicas: [PlanReplica]) -> [String] {
        var texts: [String] = []
        if let wanted = reserve.reducedFrom {
            texts.append(
                "room for \(wanted) tokens of KV cache in every replica does not fit: reduced to \(reserve.tokens)")
        }
        let slow = outcome.members.filter { !$0.meetsSpeed }.compactMap(\.decode)
        for replica in replicas {
            guard let decode = slow.first(where: { $0.stages.first?.device == replica.stages.first?.device })
            else { continue }
            texts.append(
                "\(replica.id): \(Self.rounded(options.minimumTokensPerSecond)) tokens/s for every request are out of "
                    + "reach (\(Self.rounded(1 / decode.gaps[0])) for a request alone): relaxed to "
                    + "\(Self.rounded(1 / decode.gap)) at \(decode.concurrency) requests")
        }
        if !options.allowMixed, cost.devices.count > 1, replicas.contains(where: { $0.role == .mixed }) {
            texts.append("the devices form only one replica: it serves both phases")
        }
        return texts
    }

    private static func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
