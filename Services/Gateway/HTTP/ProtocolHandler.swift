import NIOCore
import NIOHTTP1

/// What HTTP/1 asks of a server besides requests and answers: `100 Continue` for clients that wait for it, bodies that end with the
/// connection for clients of HTTP/1.0, and an answer to what cannot be read as a request.
///
/// Stands between the decoder of bytes and the codec of parts.
final class ProtocolHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Whether the requests that have no whole answer yet are of HTTP/1.0, in their order.
    private var unanswered: [Bool] = []
    /// Whether the client of the last request waits before it sends the body.
    private var isAwaited = false
    private var hasFailed = false
    private let refused: (Int) -> Void

    /// Makes a handler; `refused` is told the status of what could not be read.
    init(refused: @escaping (Int) -> Void) { self.refused = refused }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        if case .head(var head) = part {
            let isOld = head.version.major < 1 || head.version == .http1_0
            unanswered.append(isOld)
            isAwaited = !isOld && head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
            if isOld {
                // Whoever reads the request closes behind the answer.
                head.headers.replaceOrAdd(name: "connection", value: "close")
                part = .head(head)
            }
        } else {
            isAwaited = false
        }
        context.fireChannelRead(wrapInboundOut(part))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if hasFailed {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head):
            isAwaited = false
            if unanswered.first == true {
                head.version = .http1_0
                head.headers.replaceOrAdd(name: "connection", value: "close")
            }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            if !unanswered.isEmpty { unanswered.removeFirst() }
            context.write(data, promise: promise)
        case .body: context.write(data, promise: promise)
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyWanted else { return context.triggerUserOutboundEvent(event, promise: promise) }
        promise?.succeed()
        guard isAwaited else { return }
        isAwaited = false
        context.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What comes behind bytes that could not be read is of no use.
        if hasFailed { return }
        // Where an answer is due, whoever gives it is told.
        guard let error = error as? HTTPParserError, unanswered.isEmpty else {
            return context.fireErrorCaught(error)
        }
        hasFailed = true
        let refusal: APIError = error == .headerOverflow ? .headersTooLarge : .unreadable
        refused(refusal.status)
        let body = refusal.body.serialized()
        let headers: HTTPHeaders = [
            "content-type": "application/json", "content-length": "\(body.count)", "connection": "close",
            "x-should-retry": "false",
        ]
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: refusal.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.channel.triggerUserOutboundEvent(CloseAfterAnswer(), promise: nil)
    }
}

/// Asks `ProtocolHandler` to let a waiting client send its body.
struct BodyWanted: Sendable {}
