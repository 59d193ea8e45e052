import Domain
import Protocol
import ServiceRuntime

/// The rules of a worker's data socket.
extension ConformanceRules {
    /// The rules of a worker.
    ///
    /// - Parameter model: the model of the fleet, where it is known: tensors have its dimensions.
    static func worker(_ model: ModelDescription?) -> [ConformanceRule] {
        messages + trials(model).flatMap(\.rules)
    }

    private static let messages: [ConformanceRule] = [
        ConformanceRule(
            "an echo comes back", ConformanceMessage(.linkEcho, echo, tensors: [[1, 2, 3]]),
            expect: .reply(.linkEchoed) { _ in nil }),
        ConformanceRule(
            "a step for a replica that it does not serve is an error",
            ConformanceMessage(
                .stageForward, forward(hidden: 1), envelope: ["epoch": 1], tensors: [[UInt8](repeating: 0, count: 4)]),
            expect: .error([])),
        ConformanceRule(
            "KV cache whose figures do not fit is an error",
            ConformanceMessage(
                .kvChunk,
                [
                    "layers": ["start": 5, "end": 2], "start": -1, "count": 99_999_999, "total": 1,
                    "reserved_tokens": -4, "first_stage": "", "replica": "r",
                    "tensors": [["name": "kv", "dtype": "f16", "shape": [1, 2, 1, 1, 1]]],
                ],
                envelope: ["request": "x", "epoch": 1], tensors: [[0, 0, 0, 0]]), expect: .error([])),
        // Their number is beyond what 64 bits hold, though each bound is not.
        ConformanceRule(
            "layers from -1 to 2^63-1 are an error",
            ConformanceMessage(
                .kvComplete, ["layers": ["start": -1, "end": .figure("9223372036854775807")]],
                envelope: ["request": "nobody", "epoch": 1]), expect: .error([])),
        ConformanceRule(
            "layers that end before they start are an error",
            ConformanceMessage(
                .kvComplete, ["layers": ["start": 5, "end": 2]], envelope: ["request": "nobody", "epoch": 1]),
            expect: .error([])),
        ConformanceRule(
            "closing what nobody knows does no harm",
            ConformanceMessage(.sequenceClose, envelope: ["request": "nobody"]), expect: .survives),
    ]

    /// Messages of other stages. Only errors are answered, so all else is silence.
    private static func trials(_ model: ModelDescription?) -> [FigureTrial] {
        let (hidden, heads, width) = (model?.hidden ?? 64, model?.kvHeads ?? 2, model?.headDim ?? 16)
        let sequence: WireValue = ["request": "nobody", "epoch": 1]
        let positions = 16
        return [
            FigureTrial(sound: ConformanceMessage(.linkEcho, echo, tensors: [[1, 2, 3]]), reply: .linkEchoed),
            FigureTrial(
                sound: ConformanceMessage(
                    .sequenceOpen, opening, envelope: sequence, tensors: [[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]])),
            FigureTrial(
                sound: ConformanceMessage(
                    .stageForward, forward(hidden: hidden), envelope: ["epoch": 1],
                    tensors: [[UInt8](repeating: 0, count: hidden * 4)]), optional: ["entries.0.input_token"]),
            FigureTrial(
                sound: ConformanceMessage(
                    .stageDone,
                    ["step": 9, "replica": "conformance", "tokens": [["request": "nobody", "token": 7]]],
                    envelope: ["epoch": 1])),
            FigureTrial(
                sound: ConformanceMessage(
                    .kvChunk,
                    [
                        "layers": ["start": 0, "end": 1], "start": 0, "count": number(positions),
                        "total": number(positions), "reserved_tokens": 80, "first_stage": "tcp://127.0.0.1:9",
                        "replica": "conformance",
                        "tensors": [
                            [
                                "name": "kv", "dtype": "f16",
                                "shape": [1, 2, number(heads), number(positions), number(width)],
                            ]
                        ],
                    ], envelope: sequence, tensors: [[UInt8](repeating: 0, count: 4 * heads * positions * width)])),
            FigureTrial(
                sound: ConformanceMessage(.kvComplete, ["layers": ["start": 0, "end": 8]], envelope: sequence)),
            FigureTrial(sound: ConformanceMessage(.sequenceFirstToken, ["token": 42], envelope: sequence)),
            FigureTrial(sound: ConformanceMessage(.sequenceKeep, ["requests": ["nobody"]], envelope: ["epoch": 1])),
            FigureTrial(sound: ConformanceMessage(.sequenceClose, envelope: sequence)),
        ]
    }

    private static func number(_ value: Int) -> WireValue { .figure(String(value)) }

    private static let echo: WireValue = ["tensors": [["name": "payload", "dtype": "u8", "shape": [3]]]]

    private static func forward(hidden: Int) -> WireValue {
        [
            "step": 9, "replica": "conformance", "stage": 1,
            "entries": [["request": "nobody", "start": 16, "count": 1, "sample": true, "input_token": 42]],
            "tensors": [["name": "hidden", "dtype": "f32", "shape": [1, number(hidden)]]],
        ]
    }

    private static let opening: WireValue = [
        "route": [
            "prefill": [],
            "decode_replica": "conformance",
            "decode": [
                [
                    "device": "conformance", "endpoint": "tcp://127.0.0.1:9", "layers": ["start": 0, "end": 8],
                ]
            ],
            "gateway": "tcp://127.0.0.1:9",
        ],
        "generated_tokens": 0, "sampling": sampling, "stop": stop, "reserved_tokens": 80,
        "tensors": [["name": "tokens", "dtype": "i32", "shape": [3]]],
    ]
}
