import CZeroMQ
import Glibc

/// A timer that can be polled, finer than the milliseconds of `zmq_poll`.
struct TimerDescriptor: ~Copyable {
    let descriptor: Int32

    /// `nil` where the process has no descriptors left; the caller then has only milliseconds.
    init?() {
        descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK | TFD_CLOEXEC))
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Makes the descriptor readable after `delay`; earlier settings are replaced.
    borrowing func fire(after delay: Duration) {
        let (seconds, attoseconds) = max(delay, .nanoseconds(1)).components
        // Longer waits end at an hour and are set again.
        var time = timespec(tv_sec: 3600, tv_nsec: 0)
        if seconds < 3600 { time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000)) }
        var setting = itimerspec(it_interval: timespec(tv_sec: 0, tv_nsec: 0), it_value: time)
        unsafe timerfd_settime(descriptor, 0, &setting, nil)
    }

    /// Takes the expiry, so that the descriptor is silent again.
    borrowing func acknowledge() {
        var expiries: UInt64 = 0
        _ = unsafe read(descriptor, &expiries, MemoryLayout<UInt64>.size)
    }
}
