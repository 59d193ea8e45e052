import Domain
import Scheduling
import Testing

/// What must hold after every event, whatever happens.
struct SchedulerInvariants {
    private var lastEpoch: Epoch = 0
    private var committedEpoch: Epoch = 0
    /// Sessions that said hello and were welcomed, by worker.
    private var welcome: [WorkerKey: String] = [:]
    private var preparing: Epoch = 0
    /// Requests that run as far as the gateway was told.
    private(set) var running: Set<RequestID> = []
    /// Requests whose submission has not been answered.
    private(set) var unanswered: Set<RequestID> = []

    mutating func schedulerRestarted() {
        welcome = [:]
        unanswered = []
    }

    mutating func check(
        _ event: SchedulerEvent, _ instructions: [SchedulerInstruction], core: SchedulerCore, at now: Double
    ) {
        if case .submitted(let request) = event { unanswered.insert(request.id) }
        if case .requestEvent(_, let report) = event, case .finished = report.moment { running.remove(report.request) }
        if case .cancelled(let id) = event { running.remove(id) }
        for instruction in instructions { check(instruction) }
        let snapshot = core.snapshot(at: now)
        #expect(snapshot.epoch >= committedEpoch, "the epoch in force fell")
        for replica in snapshot.replicas {
            #expect(replica.kvReservedTokens <= replica.kvCapacityTokens, "\(replica.id) is overbooked")
            #expect(replica.kvReservedTokens >= 0)
        }
        if let plan = snapshot.plan { #expect(plan.problem(layers: Sample.layers) == nil) }
    }

    private mutating func check(_ instruction: SchedulerInstruction) {
        switch instruction {
        case .welcome(let address): welcome[address.key] = address.session
        case .prepare(let address, let stage, let epoch):
            expectKnown(address)
            #expect(epoch > committedEpoch, "an epoch that was in force is prepared")
            #expect(epoch >= lastEpoch, "epochs fell")
            lastEpoch = max(lastEpoch, epoch)
            preparing = epoch
            if let stage { #expect(stage.layers != nil, "a stage that its plan does not have") }
        case .commit(let address, let epoch):
            expectKnown(address)
            #expect(epoch == preparing, "an epoch is committed that is not the one being prepared")
            committedEpoch = max(committedEpoch, epoch)
        case .start(let routed):
            expectKnown(routed.first)
            #expect(routed.epoch >= committedEpoch)
            #expect(unanswered.remove(routed.request) != nil, "\(routed.request) was started without being asked for")
            #expect(routed.reservedTokens > 0)
            #expect(routed.maxTokens > 0)
            running.insert(routed.request)
        case .confirm(let routed): unanswered.remove(routed.request)
        case .refuse(let id, _, _):
            #expect(unanswered.remove(id) != nil, "\(id) was refused without being asked for")
        case .lose(let id, _, let fault):
            running.remove(id)
            #expect(fault.isRetriable)
        case .cancel(_, let address): expectKnown(address)
        default: break
        }
    }

    private func expectKnown(_ address: WorkerAddress) {
        #expect(welcome[address.key] == address.session, "\(address) is addressed but is not the process that is known")
    }
}
