internal import Domain

/// Forming replicas, mending them, giving them up.
extension SchedulerCore {
    /// How long a replica rests after its workers could not load it.
    private static let repairPause = 10.0
    /// How long workers may take to give a stage back before nobody waits for it any more.
    private static let releaseSeconds = 10.0
    /// Time between two groups of requests that are moved, and how many are in one.
    private static let moveSeconds = 0.25
    private static let moveGroup = 4
    /// How long requests on a worker that is about to stop may go on there.
    private static let leaveSeconds = 2.0
    /// Memory for fewer tokens than this beside another stage is not worth loading a replica early.
    private static let leastContext = 512

    /// The plan that replicas are formed for.
    var target: PlacementPlan? { transition?.plan ?? inForce?.plan }

    func isWanted(_ id: ReplicaID) -> Bool { target?.replicas.contains { $0.id == id } ?? false }

    /// Whether new requests may go to a replica.
    func isUp(_ record: ReplicaRecord) -> Bool {
        record.isServing && record.replica.workers.allSatisfy { workers.isLive($0) }
    }

    /// Whether requests could be served by replicas that take new ones, without some.
    func serves(without excluded: Set<ReplicaID> = []) -> Bool {
        replicas.records.values.contains {
            $0.replica.role.phases.contains(.decode) && !excluded.contains($0.id) && isUp($0)
        }
    }

    /// Takes every replica as far as it can go now.
    mutating func advanceReplicas(at now: Double) {
        guard adoption == nil else { return }
        for id in replicas.ids {
            guard let record = replicas[id] else { continue }
            switch record.state {
            case .waiting: formIfPossible(record, at: now)
            case .loading(let loading):
                if now - loading.since >= configuration.prepareSeconds {
                    let late = loading.pending.sorted().first
                    formingFailed(
                        record.id, device: late?.device,
                        "\(late?.description ?? "a worker") has not loaded its stage in time",
                        at: now)
                }
            case .serving: break
            case .draining(let draining): drain(record, draining, at: now)
            case .releasing(let since, let pending):
                let left = pending.filter { workers.isLive($0) }
                if left.isEmpty || now - since >= Self.releaseSeconds { remove(record.id) }
            }
        }
        advanceTransition(at: now)
    }

    // MARK: Forming

    private mutating func formIfPossible(_ record: ReplicaRecord, at now: Double) {
        guard isWanted(record.id) else {
            // What a new plan will do without is not mended, but it is needed if that plan is given up.
            return transition == nil ? giveUp(record.id, at: now) : ()
        }
        guard now >= record.blockedUntil, record.replica.workers.allSatisfy({ workers.isAvailable($0) }) else { return }
        // Devices that failed are not used, unless nothing is served without them.
        guard record.devices.isDisjoint(with: exclusions.active(at: now)) || !serves() else { return }
        guard hasRoom(for: record) else { return }
        form(record.id, at: now)
    }

    private mutating func form(_ id: ReplicaID, at now: Double) {
        guard var record = replicas[id], let plan = target else { return }
        highestEpoch += 1
        record.formed = highestEpoch
        record.told = plan.id
        record.kvCapacity = nil
        record.state = .loading(ReplicaRecord.Loading(since: now, pending: Set(record.replica.workers)))
        replicas[id] = record
        note("forming replica \(id) in epoch \(record.formed)")
        for key in record.replica.workers {
            guard let address = workers.liveAddress(key), let assignment = record.assignment(key, plan: plan) else {
                continue
            }
            emit(.prepare(address, assignment, epoch: record.formed))
        }
    }

