/// A piece of a report, which can be shown as a page or as a text document.
public enum ReportBlock: Sendable, Hashable {
    /// A heading of a part.
    case heading(String)
    /// A paragraph.
    case text(String)
    /// Points.
    case list([String])
    /// A table; the first row is its head.
    case table([[String]])
    /// A picture; text documents leave it out.
    case figure(ReportFigure)
}
