import Domain
import Protocol
import ServiceRuntime

/// The rules of E2LLM/1 that can be seen from outside of a service, by its socket.
enum ConformanceRules {
    /// What is exercised.
    enum Service: String, CaseIterable, Sendable {
        case profiler, partitioner, clusterer, scheduler, gateway, worker

        /// Its ROUTER among the sockets of a fleet; workers announce theirs.
        var setting: EndpointSetting? {
            switch self {
            case .profiler: .registry
            case .partitioner: .partition
            case .clusterer: .plan
            case .scheduler: .control
            case .gateway: .tokens
            case .worker: nil
            }
        }
    }

    /// The rules of a service: those of everybody, and its own.
    ///
    /// - Parameter model: what the fleet serves; a worker is sent tensors of other dimensions where it is not known.
    static func rules(_ service: Service, model: ModelDescription? = nil) -> [ConformanceRule] {
        switch service {
        case .profiler: everybody + profiler
        case .partitioner: everybody + partitioner
        case .clusterer: everybody + clusterer
        case .scheduler: everybody + scheduler
        case .gateway: everybody + gateway
        case .worker: everybody + worker(model)
        }
    }

    /// A check that a body can be read.
    static func decodes<Body: Decodable & Sendable>(
        _ type: Body.Type, _ check: @escaping @Sendable (Body) -> String? = { _ in nil }
    ) -> @Sendable (WireMessage) -> String? {
        { message in
            do {
                return check(try message.body(as: Body.self))
            } catch {
                return "its body cannot be read: \(error)"
            }
        }
    }

    private static let version = Array(ProtocolVersion.identifier.utf8)
    private static let empty = Array("{}".utf8)
    private static func envelope(_ id: String) -> [UInt8] {
        text(#"{"type":"ping","id":"\#(id)","session":"conformance"}"#)
    }
    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static let everybody: [ConformanceRule] = [
        ConformanceRule(
            "ping is answered with pong", ConformanceMessage(.ping), expect: .reply(.pong) { _ in nil }),
        ConformanceRule(
            "ids are repeated as they are", ConformanceMessage(.ping), prefix: "a-long.id/with:everything_0123456789-",
            expect: .reply(.pong) { _ in nil }),
        ConformanceRule(
            "the run loop says how it is", ConformanceMessage(.healthGet),
            expect: .reply(
                .health,
                check: decodes(ServiceHealth.self) { $0.service.isEmpty ? "it does not say which service it is" : nil })
        ),
        ConformanceRule(
            "figures are Prometheus text", ConformanceMessage(.metricsGet),
            expect: .reply(.metrics, check: decodes(ServiceMetrics.self))),
        ConformanceRule(
            "an unknown type is an error", ConformanceMessage("no.such.type"), expect: .error(["unknown_type"])),
        ConformanceRule(
            "fields that are unknown are ignored",
            ConformanceMessage(.ping, .raw(#"{"later":[1,2,{"x":null}]}"#), envelope: ["later": ["a": 1]]),
            expect: .reply(.pong) { _ in nil }),
        ConformanceRule(
            "another major version is an error", frames: { [text("E2LLM/2"), envelope($0), empty] },
            expect: .error(["unsupported_version"])),
        ConformanceRule(
            "no version is an error", frames: { [[], envelope($0), empty] },
            expect: .error(["unsupported_version", "malformed"])),
        ConformanceRule(
            "an envelope that is no JSON is an error", frames: { _ in [version, text("{nonsense"), empty] },
            expect: .error(["malformed"])),
        ConformanceRule(
            "a body that is no JSON is an error", frames: { [version, envelope($0), text("\u{0}\u{1}")] },
            expect: .error(["malformed"])
        ),
        ConformanceRule(
            "a body that is no object is an error", frames: { [version, envelope($0), text("[1]")] },
            expect: .error(["malformed"])),
        ConformanceRule(
            "an envelope without an id is an error",
            frames: { _ in [version, text(#"{"type":"ping","session":"c"}"#), empty] }, expect: .error(["malformed"])),
        ConformanceRule(
            "an envelope of 20 KiB is an error",
            frames: { id in
                let padding = String(repeating: "x", count: 20 << 10)
                return [version, text(#"{"type":"ping","id":"\#(id)","session":"c","x":"\#(padding)"}"#), empty]
            }, expect: .error(["too_large"])),
        ConformanceRule(
            "JSON that is nested a thousand times does no harm",
            frames: { id in
                let nested = String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000)
                return [version, envelope(id), text(#"{"a":\#(nested)}"#)]
            }, expect: .survives),
        ConformanceRule(
            "a message of two frames does no harm", frames: { [version, envelope($0)] }, expect: .survives),
        ConformanceRule("an empty message does no harm", frames: { _ in [[]] }, expect: .survives),
        ConformanceRule(
            "garbage does no harm", frames: { _ in [[0xff, 0x00], [0xfe], [0x80, 0x80], [1, 2, 3]] },
            expect: .survives),
        ConformanceRule(
            "an answer to nothing does no harm",
            ConformanceMessage(.pong, envelope: ["reply_to": "999999", "status": "ok"]), expect: .survives),
    ]
}