    mutating func stagePrepared(
        _ address: WorkerAddress, epoch: Epoch, kvCapacityTokens: Int, kvBlockTokens: Int, at now: Double
    ) {
        guard workers.hear(address, at: now) else { return }
        workers[address.key]?.kvBlockTokens = min(max(1, kvBlockTokens), 1 << 16)
        guard var record = replicas.of(address.key).first(where: { $0.formed == epoch }),
            case .loading(var loading) = record.state, loading.pending.remove(address.key) != nil
        else { return }
        let capacity = Plausible.tokens(kvCapacityTokens)
        loading.kvCapacity = min(loading.kvCapacity ?? capacity, capacity)
        if loading.pending.isEmpty {
            record.state = .serving
            record.kvCapacity = loading.kvCapacity
            record.lacksRoom = false
            for device in record.devices { exclusions.forgive(device) }
            note("replica \(record.id) serves in epoch \(epoch)")
        } else {
            record.state = .loading(loading)
        }
        replicas[record.id] = record
        if record.isServing {
            refreshTimes()
            emit(.publishState)
        }
    }

    mutating func stagePrepareFailed(_ address: WorkerAddress, epoch: Epoch, _ fault: Fault, at now: Double) {
        guard workers.hear(address, at: now),
            let record = replicas.of(address.key).first(where: { $0.formed == epoch })
        else { return }
        if record.isServing {
            // It was only to be told the plan; a worker that refuses that does not serve what it should.
            return breakDown(record.id, why: "\(address.key): \(fault.message)", at: now)
        }
        guard case .loading(let loading) = record.state, loading.pending.contains(address.key) else { return }
        if fault.code == "no_room", !blockers(of: record).isEmpty {
            note("replica \(record.id) waits for memory: \(address.key): \(fault.message)")
            replicas[record.id]?.lacksRoom = true
            return unload(record.id, to: .waiting, at: now)
        }
        formingFailed(record.id, device: address.key.device, "\(address.key): \(fault.message)", at: now)
    }

    /// A replica could not be formed. A new plan is given up for it; one in force goes on without it for a while.
    private mutating func formingFailed(_ id: ReplicaID, device: DeviceID?, _ problem: String, at now: Double) {
        if let device { exclusions.exclude(device, at: now) }
        unload(id, to: .waiting, at: now)
        replicas[id]?.blockedUntil = now + Self.repairPause
        if let current = transition, inForce?.replica(id) == nil, !current.hasGivenUp, inForce != nil {
            abort(problem, at: now)
        } else {
            note("replica \(id) cannot be formed: \(problem)")
            if inForce == nil || transition != nil { replan.fail(problem, at: now) }
        }
    }

    /// Has the workers of a replica forget it.
    private mutating func unload(_ id: ReplicaID, to state: ReplicaRecord.State, at now: Double) {
        guard let record = replicas[id] else { return }
        release(record)
        replicas[id]?.state = state
        replicas[id]?.formed = 0
        refreshTimes()
    }

    private mutating func release(_ record: ReplicaRecord) {
        for key in record.replica.workers {
            if let address = workers.liveAddress(key) {
                emit(.release(address, record.id, epoch: record.formed, keeping: nextLayers(of: key)))
            }
        }
    }

    // MARK: Losing

    /// A replica has lost a worker or its word: what it had is lost, and it is formed anew when all its workers are here.
    mutating func breakDown(_ id: ReplicaID, why: String, except gone: WorkerKey? = nil, at now: Double) {
        guard let record = replicas[id] else { return }
        let leftInOrder = gone.flatMap { workers[$0]?.isLeaving } ?? false
        for request in requests.ordered where request.touches(id) {
            // A worker that was asked to stop does so when it has sent everything: what it sent is still on its way.
            if leftInOrder, request.placement.decode != id, (request.moveBy ?? 0) > now { continue }
            lose(request, .replicaLost(why), except: gone, at: now)
        }
        guard isWanted(id) || inForce?.replica(id) != nil else { return giveUp(id, at: now) }
        guard record.holdsMemory else { return }
        if case .releasing = record.state { return }
        replicas[id]?.state = .waiting
        emit(.publishState)
    }

    /// A worker is gone, or another process has taken its place.
    mutating func breakReplicas(of key: WorkerKey, why: String, at now: Double) {
        for record in replicas.of(key) {
            if case .releasing(let since, var pending) = record.state {
                pending.remove(key)
                replicas[record.id]?.state = .releasing(since: since, pending: pending)
            } else if record.holdsMemory {
                breakDown(record.id, why: why, except: key, at: now)
            }
        }
        requests.forgetClosing(of: key)
    }

