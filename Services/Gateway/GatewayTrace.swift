import Domain
import Protocol
import ServiceRuntime

/// Moments of requests in the gateway.
extension TraceLog {
    /// What clients, the scheduler and last stages say.
    mutating func note(_ event: GatewayEvent) {
        switch event {
        case .opened(let streams):
            let now = ContinuousClock.now
            for (id, stream) in streams { note(.received, id, at: now, rows: stream.demand.prompt.count) }
        case .accepted(let wire, _, let body): note(.accepted, wire, replica: body.route.decodeReplica)
        case .tokens(let wire, let index, let tokens, _, _, _, _):
            note(index == 0 ? .firstToken : .token, wire, rows: tokens.count, position: index)
        case .lost(let wire, _): note(.lost, wire)
        case .moved(let wire, let body): note(.moved, wire, replica: body.route.decodeReplica)
        case .abandoned(let id), .cancelled(let id): note(.cancelled, id)
        default: break
        }
    }

    /// What is done.
    mutating func note(_ instruction: GatewayInstruction) {
        switch instruction {
        case .submit(let submission): note(.submitted, submission.id, rows: submission.tokens.count)
        case .deliver(let id, .ended): note(.ended, id)
        case .deliver(let id, .failed): note(.failed, id)
        default: break
        }
    }
}
