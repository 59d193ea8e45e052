import Domain
import Scheduling
import Testing

/// What must hold after every event, whatever happens.
struct SchedulerInvariants {
    private var lastEpoch: Epoch = 0
    /// The epoch in which each replica was formed last.
    private var formed: [ReplicaID: Epoch] = [:]
    /// Sessions that said hello and were welcomed, by worker.
    private var welcome: [WorkerKey: String] = [:]
    /// Requests whose submission has not been answered.
    private(set) var unanswered: Set<RequestID> = []

    mutating func schedulerRestarted() {
        // A new scheduler learns epochs from workers; where all of them have restarted, too, it counts from the start.
        self = SchedulerInvariants()
    }

    mutating func check(
        _ event: SchedulerEvent, _ instructions: [SchedulerInstruction], core: SchedulerCore, at now: Double
    ) {
        if case .submitted(let request) = event { unanswered.insert(request.id) }
        for instruction in instructions { check(instruction) }
        let snapshot = core.snapshot(at: now)
        expect(core.highestEpoch >= lastEpoch, "the epoch fell")
        for replica in snapshot.replicas {
            // Beside another replica there may be less memory than was reserved before it came.
            let fits = !replica.serves || (0...2000).contains(replica.kvReservedTokens)
            expect(fits, "\(replica.replica) holds \(replica.kvReservedTokens) of \(replica.kvCapacityTokens) tokens")
        }
        if let problem = snapshot.plan?.problem(layers: Sample.layers) { expect(false, problem) }
    }

    /// As `#expect`, but cheap enough for every event of thousands of schedules.
    private func expect(_ condition: Bool, _ text: @autoclosure () -> String) {
        if !condition { Issue.record(Comment(rawValue: text())) }
    }

    private mutating func check(_ instruction: SchedulerInstruction) {
        switch instruction {
        case .welcome(let address): welcome[address.key] = address.session
        case .prepare(let address, let stage, let epoch):
            expectKnown(address)
            // What a scheduler took over was formed by the one before.
            let known = formed[stage.replica] ?? epoch
            expect(epoch > lastEpoch || epoch == known, "an epoch is given twice or falls")
            lastEpoch = max(lastEpoch, epoch)
            formed[stage.replica] = epoch
            expect(stage.layers != nil, "a stage that its plan does not have")
        case .release(let address, _, _, _): expectKnown(address)
        case .start(let routed):
            expectKnown(routed.first)
            for replica in [routed.route.prefillReplica, routed.route.decodeReplica].compactMap(\.self) {
                expect(routed.epoch >= formed[replica] ?? 0, "a request starts in an old epoch")
            }
            expect(unanswered.remove(routed.request) != nil, "\(routed.request) was started without being asked for")
            expect(routed.reservedTokens > 0, "no memory reserved")
            expect(routed.maxTokens > 0, "no token may be generated")
        case .confirm(let routed): unanswered.remove(routed.request)
        case .refuse(let id, _, _):
            expect(unanswered.remove(id) != nil, "\(id) was refused without being asked for")
        case .lose(let id, _, let fault):
            // Only what is wrong with a request itself is for good.
            expect(fault.isRetriable || fault.code == Fault.constraintFailedCode, "\(id) is lost for good")
        case .cancel(_, let address): expectKnown(address)
        default: break
        }
    }

    private func expectKnown(_ address: WorkerAddress) {
        expect(welcome[address.key] == address.session, "\(address) is addressed but is not the process that is known")
    }
}
