/// A string of a template that knows of every code point whether the template wrote it or a message brought it.
struct Text: Sendable {
    private(set) var scalars: [Unicode.Scalar]
    /// Whether the template wrote a code point; as long as `scalars`.
    private(set) var isTemplate: [Bool]

    init() {
        scalars = []
        isTemplate = []
    }

    init(_ string: String, isTemplate: Bool) {
        scalars = Array(string.unicodeScalars)
        self.isTemplate = Array(repeating: isTemplate, count: scalars.count)
    }

    init(_ part: Text, _ range: Range<Int>) {
        scalars = Array(part.scalars[range])
        isTemplate = Array(part.isTemplate[range])
    }

    var count: Int { scalars.count }
    var isAllTemplate: Bool { isTemplate.allSatisfy { $0 } }

    var string: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    mutating func append(_ other: Text) {
        scalars += other.scalars
        isTemplate += other.isTemplate
    }

    mutating func append(_ other: Text, at index: Int) {
        scalars.append(other.scalars[index])
        isTemplate.append(other.isTemplate[index])
    }

    /// Every code point replaced by a string of its own.
    func mapped(_ transform: (Unicode.Scalar) -> String) -> Text {
        var result = Text()
        for index in scalars.indices {
            for scalar in transform(scalars[index]).unicodeScalars {
                result.scalars.append(scalar)
                result.isTemplate.append(isTemplate[index])
            }
        }
        return result
    }

    func hasPrefix(_ other: Text) -> Bool { scalars.starts(with: other.scalars) }

    func hasSuffix(_ other: Text) -> Bool { scalars.suffix(other.count).elementsEqual(other.scalars) }

    /// Where `needle` (not empty) starts, at or after an index.
    func find(_ needle: Text, from start: Int = 0) -> Int? {
        guard let first = needle.scalars.first, needle.count <= count else { return nil }
        var index = start
        while index <= count - needle.count {
            if scalars[index] == first, scalars[index..<index + needle.count].elementsEqual(needle.scalars) {
                return index
            }
            index += 1
        }
        return nil
    }

    /// Without the code points of a set (white space by default) at the ends.
    func trimmed(_ set: Text? = nil, leading: Bool = true, trailing: Bool = true) -> Text {
        let isMember: (Unicode.Scalar) -> Bool =
            set.map { set in { set.scalars.contains($0) } } ?? {
                $0.properties.isWhitespace || (0x1C...0x1F).contains($0.value)
            }
        var start = 0
        var end = count
        if leading { while start < end, isMember(scalars[start]) { start += 1 } }
        if trailing { while end > start, isMember(scalars[end - 1]) { end -= 1 } }
        return Text(self, start..<end)
    }

    /// The segments that the text consists of.
    var segments: [TemplateSegment] {
        var result: [TemplateSegment] = []
        var start = 0
        for index in 1...max(count, 1) where index >= count || isTemplate[index] != isTemplate[start] {
            guard start < count else { break }
            result.append(TemplateSegment(text: Text(self, start..<index).string, isTemplateText: isTemplate[start]))
            start = index
        }
        return result
    }
}

extension Text: Hashable {
    static func == (left: Text, right: Text) -> Bool { left.scalars == right.scalars }
    func hash(into hasher: inout Hasher) { hasher.combine(scalars) }
}
