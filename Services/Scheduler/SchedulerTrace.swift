import Domain
import Protocol
import Scheduling
import ServiceRuntime

/// Moments of requests in the scheduler.
extension TraceLog {
    /// What a gateway or a worker says about a request.
    mutating func note(_ event: SchedulerEvent, in message: WireMessage?) {
        let arrived = message?.arrived ?? .now
        switch event {
        case .submitted(let request): note(.submitted, request.id, at: arrived, rows: request.promptTokens)
        case .cancelled(let request): note(.cancelled, request, at: arrived)
        case .requestEvent(_, let report):
            note(Self.kind(report.event.moment), report.request, at: arrived)
        default: break
        }
    }

    private static func kind(_ moment: RequestEvent.Moment) -> TraceMoment.Kind {
        switch moment {
        case .prefillStarted: .prefillStarted
        case .prefillFinished: .prefillFinished
        case .kvComplete: .kvComplete
        case .decodeStarted: .decodeStarted
        case .finished: .finished
        case .failed: .failed
        }
    }

    /// What is done with a request.
    mutating func note(_ instruction: SchedulerInstruction) {
        switch instruction {
        case .start(let routed):
            note(.routed, routed.request, replica: routed.route.prefillReplica ?? routed.route.decodeReplica)
        case .moved(let routed): note(.moved, routed.request, replica: routed.route.decodeReplica)
        case .lose(let request, _, _): note(.lost, request)
        case .refuse(let request, _, _): note(.refused, request)
        default: break
        }
    }
}
