import Domain

extension Envelope: DirectlyCoded {
    func write(to writer: inout DirectWriter) {
        writer.object { writer in
            if let deadlineMilliseconds {
                writer.key("deadline_ms")
                writer.integer(deadlineMilliseconds)
            }
            if let epoch {
                writer.key("epoch")
                writer.integer(epoch)
            }
            if let final {
                writer.key("final")
                writer.bool(final)
            }
            writer.key("id")
            writer.string(id)
            if let replyTo {
                writer.key("reply_to")
                writer.string(replyTo)
            }
            if let request {
                writer.key("request")
                writer.string(request.rawValue)
            }
            if let seq {
                writer.key("seq")
                writer.integer(seq)
            }
            writer.key("session")
            writer.string(session)
            if let status {
                writer.key("status")
                writer.string(status.rawValue)
            }
            writer.key("type")
            writer.string(type.rawValue)
        }
    }

    init(from reader: inout DirectReader) throws(Unusual) {
        var type = DirectField<String>()
        var id = DirectField<String>()
        var replyTo = DirectField<String>()
        var session = DirectField<String>()
        var request = DirectField<String>()
        var status = DirectField<ReplyStatus>()
        var final = DirectField<Bool>()
        var epoch = DirectField<Epoch>()
        var seq = DirectField<UInt64>()
        var deadline = DirectField<UInt64>()
        try reader.object { reader, key throws(Unusual) in
            switch key {
            case "type": try type.set(reader.string())
            case "id": try id.set(reader.string())
            case "reply_to": try replyTo.set(reader.string())
            case "session": try session.set(reader.string())
            case "request": try request.set(reader.string())
            case "status":
                guard let known = ReplyStatus(rawValue: try reader.string()) else { throw Unusual() }
                try status.set(known)
            case "final": try final.set(reader.bool())
            case "epoch": try epoch.set(reader.integer())
            case "seq": try seq.set(reader.integer())
            case "deadline_ms": try deadline.set(reader.integer())
            default: return false
            }
            return true
        }
        self.init(
            type: MessageType(rawValue: try type.needed()), id: try id.needed(), replyTo: replyTo.value,
            session: try session.needed(), request: request.value.map { RequestID(rawValue: $0) }, epoch: epoch.value,
            seq: seq.value, status: status.value, final: final.value, deadlineMilliseconds: deadline.value)
    }
}
