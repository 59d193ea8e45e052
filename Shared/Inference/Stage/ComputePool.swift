internal import Kernels

/// The kernels' threads; the calling thread is one of them.
///
/// Not thread-safe: one piece of work at a time, from one thread at a time.
@safe final class ComputePool {
    let pointer: OpaquePointer
    /// Threads, the caller included.
    let threads: Int

    init(threads: Int) throws {
        guard let count = Int32(exactly: threads), let pointer = unsafe e2_pool_create(count) else {
            throw InferenceError(
                .invalidInput, "cannot start a pool of \(threads) compute threads (1...256 are possible)")
        }
        unsafe self.pointer = unsafe pointer
        self.threads = threads
    }

    deinit { unsafe e2_pool_destroy(pointer) }

    /// Calls `body` once for every item on any of the threads and returns when all are done.
    ///
    /// `body` must be safe to call from several threads at once.
    func forEach(_ count: Int, _ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            unsafe withUnsafePointer(to: body) { context in
                unsafe e2_pool_for(
                    pointer, Int32(count),
                    { context, item, _ in
                        unsafe context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(item))
                    }, unsafe UnsafeMutableRawPointer(mutating: context))
            }
        }
    }
}
