/// How far the clock of another process is ahead of ours, as questions and their answers tell. Processes of one host
/// share a clock.
public struct ClockOffset: Sendable, Hashable {
    /// Microseconds; the answer is taken to have been made half way between question and arrival.
    public var microseconds: Int
    /// It is at most so far from the truth: half of the way there and back.
    public var uncertainty: Int

    /// Reads one answer.
    ///
    /// - Parameters:
    ///   - sent: when the question left, in microseconds of our clock.
    ///   - received: when the answer came.
    ///   - told: the other clock in the answer.
    public init(sent: Int, received: Int, told: Int) {
        microseconds = told - (sent + received) / 2
        uncertainty = max(0, received - sent + 1) / 2
    }

    /// What its times are corrected by: nothing where the clocks may agree, so that a slow answer does not move what is
    /// right.
    public var correction: Int { abs(microseconds) > uncertainty ? microseconds : 0 }

    /// The most certain one.
    public static func best(_ offsets: [ClockOffset]) -> ClockOffset? {
        offsets.min { $0.uncertainty < $1.uncertainty }
    }
}
