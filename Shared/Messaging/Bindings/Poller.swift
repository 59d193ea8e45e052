import CZeroMQ

/// Waits for sockets, the mailbox and the next timer.
@safe struct Poller: ~Copyable {
    private var items: [zmq_pollitem_t] = unsafe []
    private var timer: TimerDescriptor?

    /// Starts a new set.
    mutating func removeAll() { unsafe items.removeAll(keepingCapacity: true) }

    /// Adds a descriptor to be read.
    mutating func add(descriptor: Int32) {
        unsafe items.append(zmq_pollitem_t(socket: nil, fd: descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
    }

    /// Adds a socket.
    mutating func add(_ socket: borrowing Socket, reads: Bool, writes: Bool) {
        unsafe items.append(socket.pollItem(events: (reads ? ZMQ_POLLIN : 0) | (writes ? ZMQ_POLLOUT : 0)))
    }

    /// Waits until something in the set is ready or the instant comes.
    mutating func wait(until deadline: ContinuousClock.Instant?) {
        var timeout = -1
        if let deadline {
            let delay = ContinuousClock.now.duration(to: deadline)
            timeout = delay <= .zero ? 0 : delay.milliseconds
            if delay > .zero { arm(delay) }
        }
        // An interruption or a failure shows in no item as ready: the caller's loop goes round.
        unsafe zmq_poll(&items, Int32(items.count), timeout)
    }

    private mutating func arm(_ delay: Duration) {
        if timer == nil { timer = TimerDescriptor() }
        guard timer != nil else { return }
        timer?.acknowledge()
        timer?.fire(after: delay)
        if let descriptor = timer?.descriptor { add(descriptor: descriptor) }
    }
}
