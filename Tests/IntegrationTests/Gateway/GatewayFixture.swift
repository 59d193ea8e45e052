import Domain
import Logging
import Messaging
import Protocol
import ServiceLifecycle
import ServiceRuntime

@testable import Gateway

/// A gateway with its HTTP server on a free port, in front of a fake fleet.
struct GatewayFixture: Sendable {
    let gateway: GatewayServer
    let fleet: FakeFleet
    let port: Int
    private let group: ServiceGroup

    /// Runs `body` with everything started and, unless told otherwise, ready; ends everything afterwards.
    static func run(
        ready: Bool = true, model: ServedModel = ByteVocabulary.model,
        configure: (inout GatewayConfiguration) -> Void = { _ in },
        behave: @escaping @Sendable (FakeFleet.Seen, Int) -> FakeFleet.Behaviour = { _, _ in
            .answer(ByteVocabulary.tokens("Hello!") + [ByteVocabulary.end], .stop)
        }, _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        var configuration = GatewayConfiguration(modelPath: "")
        configuration.port = 0
        configuration.addresses[.tokens] = "tcp://127.0.0.1:*"
        configuration.drain = .zero
        let context = try MessagingContext()
        let fleet = try FakeFleet(context: context, behave: behave)
        try await fleet.start()
        configuration.addresses[.control] = fleet.controlEndpoint
        configuration.addresses[.state] = fleet.stateEndpoint
        configuration.addresses[.fleet] = "inproc://no-fleet"
        configuration.addresses[.registry] = "inproc://no-registry"
        configure(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let gateway = GatewayServer.build(
            configuration, model: model, context: context, logger: logger)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [gateway.service.shell, gateway.http], logger: logger))
        let running = Task { try await group.run() }
        var publishing: Task<Void, Never>?
        var failure: (any Error)?
        do {
            let port = try await eventually { gateway.http.port }
            let tokens = try await eventually { gateway.service.tokensEndpoint }
            try await fleet.connectStage(to: tokens)
            if ready {
                publishing = Task {
                    while !Task.isCancelled {
                        fleet.publish(GatewayCoreTests.state())
                        try? await Task.sleep(for: .milliseconds(50))
                    }
                }
                _ = try await eventually { gateway.service.obstacle == nil ? true : nil }
            }
            try await body(GatewayFixture(gateway: gateway, fleet: fleet, port: port, group: group))
        } catch {
            failure = error
        }
        publishing?.cancel()
        await group.triggerGracefulShutdown()
        try await running.value
        await fleet.close()
        await context.terminate()
        if let failure { throw failure }
    }

    /// Asks everything to stop, as a signal does.
    func stop() async { await group.triggerGracefulShutdown() }

    /// One request on a connection of its own.
    func ask(
        _ method: String, _ path: String, _ body: String? = nil, headers: [String: String] = [:]
    ) async throws -> HTTPAnswer {
        let connection = try await RawConnection.open(port: port)
        let answer = try await connection.ask(method, path, body: body, headers: headers)
        await connection.close()
        return answer
    }

    /// The JSON of an answer to a POST.
    func json(_ path: String, _ body: String) async throws -> (status: Int, value: JSONValue) {
        let answer = try await ask("POST", path, body)
        return (answer.status, try JSONParser.parse(Array(answer.body.utf8)))
    }
}

/// Asks again and again until there is a value, for at most a minute: hundreds of tests may begin at the same time.
func eventually<Value>(_ probe: () async -> Value?) async throws -> Value {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
        if let value = await probe() { return value }
        try await Task.sleep(for: .milliseconds(5))
    }
    throw Unexpected(what: "it did not happen within a minute")
}

/// The data of every event of a stream.
func events(_ body: String) throws -> [JSONValue] {
    try body.components(of: "\n\n").compactMap { frame in
        guard frame.hasPrefix("data: "), frame != "data: [DONE]" else { return nil }
        return try JSONParser.parse(Array(frame.dropFirst(6).utf8))
    }
}

extension String {
    /// The parts between occurrences of a separator.
    func components(of separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: true).map(String.init)
    }
}
