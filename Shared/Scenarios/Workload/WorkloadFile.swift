internal import Domain

/// The file `workloads/NAME.csv`, and the form of the public Azure traces.
public enum WorkloadFile {
    /// Most bytes that are read unless told otherwise.
    public static let byteLimit = 1 << 30
    /// Most requests of a stream.
    public static let requestLimit = 10_000_000
    /// Most tokens of a prompt, or of an output.
    public static let tokenLimit = 1 << 24

    /// Reads a stream from the bytes of its file (also `String.utf8`). For a file that is too large to hold, see
    /// `WorkloadParser`.
    ///
    /// The first line says which form it is: `request_id,t_unit,prompt_tokens,output_tokens`, or
    /// `TIMESTAMP,ContextTokens,GeneratedTokens`. Timestamps become times at a mean rate of 1; rows of a trace without
    /// prompt or output are dropped and counted.
    ///
    /// - Throws: `tooLarge`, `malformed`, or what is wrong with a field, naming the line.
    public static func read(
        _ bytes: some Collection<UInt8>, name: String, limit: Int = byteLimit
    ) throws(ScenarioError) -> RequestStream {
        let count = bytes.count
        guard count <= limit else {
            throw ScenarioError(.tooLarge, in: .workload, "\(count) bytes, at most \(limit) are read")
        }
        var parser = WorkloadParser(name: name)
        // An array is taken without copying it.
        try parser.feed(bytes as? [UInt8] ?? Array(bytes))
        return try parser.finish()
    }

    /// The bytes of a stream's file, for `read`; times with all their digits.
    public static func write(_ stream: RequestStream) throws(ScenarioError) -> [UInt8] {
        let check = FieldCheck(kind: .workload)
        var text = WorkloadForm.native.header + "\n"
        for request in stream.requests {
            let id = request.id.rawValue
            try check.name(id, "request_id")
            guard !id.contains(","), id == id.trimmingSpaces else {
                throw ScenarioError(
                    .invalidField, in: .workload,
                    "request_id \(MessageText.name(id)) holds a comma or begins or ends with a space")
            }
            text += "\(id),\(request.arrival),\(request.promptTokens),\(request.outputTokens)\n"
        }
        return Array(text.utf8)
    }
}

extension String {
    fileprivate var trimmingSpaces: Substring {
        var text = Substring(self)
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
