import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// Connections of the HTTP server: Hummingbird's, and what it leaves to its users of the protocol.
struct GatewayChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    private let inner: HTTP1Channel
    private let refused: @Sendable (Int) -> Void

    /// Makes connections; `refused` is told the status of requests that could not be read.
    init(
        responder: @escaping HTTPChannelHandler.Responder, configuration: HTTP1Channel.Configuration,
        refused: @escaping @Sendable (Int) -> Void
    ) {
        inner = HTTP1Channel(responder: responder, configuration: configuration)
        self.refused = refused
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let refused = refused
        return inner.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self).handler
            try pipeline.addHandler(ProtocolHandler(refused: refused), position: .after(decoder))
            return value
        }
    }

    func handle(value: Value, logger: Logger) async { await inner.handle(value: value, logger: logger) }
}
