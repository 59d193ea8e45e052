import Domain
import NIOCore

/// Writes answers of `/v1/responses`: items of thoughts, text and calls, each with events for its beginning, its parts and its
/// end.
struct ResponsesEncoder: AnswerEncoder {
    private let context: AnswerContext
    private let echo: ResponseEcho
    private var done: [ResponseItem] = []
    private var open: ResponseItem?
    private var sequence = 0

    /// Makes the writer of one answer.
    init(_ context: AnswerContext, _ echo: ResponseEcho) {
        (self.context, self.echo) = (context, echo)
    }

    var keepAlive: ByteBuffer? { ServerSentEvents.comment }

    private mutating func event(_ type: String, _ members: JSONValue) -> ByteBuffer {
        defer { sequence += 1 }
        let base: JSONValue = ["type": .string(type), "sequence_number": .integer(sequence)]
        return ServerSentEvents.frame(base.adding(members), named: type)
    }

    /// An event of the open item; of its part where it has one.
    private mutating func event(
        _ type: String, of item: ResponseItem, inPart: Bool, _ members: JSONValue
    ) -> ByteBuffer {
        var place: JSONValue = ["item_id": .string(item.id), "output_index": .integer(item.index)]
        if inPart { place = place.adding(["content_index": 0]) }
        return event(type, place.adding(members))
    }

    mutating func opening() -> [ByteBuffer] {
        let response = echo.object(
            context, status: "in_progress", output: [],
            ["error": .null, "incomplete_details": .null, "usage": .null])
        return ["response.created", "response.in_progress"].map { event($0, ["response": response]) }
    }

    mutating func frames(for piece: AnswerPiece) -> [ByteBuffer] {
        switch piece {
        case .content(let text):
            return begin(.message)
                + delta("response.output_text.delta", text, inPart: true, ["logprobs": []])
        case .reasoning(let text):
            return begin(.reasoning) + delta("response.reasoning_text.delta", text, inPart: true)
        case .call(let number, let name):
            return begin(.call(number, id: context.callID(number), name: name))
        case .arguments(_, let text):
            return delta("response.function_call_arguments.delta", text, inPart: false)
        }
    }

    /// Begins an item of a kind, unless one is open.
    private mutating func begin(_ kind: ResponseItem.Kind) -> [ByteBuffer] {
        if open?.kind == kind { return [] }
        var frames = end("completed")
        let item = ResponseItem(kind: kind, index: done.count, answer: context.name)
        open = item
        frames.append(
            event(
                "response.output_item.added",
                ["output_index": .integer(item.index), "item": item.json]))
        if let part = item.part {
            frames.append(event("response.content_part.added", of: item, inPart: true, ["part": part]))
        }
        return frames
    }

    private mutating func delta(
        _ type: String, _ text: String, inPart: Bool, _ more: JSONValue = .object([])
    ) -> [ByteBuffer] {
        guard var item = open else { return [] }
        item.text += text
        open = item
        return [event(type, of: item, inPart: inPart, (["delta": .string(text)] as JSONValue).adding(more))]
    }

    /// Ends the open item.
    private mutating func end(_ status: String) -> [ByteBuffer] {
        guard var item = open else { return [] }
        open = nil
        item.status = status
        done.append(item)
        let text = JSONValue.string(item.text)
        var frames: [ByteBuffer] = []
        switch item.kind {
        case .message:
            frames.append(
                event("response.output_text.done", of: item, inPart: true, ["text": text, "logprobs": []]))
        case .reasoning:
            frames.append(event("response.reasoning_text.done", of: item, inPart: true, ["text": text]))
        case .call(_, _, let name):
            frames.append(
                event(
                    "response.function_call_arguments.done", of: item, inPart: false,
                    ["name": .string(name), "arguments": text]))
        }
        if let part = item.part {
            frames.append(event("response.content_part.done", of: item, inPart: true, ["part": part]))
        }
        let members: JSONValue = ["output_index": .integer(item.index), "item": item.json]
        return frames + [event("response.output_item.done", members)]
    }

    mutating func closing(_ end: AnswerEnd) -> [ByteBuffer] {
        let isCut = end.reason == .length
        let frames = self.end(isCut ? "incomplete" : "completed")
        let response = echo.ended(context, end, output: done.map(\.json))
        return frames + [event(isCut ? "response.incomplete" : "response.completed", ["response": response])]
    }

    mutating func failure(_ error: APIError) -> [ByteBuffer] {
        let frames = end("incomplete")
        let fault: JSONValue = [
            "code": error.status == 429 ? "rate_limit_exceeded" : "server_error", "message": .string(error.message),
        ]
        let response = echo.object(
            context, status: "failed", output: done.map(\.json),
            ["error": fault, "incomplete_details": .null, "usage": .null])
        return frames + [event("response.failed", ["response": response])]
    }

    func whole(_ choice: FinishedChoice, _ end: AnswerEnd) -> JSONValue {
        var items: [ResponseItem] = []
        func add(_ kind: ResponseItem.Kind, _ text: String) {
            items.append(ResponseItem(kind: kind, index: items.count, answer: context.name, text: text))
        }
        if !choice.reasoning.isEmpty { add(.reasoning, choice.reasoning) }
        if !choice.text.isEmpty { add(.message, choice.text) }
        for (number, call) in choice.calls.enumerated() {
            add(.call(number, id: context.callID(number), name: call.name), call.arguments)
        }
        for index in items.indices {
            // The last item of an answer that was cut is not complete.
            let isCut = end.reason == .length && index == items.count - 1
            items[index].status = isCut ? "incomplete" : "completed"
        }
        return echo.ended(context, end, output: items.map(\.json))
    }
}
