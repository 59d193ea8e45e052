import Foundation

/// Work that computes for long or blocks, on a thread of its own: Swift's cooperative pool has a thread for every core only.
public enum OwnThread {
    /// Runs `body` on a new thread and waits for what it returns.
    public static func run<Value: Sendable>(name: String, _ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: body()) }
            thread.name = name
            // Searches recurse once for every device of a group.
            thread.stackSize = 8 << 20
            thread.start()
        }
    }
}
