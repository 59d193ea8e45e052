import Domain
import Protocol
import Scheduling
import ServiceRuntime

/// What the run loop takes: an event for the core with the message that it came in, to be answered, or a question about
/// the state.
enum SchedulerInput: Sendable {
    /// For the core.
    case event(SchedulerEvent, WireMessage?)
    /// `state.get`.
    case stateAsked(WireMessage)

    /// Reads a message of the control socket; `nil` for a type that it does not know.
    ///
    /// - Throws: `ProtocolError` naming what is wrong with the message.
    static func read(_ message: WireMessage) throws(ProtocolError) -> SchedulerInput? {
        let session = message.envelope.session
        switch message.type {
        case .workerHello:
            let body: WorkerHello = try message.body()
            let minor = body.protocolMinor ?? 0
            guard minor >= ProtocolVersion.leastWorkerMinor else {
                throw ProtocolError(
                    .unsupportedVersion,
                    "the \(body.worker.rawValue) worker of \(body.device) speaks \(ProtocolVersion.identifier).\(minor), this scheduler needs "
                        + "\(ProtocolVersion.identifier).\(ProtocolVersion.leastWorkerMinor): upgrade the worker")
            }
            return .event(.workerHello(body.report(session: session, epoch: message.envelope.epoch ?? 0)), message)
        case .workerHeartbeat:
            let body: WorkerHeartbeat = try message.body()
            let address = WorkerAddress(WorkerKey(body.device, body.worker), session: session)
            return .event(.workerHeartbeat(address, body.load), message)
        case .requestSubmit:
            let body: SubmitRequest = try message.body()
            if let problem = body.sampling.problem {
                throw ProtocolError(.malformed, "\(message.type): \(problem)")
            }
            let request = try body.submitted(id: requestID(of: message), message)
            return .event(.submitted(request), message)
        case .requestCancel: return .event(.cancelled(try requestID(of: message)), message)
        case .gatewayHeartbeat:
            let body: GatewayHeartbeat = try message.body()
            return .event(.gatewayHeartbeat(endpoint: body.endpoint, requests: body.requests), message)
        case .stateGet: return .stateAsked(message)
        default: return nil
        }
    }

    /// Reads a worker's report about a request; the caller knows which worker speaks in the session.
    static func report(_ message: WireMessage, by address: WorkerAddress) throws(ProtocolError) -> SchedulerInput {
        let body: RequestEvent = try message.body()
        return .event(.requestEvent(address, RequestReport(try requestID(of: message), body)), message)
    }

    private static func requestID(of message: WireMessage) throws(ProtocolError) -> RequestID {
        guard let id = message.envelope.request, !id.rawValue.isEmpty else {
            throw ProtocolError(.malformed, "\(message.type): the envelope names no request")
        }
        return id
    }
}
