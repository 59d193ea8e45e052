internal import Domain

/// Reads a request stream piece by piece, so that a file need not be in memory as a whole.
///
/// `feed` takes the next bytes, cut anywhere; `finish` ends the last line and gives the stream.
public struct WorkloadParser: Sendable {
    /// Longest line in bytes.
    private static let longestLine = 4096

    private let name: String
    private let requestLimit: Int
    private var form: WorkloadForm?
    private var line = 0
    /// The beginning of a line whose end has not come yet.
    private var rest: [UInt8] = []
    private var requests: [StreamRequest] = []
    private var dropped = 0
    private var rows = 0
    private var latest = -Double.infinity
    /// The first timestamp of a trace, in nanoseconds.
    private var origin: Int?

    /// Makes a parser for a stream that will carry `name`.
    public init(name: String) { self.init(name: name, requestLimit: WorkloadFile.requestLimit) }

    init(name: String, requestLimit: Int) {
        self.name = name
        self.requestLimit = requestLimit
    }

    /// Takes the next bytes of the file.
    ///
    /// - Throws: what is wrong with a field, naming the line; the parser is of no use afterwards.
    public mutating func feed(_ chunk: [UInt8]) throws(ScenarioError) {
        var start = 0
        if !rest.isEmpty {
            let end = chunk.firstIndex(of: Self.lineEnd) ?? chunk.count
            guard rest.count + end <= Self.longestLine else { throw tooLong() }
            rest += chunk[..<end]
            guard end < chunk.count else { return }
            let whole = rest
            rest.removeAll(keepingCapacity: true)
            try take(LineFields(whole, 0..<whole.count))
            start = end + 1
        }
        while let end = chunk[start...].firstIndex(of: Self.lineEnd) {
            guard end - start <= Self.longestLine else { throw tooLong() }
            try take(LineFields(chunk, start..<end))
            start = end + 1
        }
        guard chunk.count - start <= Self.longestLine else { throw tooLong() }
        rest = Array(chunk[start...])
    }

    /// Ends the file and gives its stream.
    ///
    /// - Throws: what is wrong with the last line; `invalidField` for a file without requests.
    public mutating func finish() throws(ScenarioError) -> RequestStream {
        if !rest.isEmpty {
            let whole = rest
            rest = []
            try take(LineFields(whole, 0..<whole.count))
        }
        guard let form else {
            throw ScenarioError(.malformed, in: .workload, "the file is empty; \(Self.wantedHeader)")
        }
        guard !requests.isEmpty else {
            let dropped = dropped > 0 ? " (\(dropped) rows without tokens)" : ""
            throw ScenarioError(.invalidField, in: .workload, "there are no requests\(dropped)")
        }
        let stream = RequestStream(name: name, requests: requests, droppedRequests: dropped)
        guard form == .trace else { return stream }
        guard requests.count == 1 || latest > requests[0].arrival else {
            throw ScenarioError(.invalidField, in: .workload, "TIMESTAMP is the same in every row, there is no rate")
        }
        return stream.atUnitRate()
    }

    private static let lineEnd = UInt8(ascii: "\n")
    private static let wantedHeader =
        "the first line must be " + WorkloadForm.allCases.map(\.header).joined(separator: " or ")

    private mutating func take(_ fields: consuming LineFields) throws(ScenarioError) {
        line += 1
        if line == 1 { fields.skipByteOrderMark() }
        if fields.isBlank { return }
        switch form {
        case nil:
            let found = fields.text
            var names: [String] = []
            while let name = fields.next() { names.append(fields.string(name)) }
            guard let form = WorkloadForm.allCases.first(where: { $0.fields == names }) else {
                throw ScenarioError(
                    .malformed, in: .workload, "line \(line): \(MessageText.name(found)): \(Self.wantedHeader)")
            }
            self.form = form
        case .native: try takeNative(&fields)
        case .trace: try takeTrace(&fields)
        }
    }

    private mutating func takeNative(_ fields: inout LineFields) throws(ScenarioError) {
        try countRow()
        let id = fields.next()
        let time = fields.next()
        let prompt = fields.next()
        let output = fields.next()
        guard let id, let time, let prompt, let output, fields.next() == nil else {
            throw fault("\(fields.count) fields instead of \(WorkloadForm.native.header)", .malformed)
        }
        guard !id.isEmpty, id.count <= FieldCheck.longestText else {
            throw fault("request_id has \(id.count) bytes, it must have 1...\(FieldCheck.longestText)")
        }
        guard let arrival = fields.number(time) else {
            throw fault("t_unit is \(fields.shown(time)), it must be a number")
        }
        guard arrival >= 0, arrival <= 1e15 else {
            throw fault("t_unit is \(fields.shown(time)), it must not be negative nor above 1e15")
        }
        guard arrival >= latest else {
            throw fault("t_unit is \(fields.shown(time)), it must not fall below the \(latest) of the request before")
        }
        latest = arrival
        requests.append(
            StreamRequest(
                id: RequestID(rawValue: fields.string(id)), arrival: arrival,
                promptTokens: try tokens(prompt, "prompt_tokens", fields, least: 1),
                outputTokens: try tokens(output, "output_tokens", fields, least: 1)))
    }

    private mutating func takeTrace(_ fields: inout LineFields) throws(ScenarioError) {
        try countRow()
        let time = fields.next()
        let prompt = fields.next()
        let output = fields.next()
        guard let time, let prompt, let output, fields.next() == nil else {
            throw fault("\(fields.count) fields instead of \(WorkloadForm.trace.header)", .malformed)
        }
        guard let stamp = fields.timestamp(time) else {
            throw fault("TIMESTAMP is \(fields.shown(time)), it must be like 2023-11-16 18:15:46.6805900")
        }
        let arrival = Double(stamp - (origin ?? stamp)) * 1e-9
        origin = origin ?? stamp
        guard arrival >= latest else {
            throw fault("TIMESTAMP is \(fields.shown(time)), it must not be before the one of the row above")
        }
        let promptTokens = try tokens(prompt, "ContextTokens", fields, least: 0)
        let outputTokens = try tokens(output, "GeneratedTokens", fields, least: 0)
        latest = arrival
        guard promptTokens > 0, outputTokens > 0 else {
            dropped += 1
            return
        }
        requests.append(
            StreamRequest(
                id: RequestID(rawValue: String(rows - 1)), arrival: arrival, promptTokens: promptTokens,
                outputTokens: outputTokens))
    }

    private mutating func countRow() throws(ScenarioError) {
        rows += 1
        guard rows <= requestLimit else { throw fault("more than \(requestLimit) requests", .tooLarge) }
    }

    private func tokens(
        _ field: Range<Int>, _ name: String, _ fields: borrowing LineFields, least: Int
    ) throws(ScenarioError) -> Int {
        guard let tokens = fields.whole(field), tokens >= least, tokens <= WorkloadFile.tokenLimit else {
            throw fault(
                "\(name) is \(fields.shown(field)), it must be a whole number in \(least)...\(WorkloadFile.tokenLimit)")
        }
        return tokens
    }

    private func fault(_ problem: String, _ code: ScenarioError.Code = .invalidField) -> ScenarioError {
        ScenarioError(code, in: .workload, "line \(line): \(problem)")
    }

    private func tooLong() -> ScenarioError {
        ScenarioError(.malformed, in: .workload, "line \(line + 1): longer than \(Self.longestLine) bytes")
    }
}
