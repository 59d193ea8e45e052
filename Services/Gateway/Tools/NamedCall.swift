/// A call as a name, a mark and JSON: `get_weather[ARGS]{"city": "Paris"}`, as newer models of Mistral write it.
struct NamedCall {
    let name: String
    let arguments: String
    /// Bytes that it takes.
    let count: Int

    /// Reads a call from the beginning of a text; `nil` while it is not complete.
    init?(_ bytes: [UInt8], mark: String) {
        let mark = Array(mark.utf8)
        guard let end = bytes.firstStart(of: mark) else { return nil }
        var depth = 0
        var isInString = false
        var isEscaped = false
        var position = end + mark.count
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: continue
            }
            guard depth <= 0, !isInString else { continue }
            let name = String(decoding: bytes[..<end], as: UTF8.self)
            // An identifier of the call may follow the name.
            let stem = name.firstRange(of: "[CALL_ID]").map { String(name[..<$0.lowerBound]) } ?? name
            self.name = stem.filter { !$0.isWhitespace }
            arguments = String(decoding: bytes[start..<position].drop { $0.isJSONSpace }, as: UTF8.self)
            count = position
            return
        }
        return nil
    }
}
