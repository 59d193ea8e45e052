internal import Domain

/// Requests from submission to their end.
extension SchedulerCore {
    mutating func submitted(_ request: SubmittedRequest, at now: Double) {
        gateways.hear(request.gateway, at: now)
        if let record = requests[request.id] {
            if let routed = record.routed, record.gateway == request.gateway,
                request.generatedTokens <= record.continuedTokens
            {
                // Submitted twice: the gateway has not heard of the route, but the request runs.
                emit(.confirm(routed))
                return
            }
            // The gateway has given the earlier attempt up.
            stop(record, at: now)
        }
        let admission = Admission(longestSequence: longestSequence, queueLimit: configuration.queueLimit)
        let waiting = requests.waiting.count - (requests.isWaiting(request.id) ? 1 : 0)
        if let fault = admission.fault(request, waiting: waiting) {
            _ = requests.dequeue(request.id)
            refuse(request, fault, at: now)
            return
        }
        if request.generatedTokens == 0, !requests.isWaiting(request.id), !requests.hasEnded(request.id) {
            window.arrived(promptTokens: request.promptTokens, at: now)
        }
        requests.enqueue(request, at: now, mostOvertakers: mostOvertakers)
    }

    mutating func cancelled(_ id: RequestID, at now: Double) {
        if let waiting = requests.dequeue(id) {
            refuse(waiting.request, .cancelled, at: now)
        } else if let record = requests[id] {
            stop(record, at: now)
        }
    }

    mutating func requestReported(_ report: RequestReport, by address: WorkerAddress, at now: Double) {
        guard workers.hear(address, at: now) else { return }
        switch report.event.moment {
        case .finished, .failed:
            // The end of an attempt that was stopped must not end a later one.
            if requests.closed(report.request, by: address) { return }
        default: break
        }
        guard var record = requests[report.request], routeWorkers(of: record).contains(address.key) else { return }
        record.lastEvent = now
        record.generated = max(record.generated, report.event.generatedTokens)
        switch report.event.moment {
        case .prefillStarted: record.prefillBegan = record.prefillBegan ?? now
        case .prefillFinished: record.prefillDone = true
        case .kvComplete: arrive(&record)
        case .decodeStarted:
            record.prefillDone = true
            record.decodes = true
            arrive(&record)
        case .finished(let reason):
            if reason == .stop || reason == .length { window.finished(tokens: max(1, record.generated), at: now) }
            requests.end(record.id, at: now)
            return
        case .failed(let fault):
            let home = replicas(of: record).filter { $0.workers.contains(address.key) }
            if Self.isLackOfMemory(fault), home.allSatisfy(grows) {
                // More was taken than was reserved; nothing is wrong with the replica.
                for replica in home { preemptedAt[replica.id] = now }
                lose(record, .preempted, at: now)
                return
            }
            // Other requests have nothing to fear from what only this one asked for.
            if fault.code != Fault.constraintFailedCode {
                for replica in home { inhibited[replica.id] = now + configuration.inhibitSeconds }
            }
            note("request \(record.id) failed on \(address.key): \(fault)")
            lose(record, fault, at: now)
            return
        }
        requests.update(record)
        emit(.relay(report, gateway: record.gateway))
    }

    /// How long after its deadline a sequence that moves is given up, where nobody else has done so.
    private static let moveGrace = 1.0

    private static func isLackOfMemory(_ fault: Fault) -> Bool {
        fault.code == Fault.preemptedCode || fault.code == "out_of_memory"
    }

    /// The KV cache of a request is where it is decoded.
    private mutating func arrive(_ record: inout RequestRecord) {
        record.kvDone = true
        guard record.moveBy != nil else { return }
        record.moveBy = nil
        if let routed = record.routed { emit(.moved(routed)) }
    }

    mutating func gatewayBeat(_ gateway: String, _ ids: [RequestID], at now: Double) {
        gateways.hear(gateway, at: now)
        let listed = Set(ids)
        for id in requests.listed(listed, by: gateway) { cancelled(id, at: now) }
        guard adoption == nil else { return }
        let unknown = listed.filter { !requests.knows($0) && !requests.hasEnded($0) }.sorted()
        for id in gateways.unknown(unknown, of: gateway) {
            emit(.lose(id, gateway: gateway, .replicaLost("the scheduler does not know the request")))
            requests.remember(id, at: now)
        }
    }

