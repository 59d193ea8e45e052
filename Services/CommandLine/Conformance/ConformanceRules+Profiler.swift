import Domain
import Protocol
import ServiceRuntime

/// The rules of a profiler.
extension ConformanceRules {
    /// The rules of a profiler.
    static let profiler = messages + registrations

    private static let messages: [ConformanceRule] = [
        ConformanceRule(
            "the fleet is told", ConformanceMessage(.fleetGet),
            expect: .reply(.fleetSnapshot, check: decodes(Fleet.self))),
        ConformanceRule(
            "a worker that has not registered is told so",
            ConformanceMessage(
                .deviceHeartbeat, ["device": "conformance", "worker": "decode", "resident_bytes": 1]),
            expect: .error(["unknown_worker"])),
        ConformanceRule(
            "a registration without fields is an error", ConformanceMessage(.deviceRegister),
            expect: .error(["malformed"])),
    ]

    /// Figures that no registration may have.
    private static let registrations: [ConformanceRule] = [
        registration("threads", [.number("-1"), .number("0"), .number("2147483648"), .number("9223372036854775807")]),
        registration("compute_share", [.number("-1"), .number("0"), .number("2147483648"), .number("1e308")]),
        registration(
            "memory_usable_bytes", [.number("-1"), .number("9007199254740992"), .number("9223372036854775807")]),
    ]

    /// A registration whose one figure is out of range, and nothing else, is refused for that figure or does not count.
    private static func registration(_ figure: String, _ edges: [FigureEdge]) -> ConformanceRule {
        let unreadable = FigureEdge.all.filter { $0.value == nil || $0.isMistyped }
        return ConformanceRule("a registration is refused for its \(figure), where that is out of range") {
            conversation in
            for edge in edges + unreadable {
                if let problem = await problem(of: figure, edge, conversation) { return "\(edge.name): \(problem)" }
            }
            return nil
        }
    }

    private static func problem(
        of figure: String, _ edge: FigureEdge, _ conversation: ConformanceConversation
    ) async -> String? {
        guard let before = await fleet(conversation) else { return "the fleet is not told" }
        // A device of its own, so that one that is found afterwards is that of this message.
        let device = "conformance-\(Session.randomName(bytes: 4))"
        let sound = registration(of: device, before)
        let (id, answer) = await conversation.ask(
            ConformanceMessage(.deviceRegister, sound.setting([figure], to: edge.value)))
        guard let answer else { return "no answer" }
        if let error = answer.reportedError {
            if let problem = ConformanceExpectation.error([]).problem(with: answer, to: id) { return problem }
            if error.message.contains(figure) { return nil }
            // The key that is used does not speak for devices: nothing can be learnt.
            if error.code == "not_permitted" { return nil }
        }
        guard let after = await fleet(conversation) else { return "the fleet is not told afterwards" }
        let isIn = after.devices.contains { $0.id.rawValue == device }
        if isIn {
            await leave(device, conversation)
            return "the fleet contains the device afterwards"
        }
        guard let error = answer.reportedError else { return nil }
        // It may have been refused for anything: the same with a sound figure must be taken.
        let (_, control) = await conversation.ask(ConformanceMessage(.deviceRegister, sound))
        await leave(device, conversation)
        if control?.type == .deviceRegistered { return nil }
        return
            "the error \(error.code) says nothing about the figure, and a sound one is refused, too: \(error.message)"
    }

    /// What a worker of a device registers with; the model is that of the fleet, because another one would be refused.
    private static func registration(of device: String, _ fleet: Fleet) -> WireValue {
        let served = fleet.model.flatMap { try? WireValue($0) }
        return [
            "device": .text(device), "worker": "decode", "host": .text(device), "fingerprint": "conformance",
            "threads": 1, "compute_share": 1, "memory_usable_bytes": 100_000_000, "data_endpoint": "tcp://127.0.0.1:9",
            "model": served ?? model, "protocol_minor": 1, "capabilities": [],
        ]
    }

    private static func fleet(_ conversation: ConformanceConversation) async -> Fleet? {
        let (id, answer) = await conversation.ask(ConformanceMessage(.fleetGet))
        guard let answer, answer.envelope.replyTo == id else { return nil }
        return try? answer.body(as: Fleet.self)
    }

    /// Takes a device out of the fleet again.
    private static func leave(_ device: String, _ conversation: ConformanceConversation) async {
        let body: WireValue = ["device": .text(device), "worker": "decode", "resident_bytes": 0]
        _ = await conversation.send(ConformanceMessage(.deviceLeave, body))
    }
}
