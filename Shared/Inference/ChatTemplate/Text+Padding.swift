extension Text {
    /// Where a text stands in a field that is wider.
    enum Alignment: Sendable {
        case left, right, center
    }

    /// The text with a character on its sides up to a width; what is added counts as the template's.
    func padded(to width: Int, _ alignment: Alignment, with fill: Text = Text(" ", isTemplate: true)) -> Text {
        let missing = width - count
        guard missing > 0 else { return self }
        let before =
            switch alignment {
            case .left: 0
            case .right: missing
            // As Python's `center` has it.
            case .center: missing / 2 + (missing & width & 1)
            }
        var result = Text()
        for _ in 0..<before { result.append(fill) }
        result.append(self)
        for _ in 0..<missing - before { result.append(fill) }
        return result
    }

    /// Where `needle` starts last; its end where it is empty.
    func findLast(_ needle: Text) -> Int? {
        guard needle.count <= count else { return nil }
        return (0...count - needle.count).last { scalars[$0..<$0 + needle.count].elementsEqual(needle.scalars) }
    }

    /// Runs of letters, digits and underscores.
    var wordCount: Int {
        var words = 0
        var isInWord = false
        for scalar in scalars {
            let isPart = scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            if isPart, !isInWord { words += 1 }
            isInWord = isPart
        }
        return words
    }
}
