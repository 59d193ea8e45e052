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
    private let logger: Logger
    private let bound = Mutex<Int?>(nil)

    init(configuration: GatewayConfiguration, responder: GatewayResponder, gateway: GatewayService, logger: Logger) {
        self.configuration = configuration
        self.responder = responder
        self.gateway = gateway
        self.logger = logger
    }

    /// The port, once it listens.
    var port: Int? { bound.withLock { $0 } }

    /// Listens until the process is asked to stop, then lets running streams end, but not for ever.
    func run() async throws {
        let limits = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 128)
        let application = Application(
            responder: responder,
            server: .http1(
                configuration: HTTP1Channel.Configuration(
                    additionalChannelHandlers: [ClientPresenceHandler()],
                    idleTimeout: TimeAmount(configuration.idleTimeout), httpDecoderConfiguration: limits)),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: "e2llm",
                availableConnectionsDelegate: .maximum(configuration.maximumConnections, logger: logger)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port
                self.bound.withLock { $0 = port }
                self.logger.info("listening on http://\(self.configuration.host):\(port ?? 0)")
            },
            logger: logger)
        let (drain, place) = (configuration.drain, "\(configuration.host):\(configuration.port)")
        try await withGracefulShutdownHandler {
            do {
                try await application.run()
            } catch let error as IOError where error.errnoCode == EADDRINUSE || error.errnoCode == EADDRNOTAVAIL {
                throw RuntimeError(
                    .badSetting,
                    error.errnoCode == EADDRINUSE
                        ? "\(place) is in use by another process: choose another one with gateway.port"
                        : "\(place) is no address of this machine: choose one with gateway.host")
            }
        } onGracefulShutdown: {
            Task {
                try? await Task.sleep(for: drain)
                self.gateway.failAll()
            }
        }
    }
}
