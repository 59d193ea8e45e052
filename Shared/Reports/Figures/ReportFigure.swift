/// A picture of a report.
public struct ReportFigure: Sendable, Hashable {
    /// A short name of letters, digits and `-`, for a file.
    public var name: String
    /// The run that it is of, as a place in the report's runs; `nil` for all of them.
    public var run: Int?
    /// The picture, an SVG text that needs nothing else.
    public var svg: String

    /// Makes a picture.
    public init(name: String, run: Int? = nil, svg: String) {
        self.name = name
        self.run = run
        self.svg = svg
    }
}