    mutating func gatewayLost(_ gateway: String, at now: Double) {
        let ids = requests.requests(of: gateway)
        guard !ids.isEmpty else { return }
        note("gateway \(gateway) is lost; \(ids.count) requests are cancelled")
        for id in ids {
            cancelled(id, at: now)
            // A gateway that comes back is to learn that they are lost.
            requests.forget(id)
        }
    }

    /// Requests of which nothing was heard for long while the worker in charge reports that it has nothing to do: their
    /// start never arrived.
    mutating func loseOrphans(at now: Double) {
        for record in requests.ordered {
            guard let deadline = record.moveBy, deadline + Self.moveGrace < now else { continue }
            lose(record, .replicaLost("its KV cache has not come"), at: now)
        }
        for record in requests.ordered where now - record.lastEvent > configuration.orphanSeconds {
            let charge = record.prefillDone ? record.placement.decode : record.placement.prefill
            let first = replicas[charge ?? record.placement.decode]?.replica.workers.first
            guard let load = first.flatMap({ workers[$0]?.load }), load.waiting == 0, load.running == 0 else {
                continue
            }
            lose(record, .replicaLost("its workers do not know it"), at: now)
        }
    }

    mutating func expireWaiting(at now: Double) {
        let limit = unservableSince.map { now - $0 >= configuration.unservableSeconds } ?? false
        for waiting in requests.waiting {
            let age = now - waiting.since
            let fault: Fault?
            if let patience = waiting.request.patience, age >= patience {
                fault = .overloaded("the request waited \(Int(age)) s for a route")
            } else if age >= configuration.queueSeconds, waiting.request.generatedTokens == 0 {
                fault = .overloaded("the request waited \(Int(age)) s for a route")
            } else if limit, age >= configuration.unservableSeconds {
                fault = .unavailable(statusText(at: now))
            } else {
                fault = nil
            }
            guard let fault, let expired = requests.dequeue(waiting.request.id) else { continue }
            refuse(expired.request, fault, at: now)
        }
    }

    /// Stops a request that nobody wants any more.
    private mutating func stop(_ record: RequestRecord, at now: Double) {
        cancelOnWorkers(record, at: now)
        requests.end(record.id, at: now)
    }

    /// Stops what is left of a request and has the gateway continue it elsewhere.
    mutating func lose(
        _ record: RequestRecord, _ fault: Fault, except gone: WorkerKey? = nil, at now: Double
    ) {
        cancelOnWorkers(record, except: gone, at: now)
        requests.end(record.id, at: now)
        emit(.lose(record.id, gateway: record.gateway, fault))
    }

    mutating func refuse(_ request: SubmittedRequest, _ fault: Fault, at now: Double) {
        requests.remember(request.id, at: now)
        emit(.refuse(request.id, gateway: request.gateway, fault))
    }

    private mutating func cancelOnWorkers(_ record: RequestRecord, except gone: WorkerKey? = nil, at now: Double) {
        for key in firstStages(of: record) where key != gone {
            guard let address = workers.liveAddress(key) else { continue }
            emit(.cancel(record.id, address))
            let decodes = replicas[record.placement.decode]?.replica.workers.first == key
            let replica = decodes ? record.placement.decode : record.placement.prefill ?? record.placement.decode
            let reserved = decodes ? record.placement.reserved : record.placement.prefillReserved
            requests.close(record.id, on: address, replica: replica, reserved: reserved, at: now)
        }
    }

    /// The replicas that a request still needs.
    private func replicas(of record: RequestRecord) -> [PlanReplica] {
        var ids = [record.placement.decode]
        if record.usesPrefill, let prefill = record.placement.prefill { ids.insert(prefill, at: 0) }
        return ids.compactMap { replicas[$0]?.replica }
    }

    /// The workers whose loss loses the request.
    private func routeWorkers(of record: RequestRecord) -> [WorkerKey] { replicas(of: record).flatMap(\.workers) }

    /// The workers that are told about the request: the first stages of the replicas that it needs.
    func firstStages(of record: RequestRecord) -> [WorkerKey] { replicas(of: record).compactMap(\.workers.first) }
}
