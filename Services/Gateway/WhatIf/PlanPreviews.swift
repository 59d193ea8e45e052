import Domain
import Logging
import Messaging
import Protocol
import ServiceRuntime
import Synchronization

/// Asks the clusterer which plan it would make. It is connected to for the time of a question only, so that a gateway needs none to
/// start and to work.
final class PlanPreviews: Sendable {
    private struct State {
        var sockets: ServiceSockets<GatewayEvent>?
        var isAsking = false
    }

    private let state = Mutex(State())
    private static let presence = Duration.seconds(2)
    private static let timeout = Duration.seconds(60)

    /// Lets questions be asked over the sockets of a service until it stops.
    func run(_ sockets: ServiceSockets<GatewayEvent>) async {
        state.withLock { $0.sockets = sockets }
        // Nothing is sent: it ends when the task is cancelled.
        for await _ in AsyncStream<Never>.makeStream().stream {}
        state.withLock { $0.sockets = nil }
    }

    /// The plan that would be made.
    ///
    /// - Throws: `overloaded` while another question is asked, `unavailable` without a clusterer, and whatever that reports.
    func ask(_ preview: PlanPreview) async throws(Fault) -> PlanPreviewed {
        let sockets = try begin()
        defer { state.withLock { $0.isAsking = false } }
        let client: ClientSocket
        do {
            client = try await ClientSocket.connect(
                to: sockets.addresses[.plan], on: sockets.thread, session: sockets.session, name: "gateway",
                options: sockets.addresses.keyring?.connecting(.control, to: .plan) ?? .control)
        } catch {
            sockets.logger.warning("the clusterer cannot be asked: \(error)")
            throw Fault("unavailable", "there is no clusterer that could be asked", isRetriable: true)
        }
        let answer = await Self.ask(client, preview)
        await client.close()
        return try answer.get()
    }

    private func begin() throws(Fault) -> ServiceSockets<GatewayEvent> {
        let (sockets, isFree) = state.withLock { state in
            let isFree = !state.isAsking
            if state.sockets != nil { state.isAsking = true }
            return (state.sockets, isFree)
        }
        guard let sockets else { throw Fault("unavailable", "the gateway is starting or stopping", isRetriable: true) }
        guard isFree else { throw Fault("overloaded", "another plan is being searched", isRetriable: true) }
        return sockets
    }

    private static func ask(_ client: ClientSocket, _ preview: PlanPreview) async -> Result<PlanPreviewed, Fault> {
        do {
            // Whether somebody is there is known long before a search could be over.
            _ = try await client.request(Outgoing(.ping), timeout: presence)
        } catch {
            let fault = (error as? RuntimeError)?.reported
            return .failure(fault ?? Fault("unavailable", "the clusterer does not answer", isRetriable: true))
        }
        do {
            let reply = try await client.request(Outgoing(.planPreview, body: preview), timeout: timeout)
            return .success(try reply.body(as: PlanPreviewed.self))
        } catch let error as ProtocolError {
            return .failure(Fault(error.code.rawValue, "the clusterer's answer: \(error.message)"))
        } catch {
            let fault = (error as? RuntimeError)?.reported
            return .failure(
                fault ?? Fault("unavailable", "the clusterer did not answer in time", isRetriable: true))
        }
    }
}
