import Foundation
import Inference
import Synchronization

/// The one thread that computes: it owns the engines, so that no other thread touches weights or KV cache, and runs jobs
/// in the order in which they were handed in.
final class ComputeThread: Sendable {
    /// What lives on the thread only.
    final class Local {
        /// Loaded stages by slot.
        var engines: [Int: StageEngine] = [:]
        /// Weights that they share.
        let store = WeightStore()
        private var constraints: ConstraintCache?

        /// The constraints of the model; a worker serves one.
        func constraints(of model: ModelFile) -> ConstraintCache {
            if let constraints { return constraints }
            let made = ConstraintCache(gguf: model.gguf)
            constraints = made
            return made
        }
    }

    private typealias Job = @Sendable (Local) -> Void
    private struct State {
        var jobs: [Job] = []
        var stopped = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    /// Jobs that were handed in, for a thread that looks out for the next one.
    private let handedIn = Atomic<Int>(0)
    private let mayLookOut: Bool
    private let ended = DispatchSemaphore(value: 0)

    /// Starts the thread. Where it `mayLookOut`, other processors have nothing to compute for this process, and it stays awake
    /// for a moment where the job after the last one came within such a moment: a sequence that is alone on a device has its
    /// next step a fraction of a millisecond after the last, and to be woken takes as long.
    init(name: String, mayLookOut: Bool = false) {
        self.mayLookOut = mayLookOut
        let thread = Thread { [self] in loop() }
        thread.name = name
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// Runs a job and hands its result to `completion` on the compute thread.
    func enqueue<Value: Sendable>(
        _ job: @escaping @Sendable (Local) throws -> Value,
        completion: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) {
        let accepted = post { local in completion(Result { try job(local) }) }
        if !accepted { completion(.failure(CancellationError())) }
    }

    /// Runs a job and waits for its result without blocking a thread.
    func run<Value: Sendable>(_ job: @escaping @Sendable (Local) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            enqueue(job) { continuation.resume(with: $0) }
        }
    }

    /// Lets the jobs that were handed in finish, frees the engines and ends the thread.
    func stop() async {
        state.withLock { $0.stopped = true }
        wake.signal()
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                self.ended.wait()
                continuation.resume()
            }
        }
    }

    private func post(_ job: @escaping Job) -> Bool {
        let accepted = state.withLock { state in
            guard !state.stopped else { return false }
            state.jobs.append(job)
            return true
        }
        if accepted {
            handedIn.wrappingAdd(1, ordering: .releasing)
            wake.signal()
        }
        return accepted
    }

    private static let moment = Duration.microseconds(500)

    /// Waits for another job, for a moment at most, and lets others have the processor.
    private func lookOut(beyond taken: Int, since began: ContinuousClock.Instant) {
        while handedIn.load(ordering: .acquiring) <= taken, began.duration(to: .now) < Self.moment { sched_yield() }
    }

    private func loop() {
        let local = Local()
        var (taken, lastWait) = (0, Duration.seconds(1))
        while true {
            let began = ContinuousClock.now
            if mayLookOut, lastWait < Self.moment { lookOut(beyond: taken, since: began) }
            wake.wait()
            lastWait = began.duration(to: .now)
            taken += 1
            let (job, stopped) = state.withLock { state -> (Job?, Bool) in
                state.jobs.isEmpty ? (nil, state.stopped) : (state.jobs.removeFirst(), false)
            }
            if let job {
                job(local)
            } else if stopped {
                local.engines = [:]
                ended.signal()
                return
            }
        }
    }
}

/// Emulates a slower processor: after work the thread rests so that it is busy for `share` of the time.
struct DutyCycle: Sendable {
    let share: Double

    /// Rests after `seconds` of work; returns the time that the work took together with the rest.
    func rest(after seconds: Double) -> Double {
        guard share < 1, seconds > 0 else { return seconds }
        let rest = seconds * (1 / share - 1)
        var time = timespec(tv_sec: Int(rest), tv_nsec: Int((rest - rest.rounded(.down)) * 1e9))
        var left = timespec()
        while nanosleep(&time, &left) != 0 && errno == EINTR { time = left }
        return seconds + rest
    }
}
