import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import ServiceRuntime
import Synchronization

/// The HTTP server.
final class HTTPService: Service {
    private let configuration: GatewayConfiguration
    private let responder: GatewayResponder
    private let gateway: GatewayService
    private let metrics: GatewayMetrics
    private let logger: Logger
    private let bound = Mutex<Int?>(nil)

    init(
        configuration: GatewayConfiguration, responder: GatewayResponder, gateway: GatewayService,
        metrics: GatewayMetrics, logger: Logger
    ) {
        self.configuration = configuration
        self.responder = responder
        self.gateway = gateway
        self.metrics = metrics
        self.logger = logger
    }

    /// The port, once it listens.
    var port: Int? { bound.withLock { $0 } }

    /// Listens until the process is asked to stop, then lets running streams end, but not for ever. Meanwhile it still listens, and
    /// refuses: clients hear that they may try again, and where they hear nothing they give up.
    func run() async throws {
        let application = application()
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [application], logger: logger))
        // Detached, so that the request to stop reaches it only when streams have ended.
        let serving = Task.detached { try await group.run() }
        let place = "\(configuration.host):\(configuration.port)"
        do {
            try await withTaskCancellationHandler {
                try await withGracefulShutdownHandler {
                    try await serving.value
                } onGracefulShutdown: {
                    Task {
                        await self.drain()
                        await group.triggerGracefulShutdown()
                    }
                }
            } onCancel: {
                serving.cancel()
            }
        } catch let error as IOError where error.errnoCode == EADDRINUSE || error.errnoCode == EADDRNOTAVAIL {
            throw RuntimeError(
                .badSetting,
                error.errnoCode == EADDRINUSE
                    ? "\(place) is in use by another process: choose another one with gateway.port"
                    : "\(place) is no address of this machine: choose one with gateway.host")
        }
    }

    /// Refuses new requests, waits for those that run, and fails what is left.
    private func drain() async {
        gateway.startDraining()
        let end = ContinuousClock.now + configuration.drain
        if gateway.openRequests > 0 { logger.notice("waits for \(gateway.openRequests) sequences to end") }
        while gateway.openRequests > 0, ContinuousClock.now < end {
            try? await Task.sleep(for: .milliseconds(20))
        }
        gateway.failAll()
    }

    private func application() -> some Service {
        let limits = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 128)
        let channels = HTTP1Channel.Configuration(
            additionalChannelHandlers: [ClientPresenceHandler()], idleTimeout: TimeAmount(configuration.idleTimeout),
            httpDecoderConfiguration: limits)
        let metrics = metrics
        return Application(
            responder: responder,
            server: HTTPServerBuilder { responder in
                GatewayChannel(responder: responder, configuration: channels) {
                    metrics.responded(status: $0, path: "")
                }
            },
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: "e2llm",
                availableConnectionsDelegate: .maximum(configuration.maximumConnections, logger: logger)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port
                self.bound.withLock { $0 = port }
                self.logger.info("listening on http://\(self.configuration.host):\(port ?? 0)")
            },
            logger: logger)
    }
}
