/// How a process that was kept running ended.
enum ProcessEnd: Sendable, Hashable, CustomStringConvertible {
    case exit(Int32)
    case signal(Int32)
    /// The reason.
    case notStarted(String)

    var description: String {
        switch self {
        case .exit(let code): "exit code \(code)"
        case .signal(let number): "signal \(number)"
        case .notStarted(let reason): "cannot be started: \(reason)"
        }
    }

    /// Whether the process says that it was called wrongly, so that the next start ends in the same way: EX_USAGE and
    /// EX_CONFIG of sysexits.h, and 2, which shells and most programs end with for wrong arguments.
    var isRefusal: Bool {
        switch self {
        case .exit(let code): [2, 64, 78].contains(code)
        case .signal, .notStarted: false
        }
    }
}

/// Decides when a process that has ended is started again: at once, and with growing pauses only while it keeps ending right
/// after its start.
struct RestartPolicy: Sendable, Hashable {
    /// What is done.
    enum Decision: Sendable, Hashable {
        case again(after: Duration)
        case never
    }

    /// The pause after the first end.
    static let shortest: Duration = .milliseconds(50)
    /// The longest pause.
    static let longest: Duration = .seconds(10)
    /// A process that ran for this long has not ended right after its start.
    static let steady: Duration = .seconds(5)

    private var pause = Self.shortest

    /// A process has ended that ran for `lifetime`.
    mutating func ended(_ end: ProcessEnd, after lifetime: Duration) -> Decision {
        if end.isRefusal { return .never }
        if lifetime >= Self.steady { pause = Self.shortest }
        defer { pause = min(pause * 2, Self.longest) }
        return .again(after: pause)
    }
}
