import Domain
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// A step that the compute thread has got, with the stage that it is for.
struct OrderedStep: Sendable {
    var order: StepOrder
    /// Known when it was ordered: the stage may be gone when it has been computed.
    var place: StagePlace?
}

/// What a step gave, and when it was computed.
struct TimedOutcome: Sendable {
    var outcome: StageEngine.Outcome
    var began: ContinuousClock.Instant
    var ended: ContinuousClock.Instant
}

/// Moments of requests, where they happen anyway. They decide nothing.
extension StageWorker {
    /// What a message of the scheduler or of another stage says.
    func note(_ event: StageEvent, in message: WireMessage) {
        let arrived = message.arrived
        switch event {
        case .start(let opening), .opened(let opening):
            log.note(.opened, opening.request, at: arrived, rows: opening.tokens.count)
        case .forwarded(let step):
            for part in step.parts {
                log.note(
                    .rowsReceived, part.request, at: arrived, replica: step.replica, stage: step.stage,
                    step: step.number, rows: part.count, position: part.start, bytes: bytes(of: part),
                    decode: part.inputToken != nil)
            }
        case .stepDone(let replica, let step, let results, _):
            for result in results {
                log.note(.stepDone, result.request, at: arrived, replica: replica, stage: 0, step: step)
            }
        case .kvArrived(let piece):
            log.note(
                .kvReceived, piece.request, at: arrived, replica: piece.replica, rows: piece.count,
                position: piece.start, bytes: piece.bytes)
        case .firstToken(let request, _, _): log.note(.firstTokenReceived, request, at: arrived)
        default: break
        }
    }

    /// A step has been computed.
    func note(_ step: OrderedStep, _ timed: TimedOutcome) {
        for part in timed.outcome.step.parts {
            log.note(
                .computed, part.request, at: timed.began, took: timed.ended - timed.began,
                replica: step.place?.replica, stage: step.place?.stage, step: step.order.number, rows: part.count,
                position: part.start, decode: part.inputToken != nil)
        }
    }

    /// What is done next.
    func note(_ instruction: StageInstruction) {
        switch instruction {
        case .forward(let step, _):
            let now = ContinuousClock.now
            for part in step.parts {
                log.note(
                    .rowsSent, part.request, at: now, replica: step.replica, stage: step.stage - 1, step: step.number,
                    rows: part.count, position: part.start, bytes: bytes(of: part), decode: part.inputToken != nil)
            }
        case .sendKV(let sending, let export, _):
            log.note(
                .kvSent, sending.request, replica: sending.replica, rows: sending.count, position: sending.start,
                bytes: exports.indices.contains(export) ? exports[export].count : nil)
        case .firstToken(let request, _, _, _, _): log.note(.firstTokenSent, request)
        case .emit(let request, let index, _, _, _, _, _, _, _):
            log.note(
                .emitted, request, replica: computed?.place?.replica, stage: computed?.place?.stage,
                step: computed?.order.number, position: index)
        case .close(let request, _, _): log.note(.closed, request)
        default: break
        }
    }

    /// Bytes of a part's rows between stages.
    private func bytes(of part: StepPart) -> Int { part.count * description.hidden * 4 }
}
