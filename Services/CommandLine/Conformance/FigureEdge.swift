/// What a figure of a sound message is replaced by, to see what a service makes of it.
struct FigureEdge: Sendable {
    /// What it is called in a report.
    let name: String
    /// What is sent; nothing where the figure is left out.
    let value: WireValue?
    /// Whether it is of another JSON type, so that no receiver can read it.
    let isMistyped: Bool

    /// Numbers at which common types end, no number, and what is none.
    static let all: [FigureEdge] =
        ["-1", "0", "2147483648", "9007199254740992", "9223372036854775807", "1e308"].map { number($0) } + [
            FigureEdge(name: "missing", value: nil, isMistyped: false),
            FigureEdge(name: "a text", value: "7", isMistyped: true),
            FigureEdge(name: "a list", value: [], isMistyped: true),
        ]

    /// A number, as it is written.
    static func number(_ text: String) -> FigureEdge {
        FigureEdge(name: text, value: .figure(text), isMistyped: false)
    }
}
