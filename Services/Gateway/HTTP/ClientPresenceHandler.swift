import NIOCore
import Synchronization

/// Notices that a client has gone while nothing is written to it, and closes connections whose answer was the last one.
///
/// HTTP handlers talk to it by outbound user events, which end here.
final class ClientPresenceHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = Never
    typealias OutboundIn = Never

    private var watcher: ClientWatch?
    private var inputEnded = false

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        switch event {
        case let watch as ClientWatch:
            if inputEnded { watch.fire() } else { watcher = watch }
            promise?.succeed()
        case is CloseAfterAnswer:
            // The answer is in the socket; reading goes on for a moment, so that closing does not reset it.
            context.close(mode: .output, promise: nil)
            let channel = context.channel
            context.eventLoop.scheduleTask(in: .milliseconds(500)) { channel.close(promise: nil) }
            promise?.succeed()
        default: context.triggerUserOutboundEvent(event, promise: promise)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { ended() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    private func ended() {
        inputEnded = true
        watcher?.fire()
        watcher = nil
    }
}

/// Calls its action once when the client has gone, unless it was switched off before.
final class ClientWatch: Sendable {
    private let action: Mutex<(@Sendable () -> Void)?>

    init(_ action: @escaping @Sendable () -> Void) { self.action = Mutex(action) }

    /// Runs the action, the first time.
    func fire() { take()?() }

    /// Forgets the action.
    func stop() { _ = take() }

    private func take() -> (@Sendable () -> Void)? {
        action.withLock { action in
            defer { action = nil }
            return action
        }
    }
}

/// Asks `ClientPresenceHandler` to close the connection.
struct CloseAfterAnswer: Sendable {}
