import Domain
import Foundation
import Logging
import Messaging
import Protocol
import ServiceRuntime

/// Fleets for tests of the planning services.
enum PlannerFleets {
    static func model(layers: Int = 12, digest: ModelDigest = "digest") -> ModelDescription {
        ModelDescription(
            name: "test", digest: digest, layers: layers, hidden: 576, ffn: 1536, heads: 9, kvHeads: 3, headDim: 64,
            vocabulary: 49152, maxContext: 2048, paramsPerLayer: 3_538_944, bytesPerLayer: 2_000_000,
            bytesEmbedding: 16_000_000, bytesHead: 16_000_000, bytesTotal: layers * 2_000_000 + 16_000_000,
            kvBytesPerTokenPerLayer: 768, activationBytesPerToken: 1152)
    }

    /// Tables of a device that is `speed` times as fast as the reference.
    static func measurements(speed: Double, memory: Int) -> DeviceMeasurements {
        DeviceMeasurements(
            prefill: [16, 64, 256, 512].map { tokens in
                PrefillSample(tokens: tokens, secondsPerLayer: (1e-4 + 2e-5 * Double(tokens)) / speed)
            },
            decode: [1, 4, 8, 16].flatMap { batch in
                [64, 512].map { context in
                    let seconds = 3e-4 + 1e-7 * Double(batch * context) + 5e-5 * Double(batch)
                    return DecodeSample(batch: batch, context: context, secondsPerLayer: seconds / speed)
                }
            },
            head: [1, 8].map { HeadSample(rows: $0, seconds: (1e-3 + 3e-4 * Double($0)) / speed) },
            memoryUsableBytes: memory)
    }

    static func device(
        _ id: DeviceID, speed: Double = 1, memory: Int = 80_000_000, state: DeviceState = .ready,
        alive: [WorkerKind] = WorkerKind.allCases
    ) -> DeviceProfile {
        DeviceProfile(
            id: id, fingerprint: "cpu-\(id)", host: "host-\(id)", threads: 1, computeShare: 1,
            memoryUsableBytes: memory, state: state,
            workers: WorkerKind.allCases.map {
                WorkerEndpoint(
                    kind: $0, endpoint: "tcp://127.0.0.1:1", session: "\(id)-\($0.rawValue)", alive: alive.contains($0))
            }, measurements: state == .registered ? nil : measurements(speed: speed, memory: memory))
    }

    /// Links in all directions.
    static func links(_ devices: [DeviceProfile]) -> [LinkProfile] {
        devices.flatMap { from in
            devices.filter { $0.id != from.id }.map {
                LinkProfile(from: from.id, to: $0.id, latencySeconds: 5e-4, bytesPerSecond: 5e7)
            }
        }
    }

    /// Four unequal devices, each of which holds the model.
    static func fleet(version: UInt64 = 10, memory: Int = 80_000_000) -> Fleet {
        fleet(
            [("a", 1.0), ("b", 0.4), ("c", 0.7), ("d", 0.2)].map {
                device(DeviceID($0.0), speed: $0.1, memory: memory)
            }, version: version)
    }

    static func fleet(_ devices: [DeviceProfile], version: UInt64 = 10) -> Fleet {
        Fleet(version: version, model: model(), devices: devices, links: links(devices))
    }
}

/// Waiting without sleeping for a fixed time.
enum PlannerWait {
    struct TimedOut: Error {}

    /// Asks again and again until there is a value, for at most a minute and a half: other tests may keep all cores busy for that long.
    static func until<Value>(_ probe: () async throws -> Value?) async throws -> Value {
        let end = ContinuousClock.now + .seconds(90)
        while ContinuousClock.now < end {
            if let value = try await probe() { return value }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw TimedOut()
    }

    /// A logger for services under test.
    static let logger: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()
}

/// What any process may send to a port of ours.
enum PlannerGarbage {
    /// Frames that are no message of the protocol.
    static let messages: [[[UInt8]]] = [
        [[]], [[0, 255, 1]], [Array("GET / HTTP/1.1\r\n\r\n".utf8)], [Array("E2LLM/1".utf8), [], []],
        [Array("E2LLM/9".utf8), Array("{}".utf8), Array("{}".utf8)],
        [Array("E2LLM/1".utf8), Array("{\"type\":\"x\",\"id\":\"1\",\"session\":\"s\"}".utf8), Array("[1,2".utf8)],
        [Array("E2LLM/1".utf8), Array(repeating: UInt8(ascii: "["), count: 9000), Array("{}".utf8)],
        [
            Array("E2LLM/1".utf8), Array("{\"type\":\"plan.request\",\"id\":\"1\",\"session\":\"s\"}".utf8),
            Array("{\"tensors\":[{\"name\":\"t\",\"dtype\":\"f32\",\"shape\":[9999999999,9999999999]}]}".utf8), [1],
        ],
    ]

    /// Sends all of it over a connection of its own.
    static func send(to endpoint: String, _ context: MessagingContext) async throws {
        let thread = try context.makeThread(name: "garbage")
        let socket = try await DealerSocket.connect(to: endpoint, on: thread)
        for frames in messages { try await socket.send(frames.map { Frame($0) }) }
        await socket.close()
    }
}
