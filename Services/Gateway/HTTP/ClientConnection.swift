import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// What a handler knows of the connection besides the request.
struct ClientConnection: InitializableFromSource, Sendable {
    private let channel: any Channel
    let logger: Logger

    init(source: ApplicationRequestContextSource) {
        channel = source.channel
        logger = source.logger
    }

    /// Calls `action` once when the client closes its side, at once if it has done so already. Stop the watch when the
    /// answer is complete.
    func onGone(_ action: @escaping @Sendable () -> Void) -> ClientWatch {
        let watch = ClientWatch(action)
        channel.pipeline.triggerUserOutboundEvent(watch, promise: nil)
        return watch
    }

    /// Lets a client send its body that waits for being told so.
    func wantBody() { channel.pipeline.triggerUserOutboundEvent(BodyWanted(), promise: nil) }

    /// Closes the connection once what has been written is sent.
    func closeAfterAnswer() { channel.pipeline.triggerUserOutboundEvent(CloseAfterAnswer(), promise: nil) }

    /// Closes the connection at once.
    func abort() { channel.close(promise: nil) }
}
