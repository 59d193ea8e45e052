/// The messages that a socket receives, in order; it ends when the socket is closed and the buffer is empty, or when the
/// waiting task is cancelled.
///
/// One consumer gets every message; several consumers share them. When the consumer lags beyond
/// `SocketOptions.receiveQueue` the socket is not read, so that the sender is held back and nothing is lost.
public struct MessageSequence: AsyncSequence, Sendable {
    /// Messages.
    public typealias Element = Message

    let channel: Channel

    /// Hands out messages one by one.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let channel: Channel

        /// The next message, or `nil` at the end.
        public mutating func next() async -> Message? { await channel.state.inbox.next() }

        /// The next message, or `nil` at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Message? {
            await channel.state.inbox.next()
        }
    }

    /// Starts to iterate.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(channel: channel) }
}
