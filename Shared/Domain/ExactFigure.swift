/// Figures as they were given, for messages about them and for programs that read them. For people to read, round first.
public enum ExactFigure {
    /// The number, whole ones without a fraction: `12`, `0.1`, `1e+20`.
    public static func text(_ value: Double) -> String {
        value.magnitude < 1e15 && value == value.rounded() ? String(Int(value)) : String(value)
    }
}
