/// What pre-tokenizers need to know about a code point.
enum ScalarClass {
    static let other: UInt8 = 0
    static let letter: UInt8 = 1
    static let number: UInt8 = 2
    static let space: UInt8 = 3
    /// Punctuation; like `other` to all but the `default` pre-tokenizer.
    static let punctuation: UInt8 = 4

    /// Classes of the basic multilingual plane.
    private static let table: [UInt8] = (UInt32(0)..<0x10000).map(compute)

    /// The class of any number; surrogates and numbers that are no code points are `other`.
    static func of(_ value: UInt32) -> UInt8 {
        value < 0x10000 ? table[Int(value)] : compute(value)
    }

    private static func compute(_ value: UInt32) -> UInt8 {
        guard let scalar = Unicode.Scalar(value) else { return other }
        let properties = scalar.properties
        if properties.isWhitespace { return space }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return letter
        case .decimalNumber, .letterNumber, .otherNumber: return number
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return punctuation
        default: return other
        }
    }
}
