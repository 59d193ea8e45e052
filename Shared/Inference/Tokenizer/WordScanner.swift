/// What the scanners of words share: access to code points up to the end of the range that is being split.
protocol WordScanner {
    var text: ScannedText { get }
    var end: Int { get }
}

extension WordScanner {
    func isClass(_ wanted: UInt8, _ index: Int) -> Bool { index < end && text.classes[index] == wanted }

    /// Neither space nor letter nor number.
    func isSymbol(_ index: Int) -> Bool {
        guard index < end else { return false }
        let found = text.classes[index]
        return found == ScalarClass.other || found == ScalarClass.punctuation
    }

    func isScalar(_ value: UInt32, _ index: Int) -> Bool { index < end && text.scalars[index] == value }

    func isNewline(_ index: Int) -> Bool { isScalar(0x0A, index) || isScalar(0x0D, index) }

    /// The end of the run of a class that starts at `index`, cut at `longest`.
    func runEnd(_ wanted: UInt8, _ index: Int, longest: Int = .max) -> Int {
        var stop = index
        while isClass(wanted, stop), stop - index < longest { stop += 1 }
        return stop
    }

    func symbolRunEnd(_ index: Int) -> Int {
        var index = index
        while isSymbol(index) { index += 1 }
        return index
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d` at `index`, as a length; `nil` where it does not match.
    func contraction(_ index: Int, ignoringCase: Bool) -> Int? {
        guard isScalar(0x27, index), index + 1 < end else { return nil }
        let first = letter(index + 1, ignoringCase)
        switch first {
        case "s", "t", "m", "d": return 2
        case "r", "v": return letter(index + 2, ignoringCase) == "e" ? 3 : nil
        case "l": return letter(index + 2, ignoringCase) == "l" ? 3 : nil
        default: return nil
        }
    }

    private func letter(_ index: Int, _ ignoringCase: Bool) -> Unicode.Scalar? {
        guard index < end, text.scalars[index] < 0x80 else { return nil }
        let value = UInt8(text.scalars[index])
        let upper = UInt8(ascii: "A")...UInt8(ascii: "Z")
        return Unicode.Scalar(ignoringCase && upper.contains(value) ? value | 0x20 : value)
    }

    /// `\s+(?!\S)|\s+` at a space: a run of spaces leaves its last one to the word that follows.
    func spacesEnd(_ index: Int) -> Int {
        let run = runEnd(ScalarClass.space, index)
        return run == end || run - index == 1 ? run : run - 1
    }
}

/// Finds the ends of the words of `SplitPass.gpt2`.
struct GPT2Scanner: WordScanner {
    let text: ScannedText
    let end: Int

    /// The end, after `index`, of the word that starts there.
    func wordEnd(_ index: Int) -> Int {
        if let length = contraction(index, ignoringCase: false) { return index + length }
        let start = isScalar(0x20, index) ? index + 1 : index
        if isClass(ScalarClass.letter, start) { return runEnd(ScalarClass.letter, start) }
        if isClass(ScalarClass.number, start) { return runEnd(ScalarClass.number, start) }
        if isSymbol(start) { return symbolRunEnd(start) }
        return spacesEnd(index)
    }
}

/// Finds the ends of the words of `SplitPass.llama`.
struct LlamaScanner: WordScanner {
    let text: ScannedText
    let end: Int
    let digits: Int

    /// The end, after `index`, of the word that starts there.
    func wordEnd(_ index: Int) -> Int {
        if let length = contraction(index, ignoringCase: true) { return index + length }
        if isClass(ScalarClass.letter, index) { return runEnd(ScalarClass.letter, index) }
        if isClass(ScalarClass.number, index) { return runEnd(ScalarClass.number, index, longest: digits) }
        if !isNewline(index), isClass(ScalarClass.letter, index + 1) {
            return runEnd(ScalarClass.letter, index + 1)
        }
        let start = isScalar(0x20, index) ? index + 1 : index
        if isSymbol(start) {
            var stop = symbolRunEnd(start)
            while isNewline(stop) { stop += 1 }
            return stop
        }
        let run = runEnd(ScalarClass.space, index)
        if let newline = (index..<run).last(where: isNewline) { return newline + 1 }
        return spacesEnd(index)
    }
}
