import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// What is written of an answer while it is generated: items in, frames out.
protocol AnswerStream: Sendable {
    /// Whether nothing more is waited for.
    var isComplete: Bool { get }
    /// Whether it ended with an error.
    var hasFailed: Bool { get }
    /// What comes before any token.
    mutating func opening() -> [ByteBuffer]
    /// What one item leads to.
    mutating func frames(for item: RequestGroup.Item) -> [ByteBuffer]
    /// What comes last.
    mutating func closing() -> [ByteBuffer]
}

/// Answers with a stream while the choices are generated.
struct StreamedAnswer: Sendable {
    let request: GenerationRequest
    let shape: AnswerShape
    let group: RequestGroup
    let keepAlive: Duration?
    let writeTimeout: Duration
    /// The headers of the stream.
    var headers = ServerSentEvents.headers
    /// Writes it; OpenAI's chunks where absent.
    var stream: (any AnswerStream)?

    /// Waits until it is known whether the request is served, so that a refusal has its HTTP status, then streams.
    func response(_ connection: ClientConnection, _ gone: ClientWatch) async throws(APIError) -> Response {
        let group = group
        let watch = StreamWatch(
            interval: min(keepAlive.map { $0 / 4 } ?? .seconds(5), .seconds(5)), writeTimeout: writeTimeout,
            nudge: { group.nudge() }, cut: { connection.abort() })
        let opened = ContinuousClock.now
        var first: RequestGroup.Item?
        var items = group.items
        while !group.ids.isEmpty {
            guard let item = await items.next() else { throw APIError.clientClosed }
            if case .output(_, .failed(let error)) = item {
                gone.stop()
                group.cancel()
                throw shape.error(error, for: request)
            }
            first = item
            // After a while of waiting the headers are sent, so that comments can keep the connection alive.
            if item != .silence || keepAlive.map({ ContinuousClock.now - opened > $0 }) == true { break }
        }
        let pending = first
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                defer {
                    watch.stop()
                    gone.stop()
                    group.cancel()
                }
                var stream: any AnswerStream = stream ?? EventStream(answer: self)
                for frame in stream.opening() { try await watch.write(frame, to: &writer) }
                if let pending {
                    for frame in stream.frames(for: pending) { try await watch.write(frame, to: &writer) }
                }
                var items = group.items
                while !stream.isComplete, let item = await items.next() {
                    for frame in stream.frames(for: item) { try await watch.write(frame, to: &writer) }
                }
                for frame in stream.closing() { try await watch.write(frame, to: &writer) }
                try await writer.finish(nil)
                if stream.hasFailed { connection.closeAfterAnswer() }
            })
    }
}

/// The frames of OpenAI's streams.
struct EventStream: AnswerStream {
    private let request: GenerationRequest
    private let shape: AnswerShape
    private let keepAlive: Duration?
    private var usage: Usage
    private var running: Int
    private var started: Set<Int> = []
    /// Of choices that are read as more than text.
    private var readers: [Int: AnswerReader] = [:]
    private let logprobs: LogprobsShape?
    private var offsets: [Int: TextOffset] = [:]
    private var lastWrite = ContinuousClock.now
    /// Whether an error was sent.
    private(set) var hasFailed = false

    init(answer: StreamedAnswer) {
        request = answer.request
        shape = answer.shape
        keepAlive = answer.keepAlive
        usage = Usage(promptTokens: answer.request.promptTokens, choices: answer.request.choices)
        running = answer.group.ids.count
        logprobs = answer.shape.logprobs(answer.request)
        if let reading = answer.request.reading {
            for index in 0..<running { readers[index] = AnswerReader(reading) }
        }
    }

    /// Whether nothing more is waited for.
    var isComplete: Bool { hasFailed || running == 0 }

    /// What comes before any token: roles in a chat, repeated prompts.
    mutating func opening() -> [ByteBuffer] {
        var frames: [ByteBuffer] = []
        for index in 0..<request.sequenceCount {
            if request.kind == .chat { frames.append(frame(shape.opening(index: index))) }
            // With log probabilities it comes when they are known.
            if request.echoes, running == 0 || logprobs == nil {
                frames.append(frame(shape.text(request.echo(index), index: index)))
            }
            if running == 0 { frames.append(frame(shape.closing(.length, stop: nil, index: index))) }
        }
        return frames
    }

    /// What one item leads to.
    mutating func frames(for item: RequestGroup.Item) -> [ByteBuffer] {
        guard case .output(let index, let output) = item else {
            guard let keepAlive, ContinuousClock.now - lastWrite >= keepAlive else { return [] }
            lastWrite = .now
            return [ServerSentEvents.comment]
        }
        switch output {
        case .accepted: return []
        case .prompt(let scored):
            let told = told(scored, index)
            offsets[index]?.endPrompt()
            return [frame(shape.text(request.echo(index), index: index, logprobs: told))]
        case .text(let text, let tokens, let scored):
            usage.completionTokens += tokens
            let before = readers[index]?.reasoningTokens ?? 0
            if let pieces = readers[index]?.append(text, tokens: tokens) {
                usage.reasoningTokens += (readers[index]?.reasoningTokens ?? 0) - before
                let isFirst = tokens > 0 && started.insert(index).inserted
                let told = told(scored, index)
                if pieces.isEmpty, isFirst || !scored.isEmpty {
                    return [frame(shape.text("", index: index, logprobs: told))]
                }
                return pieces.enumerated().map {
                    frame(shape.piece($1, index: index, logprobs: $0 == 0 ? told : .null))
                }
            }
            // The first token is shown even where its text is held back: clients take the time of the first chunk.
            guard !text.isEmpty || !scored.isEmpty || started.insert(index).inserted && tokens > 0 else { return [] }
            started.insert(index)
            return [frame(shape.text(text, index: index, logprobs: told(scored, index)))]
        case .ended(let reason, let stop, let times):
            usage.times.append(times)
            running -= 1
            let last = readers[index]?.finish() ?? []
            let hasCalls = readers[index]?.hasCalls ?? false
            return last.map { frame(shape.piece($0, index: index)) }
                + [frame(shape.closing(reason, stop: stop, hasCalls: hasCalls, index: index))]
        case .failed(let error):
            hasFailed = true
            return [ServerSentEvents.frame(shape.error(error, for: request).body)]
        }
    }

    /// The log probabilities of a chunk; `null` where none are asked for, or none of its tokens is shown.
    private mutating func told(_ scored: [ScoredToken], _ index: Int) -> JSONValue {
        guard let logprobs, !scored.isEmpty else { return .null }
        if request.kind == .chat { return logprobs.chat(scored) }
        var offset = offsets[index] ?? TextOffset(prompt: request.echo(index))
        defer { offsets[index] = offset }
        return logprobs.completion(scored, offset: &offset)
    }

    /// What comes last.
    mutating func closing() -> [ByteBuffer] {
        if hasFailed { return [ServerSentEvents.done] }
        guard running == 0 else {
            hasFailed = true
            let error = APIError.unavailable("the request was given up")
            return [ServerSentEvents.frame(error.body), ServerSentEvents.done]
        }
        let last = request.includesUsage ? [ServerSentEvents.frame(shape.usage(usage))] : []
        return last + [ServerSentEvents.done]
    }

    private mutating func frame(_ chunk: JSONValue) -> ByteBuffer {
        lastWrite = .now
        return ServerSentEvents.frame(request.usageInEveryChunk ? chunk.adding(["usage": usage.json]) : chunk)
    }
}
