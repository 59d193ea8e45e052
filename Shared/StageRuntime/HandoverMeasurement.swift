import Domain
import Messaging
import Protocol

/// Measures what a decode step takes on this worker besides computing and the network: its message is written and read, it is
/// handed to the compute thread, and what comes of it is handed back.
struct HandoverMeasurement: Sendable {
    let compute: ComputeThread
    /// Where the run loop runs.
    let thread: SocketThread
    /// Bytes of the hidden state of one token.
    let rowBytes: Int

    private static let repetitions = 31
    /// About what another stage computes meanwhile: a processor that has slept takes longer to wake.
    private static let pause = Duration.milliseconds(3)

    /// The median, in seconds.
    func run() async throws -> Double {
        let envelope = Envelope(type: .stageForward, id: "1", session: "handover", request: nil, epoch: 1)
        let part = StepPart(request: "handover", start: 100, count: 1, sample: true)
        let body = StageForward(step: 1, replica: "handover", stage: 1, entries: [part], hidden: rowBytes / 4)
        var times: [Double] = []
        for _ in 0..<Self.repetitions {
            try await thread.clock.sleep(for: Self.pause)
            let began = ContinuousClock.now
            let frames = try Codec.encode(envelope, body: body)
            let header = try Codec.decode(
                version: frames[0], envelope: frames[1], body: frames[2], tensorByteCounts: [rowBytes])
            _ = try header.body(as: StageForward.self)
            try await compute.run { _ in }
            times.append(began.duration(to: .now) / .seconds(1))
        }
        return times.sorted()[times.count / 2]
    }
}
