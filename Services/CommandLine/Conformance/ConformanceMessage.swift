import Protocol

/// A message to a service, before it has an id.
struct ConformanceMessage: Sendable {
    var type: MessageType
    var body: WireValue
    /// Fields of the envelope besides type, id and session.
    var envelope: WireValue
    var tensors: [[UInt8]]

    init(_ type: MessageType, _ body: WireValue = [:], envelope: WireValue = [:], tensors: [[UInt8]] = []) {
        self.type = type
        self.body = body
        self.envelope = envelope
        self.tensors = tensors
    }

    /// The frames under an id.
    func frames(id: String, session: String) -> [[UInt8]] {
        let further = envelope.fieldsJSON.map { "," + $0 } ?? ""
        let head = "{\"type\":\"\(type)\",\"id\":\"\(id)\",\"session\":\"\(session)\"\(further)}"
        return [Array(ProtocolVersion.identifier.utf8), Array(head.utf8), Array(body.json.utf8)] + tensors
    }
}