    /// A worker is about to stop: its replicas take no new requests, those that they have end or go on elsewhere.
    mutating func workerLeaves(_ address: WorkerAddress, at now: Double) {
        guard workers.hear(address, at: now), workers[address.key]?.isLeaving == false else { return }
        workers[address.key]?.isLeaving = true
        note("worker \(address.key) is about to stop")
        for record in replicas.of(address.key) {
            startDraining(record.id, moveAfter: Self.leaveSeconds, at: now)
        }
    }

    /// Stages of a worker that belong to no replica as it is now.
    mutating func releaseStrays(on address: WorkerAddress, at now: Double) {
        for stage in workers[address.key]?.stages ?? [] {
            let id = stage.assignment.replica
            if let record = replicas[id], record.holdsMemory || isWanted(id), record.formed <= stage.formed { continue }
            emit(.release(address, id, epoch: stage.formed, keeping: nextLayers(of: address.key)))
        }
    }

    /// The layers of the stage that a worker is to load next; `nil` where there is none.
    private func nextLayers(of worker: WorkerKey) -> LayerRange? {
        for replica in target?.replicas ?? [] where replica.role.workerKind == worker.kind {
            guard let stage = replica.stages.first(where: { $0.device == worker.device }) else { continue }
            return replicas[replica.id]?.holdsMemory == true ? nil : stage.layers
        }
        return nil
    }

    // MARK: Draining

    /// No new request goes to a replica; it is freed when those that it has have ended or gone on elsewhere.
    mutating func startDraining(_ id: ReplicaID, moveAfter seconds: Double, at now: Double) {
        guard var record = replicas[id] else { return }
        switch record.state {
        case .serving: record.state = .draining(.init(since: now, moveAt: now + seconds))
        case .draining(var draining):
            guard now + seconds < draining.moveAt else { return }
            draining.moveAt = now + seconds
            record.state = .draining(draining)
        case .waiting, .loading: return giveUp(id, at: now)
        case .releasing: return
        }
        replicas[id] = record
        emit(.publishState)
    }

    private mutating func drain(_ record: ReplicaRecord, _ draining: ReplicaRecord.Draining, at now: Double) {
        let remaining = requests.ordered.filter { $0.touches(record.id) }
        if remaining.isEmpty { return giveUp(record.id, at: now) }
        // In groups where others serve meanwhile, so that their prompts are not computed again all at once; where nothing else
        // serves, the sooner it is over the better.
        let isUrgent = !serves(without: [record.id])
        guard isUrgent || now >= draining.moveAt else { return }
        guard isUrgent || now - draining.movedAt >= Self.moveSeconds else { return }
        // What is on its way with its KV cache gets the time that it was given.
        let staying = remaining.filter { ($0.moveBy ?? 0) <= now || $0.placement.decode == record.id }
        let group = isUrgent ? staying[...] : staying.prefix(Self.moveGroup)
        var isUnderWay = staying.count < remaining.count
        for request in group {
            if move(request, from: record, at: now) {
                isUnderWay = true
            } else {
                lose(request, .replicaLost("its replica is given up"), at: now)
            }
        }
        if transition != nil { transition?.moved += group.count }
        var draining = draining
        if !group.isEmpty { draining.movedAt = now }
        replicas[record.id]?.state = .draining(draining)
        if group.count == staying.count, !isUnderWay { giveUp(record.id, at: now) }
    }

    /// Has the workers give their stages back.
    mutating func giveUp(_ id: ReplicaID, at now: Double) {
        guard let record = replicas[id] else { return }
        guard record.holdsMemory else { return remove(id) }
        if case .releasing = record.state { return }
        release(record)
        if record.isWaiting { return remove(id) }
        let pending = Set(record.replica.workers.filter { workers.isLive($0) })
        replicas[id]?.state = .releasing(since: now, pending: pending)
        if pending.isEmpty { remove(id) }
        emit(.publishState)
    }

