import Domain

/// What a service does with its inputs. It lives on the run loop of its shell, so it needs no locks; what takes long runs in
/// `tasks`, and what comes of it comes back through the inbox.
public protocol ServiceDesk<Input> {
    /// Everything that the service reacts to.
    associatedtype Input: Sendable

    /// Handles one input.
    ///
    /// - Parameters:
    ///   - now: seconds of a clock that only grows.
    ///   - tasks: work that may take long; cancelled when the service stops.
    mutating func handle(_ input: Input, at now: Double, _ tasks: inout DiscardingTaskGroup) async

    /// Figures of its own, beside those of its sockets.
    var figures: [ServiceFigure] { get }

    /// Why it cannot do its work at the moment, a sentence each; empty where it can.
    var problems: [String] { get }

    /// Whether nothing that it waits for is due soon, so that its ticks may come a second apart.
    var isAtRest: Bool { get }

    /// What it remembers of the requests that it handled lately; `nil` where it handles none.
    var trace: TraceLog? { get }

    /// Called once, after the last input and before the sockets close.
    mutating func finish() async
}

extension ServiceDesk {
    /// None of its own.
    public var figures: [ServiceFigure] { [] }
    /// It can always work.
    public var problems: [String] { [] }
    /// Something may always be due.
    public var isAtRest: Bool { false }
    /// It handles no requests.
    public var trace: TraceLog? { nil }
    /// Nothing to do.
    public mutating func finish() async {}
}

/// A figure of a service, as Prometheus names it.
public struct ServiceFigure: Sendable, Hashable {
    /// What a figure may do.
    public enum Kind: String, Sendable {
        /// Only grows.
        case counter
        /// Goes up and down.
        case gauge
    }

    /// The name without prefix, such as `queue_length`; counters end in `_total`.
    public let name: String
    /// What it means.
    public let help: String
    /// What it may do.
    public let kind: Kind
    /// Label names and values, such as `socket="control"`.
    public let labels: [String: String]
    /// The figure.
    public let value: Double

    /// Makes a figure.
    public init(_ name: String, _ help: String, kind: Kind = .gauge, labels: [String: String] = [:], _ value: Double) {
        self.name = name
        self.help = help
        self.kind = kind
        self.labels = labels
        self.value = value
    }
}

/// Figures in the text format of Prometheus (version 0.0.4).
enum PrometheusText {
    /// Lines of all figures; those of one name stand together.
    static func lines(_ figures: [ServiceFigure], prefix: String) -> String {
        var order: [String] = []
        var groups: [String: [ServiceFigure]] = [:]
        for figure in figures {
            if groups[figure.name] == nil { order.append(figure.name) }
            groups[figure.name, default: []].append(figure)
        }
        var text = ""
        for name in order {
            guard let group = groups[name], let first = group.first else { continue }
            text += "# HELP \(prefix)\(name) \(first.help)\n# TYPE \(prefix)\(name) \(first.kind.rawValue)\n"
            for figure in group {
                let labels = figure.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value))\"" }
                let suffix = labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
                text += "\(prefix)\(name)\(suffix) \(ExactFigure.text(figure.value))\n"
            }
        }
        return text
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
