import Domain
import Messaging
import Protocol
import ServiceRuntime
import Synchronization
import Testing

/// A context with a socket thread, ended whatever the body does.
func withThread<Result>(_ body: (MessagingContext, SocketThread) async throws -> Result) async throws -> Result {
    let context = try MessagingContext()
    do {
        let result = try await body(context, try context.makeThread(name: "test"))
        await context.terminate()
        return result
    } catch {
        await context.terminate()
        throw error
    }
}

/// Looks again and again until the condition holds; fails at the deadline.
func eventually(
    within limit: Duration = .seconds(20), _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
}

/// Collects from any thread.
final class Collector<Element: Sendable>: Sendable {
    private let state = Mutex<[Element]>([])

    func append(_ element: Element) { state.withLock { $0.append(element) } }
    var all: [Element] { state.withLock { $0 } }
}

/// A number that any thread may set.
final class Number: Sendable {
    private let state = Mutex(0)
    var value: Int {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// A server, for its own handler.
final class ServerHolder: Sendable {
    private let state = Mutex<ServerSocket?>(nil)

    var server: ServerSocket? { state.withLock { $0 } }
    func set(_ server: ServerSocket?) { state.withLock { $0 = server } }
}

/// The frames of a message without body; its number is padded to a long name, which replies repeat.
func frames(_ type: MessageType, id: Int) throws -> [Frame] {
    let envelope = Envelope(type: type, id: "\(id)." + String(repeating: "0", count: 100), session: "test")
    return try Codec.encode(envelope, body: EmptyBody()).map { Frame($0) }
}