    mutating func stageReleased(_ address: WorkerAddress, _ id: ReplicaID, at now: Double) {
        guard workers.hear(address, at: now), case .releasing(let since, var pending)? = replicas[id]?.state else {
            return
        }
        pending.remove(address.key)
        replicas[id]?.state = .releasing(since: since, pending: pending)
        if pending.isEmpty { remove(id) }
    }

    private mutating func remove(_ id: ReplicaID) {
        let record = replicas[id]
        replicas[id] = nil
        // A replica of the plan is gone for now only: it is formed again when all its workers are here.
        if let record, isWanted(id) { replicas[id] = ReplicaRecord(replica: record.replica, kvType: record.kvType) }
        usage[id] = nil
        routedPrefixes[id] = nil
        refreshTimes()
    }

    // MARK: Memory

    /// What a device holds.
    private struct HeldMemory {
        /// Layers of the stages of each of its workers, which share their weights.
        var layers: [WorkerKind: [LayerRange]] = [:]
        /// Bytes of reserved KV cache.
        var kvBytes = 0

        func bytes(_ model: ModelDescription) -> Int {
            layers.values.reduce(kvBytes) { $0 + model.weightBytes(together: $1) }
        }
    }

    /// What the stages of other replicas hold on a device.
    private func held(on device: DeviceID, without id: ReplicaID, _ model: ModelDescription) -> HeldMemory {
        var held = HeldMemory()
        for record in replicas.records.values where record.holdsMemory && record.id != id {
            for stage in record.replica.stages where stage.device == device {
                held.layers[record.replica.role.workerKind, default: []].append(stage.layers)
                held.kvBytes += model.keeping(record.kvType).kvBytes(
                    stage.layers, tokens: reservedTokens(on: record.id))
            }
        }
        return held
    }

    /// The same beside a stage of a replica.
    private func held(
        on stage: PlanStage, of record: ReplicaRecord, _ model: ModelDescription
    ) -> (others: Int, all: Int) {
        var held = held(on: stage.device, without: record.id, model)
        let others = held.bytes(model)
        held.layers[record.replica.role.workerKind, default: []].append(stage.layers)
        return (others, held.bytes(model))
    }

    /// Whether all devices of a replica can hold it beside what they hold.
    private func hasRoom(for record: ReplicaRecord) -> Bool {
        guard let model = fleet.model else { return !record.lacksRoom || blockers(of: record).isEmpty }
        if record.lacksRoom, !blockers(of: record).isEmpty { return false }
        return record.replica.stages.allSatisfy { stage in
            let (others, all) = held(on: stage, of: record, model)
            guard others > 0, let device = fleet.device(stage.device) else { return true }
            let tokens = min(Self.leastContext, promisedContext ?? Self.leastContext)
            return all + model.keeping(record.kvType).kvBytes(stage.layers, tokens: tokens) <= device.memoryUsableBytes
        }
    }

    /// Replicas that are to go and hold memory on devices of another one.
    func blockers(of record: ReplicaRecord) -> [ReplicaRecord] {
        replicas.ordered.filter { other in
            other.id != record.id && other.holdsMemory && !isWanted(other.id)
                && !other.devices.isDisjoint(with: record.devices)
        }
    }

    /// Tokens of KV cache that a replica can hold now: less than alone while another one shares its devices.
    func kvCapacity(of record: ReplicaRecord) -> Int {
        var tokens = record.kvCapacity ?? record.replica.kvCapacityTokens
        // Replicas of one plan share no device.
        guard replicas.ids.count > target?.replicas.count ?? 0, let model = fleet.model else { return tokens }
        for stage in record.replica.stages {
            let (others, all) = held(on: stage, of: record, model)
            guard others > 0, let device = fleet.device(stage.device) else { continue }
            let left = device.memoryUsableBytes - all
            tokens = min(tokens, max(0, left) / max(1, model.keeping(record.kvType).kvBytes(stage.layers, tokens: 1)))
        }
        return tokens
    }

    /// Tokens of a block of KV cache on the workers of a replica.
    func blockTokens(of replica: PlanReplica) -> Int {
        replica.workers.compactMap { workers[$0]?.kvBlockTokens }.max() ?? 1
    }
}
