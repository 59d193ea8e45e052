import Domain
import Protocol
import ServiceRuntime
import Synchronization
import Testing

@testable import CommandLineTool

/// Registrations whose figures are out of range.
@Suite struct RegistrationRuleTests {
    /// The rules about figures of registrations.
    private static let rules = ConformanceRules.profiler.filter {
        $0.name.hasPrefix("a registration is refused for its")
    }

    /// A profiler that answers registrations as told; its fleet has the devices that it took.
    private func profiler(
        _ answer: @escaping @Sendable (WireMessage) throws -> Fault?
    ) -> ConformanceConversation {
        let devices = Mutex<[DeviceProfile]>([])
        return ScriptedService.conversation { message in
            let id = message.envelope.id
            switch message.type {
            case .fleetGet:
                return [
                    try ScriptedService.answer(to: id, .fleetSnapshot, Fleet(devices: devices.withLock { $0 }))
                ]
            case .deviceRegister:
                if let error = try answer(message) { return [try ScriptedService.refusal(of: id, error)] }
                struct Named: Decodable { var device: DeviceID }
                let device = try message.body(as: Named.self).device
                devices.withLock {
                    $0.append(
                        DeviceProfile(
                            id: device, fingerprint: "", host: "", threads: 1, computeShare: 1, memoryUsableBytes: 1,
                            state: .registered))
                }
                let body = DeviceRegistered(heartbeatMilliseconds: 1000, lostAfterMilliseconds: 3000)
                return [try ScriptedService.answer(to: id, .deviceRegistered, body)]
            case .deviceLeave:
                devices.withLock { $0 = [] }
                return []
            default: return try ScriptedService.sign(of: message).map { [$0] } ?? []
            }
        }
    }

    /// Whether all figures of a registration may be used; an error names the one that may not.
    private static func judge(_ message: WireMessage) -> Fault? {
        do {
            let body = try message.body(as: RegisterDevice.self)
            let figures = [
                ("threads", (1...64).contains(body.threads)),
                ("compute_share", body.computeShare > 0 && body.computeShare <= 1),
                ("memory_usable_bytes", (0...(1 << 40)).contains(body.memoryUsableBytes)),
            ]
            guard let wrong = figures.first(where: { !$0.1 }) else { return nil }
            return Fault("malformed", "\(wrong.0) is out of range")
        } catch {
            return error.fault
        }
    }

    @Test func aCarefulProfilerBreaksNothing() async {
        #expect(Self.rules.count == 3)
        let conversation = profiler { Self.judge($0) }
        for rule in Self.rules { #expect(await rule.problem(conversation) == nil) }
    }

    @Test func anErrorNeedNotNameTheFigureWhereASoundOneIsTaken() async {
        let conversation = profiler { message in
            Self.judge(message).map { _ in Fault("malformed", "out of range") }
        }
        for rule in Self.rules { #expect(await rule.problem(conversation) == nil) }
    }

    @Test func aProfilerThatRefusesEverythingIsReported() async {
        let conversation = profiler { _ in Fault("malformed", "no") }
        for rule in Self.rules {
            #expect(await rule.problem(conversation)?.contains("says nothing about the figure") == true)
        }
    }

    @Test func aProfilerThatTakesEverythingIsReported() async {
        let conversation = profiler { _ in nil }
        for rule in Self.rules {
            #expect(await rule.problem(conversation) == "-1: the fleet contains the device afterwards")
        }
    }
}
