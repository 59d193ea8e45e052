/// Byte-level BPE: splits text into words and merges the bytes of each word by rank.
///
/// A symbol is a token, or, at and above the size of the vocabulary, a string of bytes that merges mention but the
/// vocabulary lacks.
struct BytePairEncoder: TextEncoder {
    let preTokenizer: PreTokenizer
    private let tokenCount: Int32
    private var table: TokenTable
    private var merges: MergeTable
    /// Bytes of the symbols that are no tokens.
    private var extraSymbols: [[UInt8]] = []
    private var byteSymbols: [Int32] = []

    /// - Parameters:
    ///   - vocabulary: the tokens.
    ///   - mergeList: `left right` per merge, in order of rank.
    init(vocabulary: Vocabulary, mergeList: GGUFArray, preTokenizer: PreTokenizer) {
        self.preTokenizer = preTokenizer
        tokenCount = Int32(vocabulary.count)
        table = TokenTable(capacity: vocabulary.count + 256)
        merges = MergeTable(capacity: mergeList.count)
        addTokens(vocabulary)
        for byte in UInt8(0)...255 { byteSymbols.append(intern([byte])) }
        addMerges(mergeList)
    }

    /// Ordinary tokens first: the text of a control token shall not hide one.
    private mutating func addTokens(_ vocabulary: Vocabulary) {
        for wantsNormal in [true, false] {
            vocabulary.forEachByteString { id, bytes in
                if (vocabulary.type(id) == .normal) == wantsNormal { table.insert(bytes, id) }
            }
        }
    }

    private mutating func intern(_ bytes: [UInt8]) -> Int32 {
        let next = tokenCount + Int32(extraSymbols.count)
        let symbol = table.insert(bytes, next)
        if symbol == next { extraSymbols.append(bytes) }
        return symbol
    }

    private mutating func addMerges(_ list: GGUFArray) {
        var bytes: [UInt8] = []
        var rank: UInt32 = 0
        unsafe list.forEachString { _, text in
            defer { rank += 1 }
            // The separator is the first space after the first byte.
            guard text.count > 2, let space = unsafe text.dropFirst().firstIndex(of: 0x20) else { return }
            bytes.removeAll(keepingCapacity: true)
            guard unsafe ByteAlphabet.decode(UnsafeRawBufferPointer(rebasing: text[..<space]), into: &bytes) else {
                return
            }
            let middle = bytes.count
            guard unsafe ByteAlphabet.decode(UnsafeRawBufferPointer(rebasing: text[(space + 1)...]), into: &bytes),
                bytes.count > middle
            else { return }
            let (left, right, whole) = unsafe bytes.withUnsafeBufferPointer { all in
                unsafe (
                    table.find(UnsafeBufferPointer(rebasing: all[..<middle])),
                    table.find(UnsafeBufferPointer(rebasing: all[middle...])), table.find(all)
                )
            }
            let merge = Merge(rank: rank, result: whole ?? intern(bytes))
            merges.insert(left ?? intern(Array(bytes[..<middle])), right ?? intern(Array(bytes[middle...])), merge)
        }
    }

    func encode(_ text: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32]) {
        let scanned = unsafe ScannedText(text)
        var session = MergeSession()
        unsafe scanned.bytes.withUnsafeBufferPointer { bytes in
            preTokenizer.split(scanned) { range in
                let word = scanned.offsets[range.lowerBound]..<scanned.offsets[range.upperBound]
                unsafe encode(word: UnsafeBufferPointer(rebasing: bytes[word]), into: &tokens, &session)
            }
        }
    }

    private func encode(
        word: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32], _ session: inout MergeSession
    ) {
        if word.count == 1 { return unsafe append(byteSymbols[Int(word[0])], to: &tokens) }
        if preTokenizer.ignoresMerges, let token = unsafe table.find(word), token < tokenCount {
            return tokens.append(token)
        }
        unsafe session.merge(word.lazy.map { byteSymbols[Int($0)] }, with: merges) { append($0, to: &tokens) }
    }

    /// A symbol that is no token falls apart into bytes; bytes that are no tokens are left out, as llama.cpp does.
    private func append(_ symbol: Int32, to tokens: inout [Int32]) {
        if symbol < tokenCount { return tokens.append(symbol) }
        for byte in extraSymbols[Int(symbol - tokenCount)] where byteSymbols[Int(byte)] < tokenCount {
            tokens.append(byteSymbols[Int(byte)])
        }
    }
}
