import Foundation
import Messaging
import Synchronization
import Testing

/// A context with one socket thread, ended whatever the body does.
struct TestBus {
    let context: MessagingContext
    let thread: SocketThread

    static func with<Result>(
        _ body: (TestBus) async throws -> Result
    ) async throws -> Result {
        let context = try MessagingContext()
        do {
            let result = try await body(TestBus(context: context, thread: try context.makeThread(name: "test")))
            await context.terminate()
            return result
        } catch {
            await context.terminate()
            throw error
        }
    }

    /// A ROUTER on a free port and a DEALER connected to it.
    func pair(
        options: SocketOptions = .control, link: ShapedLink? = nil, dealerThread: SocketThread? = nil
    ) async throws -> (router: RouterSocket, dealer: DealerSocket) {
        let router = try await RouterSocket.bind("tcp://127.0.0.1:*", on: thread, options: options)
        let dealer = try await DealerSocket.connect(
            to: router.endpoint, on: dealerThread ?? thread, options: options, link: link)
        return (router, dealer)
    }
}

/// Looks again and again until the condition holds; fails at the deadline.
func eventually(
    within limit: Duration = .seconds(10), _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
}

/// The port of `tcp://127.0.0.1:PORT`.
func port(of endpoint: String) throws -> UInt16 {
    try #require(endpoint.split(separator: ":").last.flatMap { UInt16($0) })
}

/// Open descriptors of this process, by number and what they are.
func descriptors() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").map { name in
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
        return "\(name) \(target ?? "gone")"
    }
}

/// Collects from any thread.
final class Collector<Element: Sendable>: Sendable {
    private let state = Mutex<[Element]>([])

    func append(_ element: Element) { state.withLock { $0.append(element) } }
    var all: [Element] { state.withLock { $0 } }
    var count: Int { state.withLock { $0.count } }
}

extension Message {
    /// The frames as text.
    var texts: [String] { frames.map { String(decoding: $0.bytes, as: UTF8.self) } }
}

extension MessageSequence {
    /// The next messages, up to a count.
    func collect(_ count: Int) async -> [Message] {
        var messages: [Message] = []
        var iterator = makeAsyncIterator()
        while messages.count < count, let message = await iterator.next() { messages.append(message) }
        return messages
    }

    /// The next message; fails the test at the end of the sequence.
    func one() async throws -> Message { try #require(await collect(1).first) }
}

/// A message to the router and back, among whatever else the router receives.
func echo(_ text: String, _ dealer: DealerSocket, _ router: RouterSocket) async throws {
    try await dealer.send([Frame(text)])
    for await message in router.messages where message.peer == dealer.identity {
        #expect(message.texts == [text])
        try await router.send(message.frames, to: dealer.identity)
        break
    }
    #expect(try await dealer.messages.one().texts == [text])
}
