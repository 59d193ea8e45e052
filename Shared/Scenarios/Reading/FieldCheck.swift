internal import Domain

/// Checks of single values; every error names the kind of file and the field.
struct FieldCheck {
    /// Longest text of a field, in bytes.
    static let longestText = 200

    let kind: FileKind

    /// That a figure is positive and at most `limit`. Whatever is smaller than `least` would only hide a wrong unit and
    /// make times infinite.
    func positive(
        _ value: Double, _ field: @autoclosure () -> String, least: Double = 1, atMost limit: Double
    ) throws(ScenarioError) {
        guard value > 0, value.isFinite else { throw failed(value, field(), "it must be positive") }
        guard value >= least, value <= limit else {
            throw failed(value, field(), "it must be in \(ExactFigure.text(least))...\(ExactFigure.text(limit))")
        }
    }

    /// That a figure is neither negative nor above `limit`.
    func notNegative(
        _ value: Double, _ field: @autoclosure () -> String, atMost limit: Double
    ) throws(ScenarioError) {
        guard value >= 0, value.isFinite else { throw failed(value, field(), "it must not be negative") }
        guard value <= limit else {
            throw failed(value, field(), "it must be at most \(ExactFigure.text(limit))")
        }
    }

    /// That a name is present, short and printable.
    func name(_ text: String, _ field: @autoclosure () -> String) throws(ScenarioError) {
        guard !text.isEmpty else { throw ScenarioError(.invalidField, in: kind, "\(field()) is empty") }
        try label(text, field())
    }

    /// That a text, which may be empty, is short and printable.
    func label(_ text: String, _ field: @autoclosure () -> String) throws(ScenarioError) {
        guard text.utf8.count <= Self.longestText else {
            throw ScenarioError(
                .invalidField, in: kind,
                "\(field()) has \(text.utf8.count) bytes, at most \(Self.longestText) are accepted")
        }
        guard !text.unicodeScalars.contains(where: MessageText.isControl) else {
            throw ScenarioError(.invalidField, in: kind, "\(field()) holds a control character")
        }
    }

    /// That a list has no more than `limit` elements.
    func count(_ count: Int, _ field: @autoclosure () -> String, atMost limit: Int) throws(ScenarioError) {
        guard count <= limit else {
            throw ScenarioError(
                .tooLarge, in: kind, "\(field()) has \(count) elements, at most \(limit) are accepted")
        }
    }

    private func failed(_ value: Double, _ field: String, _ rule: String) -> ScenarioError {
        ScenarioError(.invalidField, in: kind, "\(field) is \(ExactFigure.text(value)), \(rule)")
    }
}
