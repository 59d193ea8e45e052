import Domain
import HTTPTypes
import NIOCore

/// Writes the answer of one interface: parts in, bytes out.
protocol AnswerEncoder: Sendable {
    /// The headers of a stream.
    var headers: HTTPFields { get }
    /// What keeps a silent stream alive; `nil` where the interface has nothing that means nothing.
    var keepAlive: ByteBuffer? { get }
    /// What comes before any part.
    mutating func opening() -> [ByteBuffer]
    /// A part of the answer.
    mutating func frames(for piece: AnswerPiece) -> [ByteBuffer]
    /// The end.
    mutating func closing(_ end: AnswerEnd) -> [ByteBuffer]
    /// The end of an answer that cannot go on.
    mutating func failure(_ error: APIError) -> [ByteBuffer]
    /// The whole answer.
    func whole(_ choice: FinishedChoice, _ end: AnswerEnd) -> JSONValue
}

extension AnswerEncoder {
    var headers: HTTPFields { ServerSentEvents.headers }
}

/// The stream of an answer with one choice, written by an encoder.
struct ChoiceStream: AnswerStream {
    private var encoder: any AnswerEncoder
    private let request: GenerationRequest
    private let shape: AnswerShape
    private let silence: Duration?
    private var reader: AnswerReader?
    private var usage: Usage
    private var hasEnded = false
    private var lastWrite = ContinuousClock.now
    private(set) var hasFailed = false

    /// Starts a stream that says something after `keepAlive` of silence.
    init(_ encoder: any AnswerEncoder, request: GenerationRequest, shape: AnswerShape, keepAlive: Duration?) {
        self.encoder = encoder
        self.request = request
        self.shape = shape
        silence = keepAlive
        reader = request.reading.map { AnswerReader($0) }
        usage = Usage(promptTokens: request.promptTokens)
    }

    var isComplete: Bool { hasFailed || hasEnded }

    mutating func opening() -> [ByteBuffer] {
        lastWrite = .now
        return encoder.opening()
    }

    mutating func frames(for item: RequestGroup.Item) -> [ByteBuffer] {
        guard case .output(_, let output) = item else {
            guard let silence, let frame = encoder.keepAlive, ContinuousClock.now - lastWrite >= silence else {
                return []
            }
            lastWrite = .now
            return [frame]
        }
        let frames = frames(for: output)
        if !frames.isEmpty { lastWrite = .now }
        return frames
    }

    private mutating func frames(for output: RequestOutput) -> [ByteBuffer] {
        switch output {
        case .accepted, .prompt: return []
        case .text(let text, let tokens, _):
            usage.completionTokens += tokens
            let pieces = reader?.append(text, tokens: tokens) ?? (text.isEmpty ? [] : [.content(text)])
            usage.reasoningTokens = reader?.reasoningTokens ?? 0
            return write(pieces)
        case .ended(let reason, let stop, let times):
            usage.times.append(times)
            hasEnded = true
            let last = write(reader?.finish() ?? [])
            return last
                + encoder.closing(AnswerEnd(reason, stop: stop, hasCalls: reader?.hasCalls ?? false, usage: usage))
        case .failed(let error):
            hasFailed = true
            return encoder.failure(shape.error(error, for: request))
        }
    }

    private mutating func write(_ pieces: [AnswerPiece]) -> [ByteBuffer] {
        var frames: [ByteBuffer] = []
        for piece in pieces { frames += encoder.frames(for: piece) }
        return frames
    }

    mutating func closing() -> [ByteBuffer] {
        guard !isComplete else { return [] }
        hasFailed = true
        return encoder.failure(APIError.unavailable("the request was given up"))
    }
}
