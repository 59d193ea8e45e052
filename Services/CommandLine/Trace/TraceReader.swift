import Domain
import Foundation
import Messaging
import Protocol
import ServiceRuntime

/// Asks every process of a cluster what it remembers.
struct TraceReader {
    /// Who is asked.
    struct Peer: Sendable {
        var name: String
        /// A well-known socket,
        var setting: EndpointSetting?
        /// or an announced one.
        var endpoint: String
    }

    /// Where the services are.
    let addresses: Addresses
    /// The devices with their workers.
    let fleet: Fleet

    private static let patience = Duration.seconds(3)
    /// Questions that only find out how the clocks differ.
    private static let clockQuestions = 3

    /// Gateway, scheduler, workers.
    var peers: [Peer] {
        let central = [("gateway", EndpointSetting.tokens), ("scheduler", .control)].map {
            Peer(name: $0.0, setting: $0.1, endpoint: addresses[$0.1])
        }
        let workers = fleet.devices.flatMap { device in
            device.workers.filter(\.alive).map {
                Peer(name: "\($0.kind == .prefill ? "prefill" : "decoder") \(device.id)", endpoint: $0.endpoint)
            }
        }
        return central + workers.sorted { $0.name < $1.name }
    }

    /// Asks everybody.
    ///
    /// - Parameters:
    ///   - request: as the wire names it; `nil`: the newest one of the gateway,
    ///   - seconds: or, where it is not `nil`, what happened in so many last seconds.
    /// - Throws: `Failure` where nobody remembers it.
    func read(request: String?, seconds: Double?) async throws -> RequestTrace {
        let context = try MessagingContext()
        let result: Result<RequestTrace, any Error>
        do {
            result = .success(try await read(request, seconds, on: try context.makeThread(name: "trace")))
        } catch {
            result = .failure(error)
        }
        await context.terminate()
        return try result.get()
    }

    private func read(_ request: String?, _ seconds: Double?, on thread: SocketThread) async throws -> RequestTrace {
        var name = request
        if name == nil, seconds == nil {
            let gateway = await ask(peers[0], TraceQuestion(limit: 0), on: thread)
            if let problem = gateway.problem { throw Failure(.notReady, "the gateway does not tell: \(problem)") }
            name = gateway.trace?.request
            guard name != nil else { throw Failure(.failed, "the gateway remembers no request") }
        }
        let question = TraceQuestion(request: name, seconds: name == nil ? seconds : nil)
        let answers = await askAll(question, on: thread)
        let trace = RequestTrace(name: name, processes: answers)
        guard !trace.own.isEmpty else {
            let what = name.map { "request \($0)" } ?? "a request in that time"
            let silent = answers.filter { $0.problem != nil }.map { "; \($0.name) does not tell: \($0.problem ?? "")" }
            throw Failure(.failed, "no process remembers \(what)\(silent.joined())")
        }
        return trace
    }

    /// Asks everybody for the time only.
    func clocks() async throws -> [ProcessTrace] {
        let context = try MessagingContext()
        let thread = try context.makeThread(name: "clocks")
        let answers = await askAll(TraceQuestion(request: "-", limit: 0), on: thread)
        await context.terminate()
        return answers
    }

    private func askAll(_ question: TraceQuestion, on thread: SocketThread) async -> [ProcessTrace] {
        await withTaskGroup(of: (Int, ProcessTrace).self) { group in
            for (index, peer) in peers.enumerated() {
                group.addTask { (index, await ask(peer, question, on: thread)) }
            }
            var answers: [Int: ProcessTrace] = [:]
            for await (index, answer) in group { answers[index] = answer }
            return peers.indices.compactMap { answers[$0] }
        }
    }

    /// Asks one process, after its clock.
    private func ask(_ peer: Peer, _ question: TraceQuestion, on thread: SocketThread) async -> ProcessTrace {
        var answer = ProcessTrace(name: peer.name)
        do {
            let client = try await connect(peer, on: thread)
            do {
                var clocks: [ClockOffset] = []
                for _ in 0..<Self.clockQuestions {
                    clocks.append(try await tell(client, TraceQuestion(request: "-", limit: 0)).clock)
                }
                let told = try await tell(client, question)
                answer.trace = told.trace
                answer.clock = ClockOffset.best(clocks + [told.clock])
            } catch {
                answer.problem = Self.reason(error)
            }
            await client.close()
        } catch {
            answer.problem = Self.reason(error)
        }
        return answer
    }

    private func connect(_ peer: Peer, on thread: SocketThread) async throws -> ClientSocket {
        if let setting = peer.setting {
            let options = try addresses.keyring?.connecting(.control, to: setting) ?? .control
            return try await ClientSocket.connect(
                to: peer.endpoint, on: thread, session: Session(), name: "e2llm", options: options)
        }
        return try await ClientSocket.connect(
            announced: peer.endpoint, keyring: addresses.keyring, on: thread, session: Session(), name: "e2llm")
    }

    private func tell(
        _ client: ClientSocket, _ question: TraceQuestion
    ) async throws -> (trace: ServiceTrace, clock: ClockOffset) {
        let sent = Self.now()
        let start = ContinuousClock.now
        let reply = try await client.request(Outgoing(.traceGet, body: question), timeout: Self.patience)
        let elapsed = start.duration(to: reply.arrived)
        let trace: ServiceTrace = try reply.body()
        guard trace.isPlausible else { throw Failure(.failed, "its answer makes no sense") }
        let clock = ClockOffset(
            sent: sent, received: sent + Int(elapsed / .microseconds(1)), told: trace.clockMicroseconds)
        return (trace, clock)
    }

    private static func now() -> Int { Int(Date().timeIntervalSince1970 * 1e6) }

    private static func reason(_ error: any Error) -> String {
        if let error = error as? Failure { return error.description }
        guard let error = error as? RuntimeError else { return "\(error)" }
        if error.reported?.code == "unknown_type" { return "it does not know the question" }
        return error.code == .timedOut ? "it does not answer" : error.reported?.message ?? error.message
    }
}
