import Domain
import Protocol
import ServiceRuntime

/// The rules of a scheduler.
extension ConformanceRules {
    /// The rules of a scheduler.
    static let scheduler = messages + trials.flatMap(\.rules) + tokens

    private static let messages: [ConformanceRule] = [
        ConformanceRule(
            "the state is told", ConformanceMessage(.stateGet),
            expect: .reply(.schedulerState, check: decodes(SchedulerState.self))),
        ConformanceRule(
            "a worker that has not said hello is told so", ConformanceMessage(.workerHeartbeat, heartbeat),
            expect: .error(["unknown_worker"])),
        ConformanceRule(
            "a hello without fields is an error", ConformanceMessage(.workerHello), expect: .error(["malformed"])),
        ConformanceRule(
            "a submission without its tensor is an error",
            ConformanceMessage(.requestSubmit, submission, envelope: ["request": "conformance"]),
            expect: .error(["bad_tensor", "malformed"])),
        ConformanceRule(
            "a tensor of another size than it says is an error",
            ConformanceMessage(
                .requestSubmit, submission, envelope: ["request": "conformance"], tensors: [[1, 2, 3]]),
            expect: .error(["bad_tensor", "malformed"])),
        ConformanceRule(
            "cancelling what nobody knows does no harm",
            ConformanceMessage(.requestCancel, envelope: ["request": "nobody"]), expect: .survives),
        ConformanceRule(
            "an event of a stranger does no harm",
            ConformanceMessage(
                .requestEvent, ["kind": "finished", "generated_tokens": 1], envelope: ["request": "nobody"]),
            expect: .survives),
    ]

    private static let trials: [FigureTrial] = [
        FigureTrial(
            sound: ConformanceMessage(
                .requestSubmit, submission, envelope: ["request": "conformance", "epoch": 1, "deadline_ms": 2000],
                tensors: [prompt([1, 2, 3])]),
            // Whatever waits for a route, or was given one, is not wanted.
            reply: .requestAccepted, afterwards: .requestCancel),
        FigureTrial(
            sound: ConformanceMessage(.workerHello, hello, envelope: ["epoch": 1]), reply: .workerWelcome,
            optional: ["kv_block_tokens", "protocol_minor"]),
        FigureTrial(
            sound: ConformanceMessage(.workerHeartbeat, heartbeat, envelope: ["epoch": 1]), reply: .workerHeartbeat,
            introduction: sayHello),
        FigureTrial(
            sound: ConformanceMessage(
                .requestEvent, ["kind": "prefill_started", "generated_tokens": 1],
                envelope: ["request": "nobody", "epoch": 1]), introduction: sayHello),
    ]

    /// Tokens that no vocabulary has.
    private static let tokens: [ConformanceRule] = ([Int32.min, -1, Int32.max] as [Int32]).map { token in
        let name = "a prompt with the token \(token) is taken or refused"
        return ConformanceRule(name) { conversation in
            let envelope: WireValue = ["request": .text("conformance-token\(token)"), "deadline_ms": 2000]
            let id = await conversation.send(
                ConformanceMessage(.requestSubmit, submission, envelope: envelope, tensors: [prompt([1, token, 3])]))
            _ = await conversation.send(ConformanceMessage(.requestCancel, envelope: envelope))
            let expectation = ConformanceExpectation.replyOrError(.requestAccepted, check: { _ in nil })
            return expectation.problem(with: await conversation.answer(to: id), to: id)
        }
    }

    /// Figures of workers count only once they are known.
    private static let sayHello: @Sendable (ConformanceConversation) async -> FigureTrial.Introduction = {
        conversation in
        let (id, answer) = await conversation.ask(ConformanceMessage(.workerHello, hello))
        if answer?.reportedError?.code == "not_permitted" { return .notPermitted }
        let expectation = ConformanceExpectation.reply(.workerWelcome, check: decodes(WorkerWelcome.self))
        if let problem = expectation.problem(with: answer, to: id) { return .problem("worker.hello: \(problem)") }
        return .welcome
    }

    private static func prompt(_ tokens: [Int32]) -> [UInt8] {
        tokens.flatMap { token in (0..<4).map { UInt8(truncatingIfNeeded: token >> ($0 * 8)) } }
    }

    private static let heartbeat: WireValue = [
        "device": "conformance", "worker": "decode", "waiting": 1, "running": 2, "kv_used_tokens": 96,
        "resident_bytes": 1,
        "counters": [
            "prefill_tokens": 10, "prefill_s": 0.5, "decode_steps": 3, "decode_rows": 5, "decode_s": 0.25,
            "kv_transfer_bytes": 23040,
        ],
    ]

    private static let submission: WireValue = [
        "generated_tokens": 0, "sampling": sampling, "stop": stop, "gateway_endpoint": "tcp://127.0.0.1:9",
        "tensors": [["name": "prompt", "dtype": "i32", "shape": [3]]],
    ]

    /// How tokens are chosen.
    static let sampling: WireValue = [
        "temperature": 0, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "repetition_penalty": 1.1,
        "presence_penalty": 0.5, "frequency_penalty": 0.25, "seed": 42,
    ]

    /// When generation ends.
    static let stop: WireValue = ["max_tokens": 2, "min_tokens": 1, "stop_tokens": [2]]

    private static let hello: WireValue = [
        "device": "conformance", "worker": "decode", "data_endpoint": "tcp://127.0.0.1:9", "kv_block_tokens": 32,
        "protocol_minor": 1,
        "stages": [
            [
                "assignment": ["plan": plan, "replica": "conformance", "stage": 0], "epoch": 1,
                "kv_capacity_tokens": 2048, "weight_bytes": 1000,
            ]
        ],
        "requests": [
            [
                "request": "conformance-held", "reserved_tokens": 80, "gateway_endpoint": "tcp://127.0.0.1:9",
                "replica": "conformance",
            ]
        ],
    ]

    private static let plan: WireValue = [
        "id": "conformance", "model": "conformance", "fleet_version": 1,
        "workload": [
            "requests_per_s": 1.5, "mean_prompt_tokens": 256, "mean_output_tokens": 128, "arrival_variation": 1,
            "sample_count": 12,
        ],
        "replicas": [
            [
                "id": "conformance", "role": "mixed",
                "stages": [["device": "conformance", "layers": ["start": 0, "end": 8]]], "decode_concurrency": 4,
                "kv_capacity_tokens": 2048, "predicted_requests_per_s": 1.25, "predicted_token_gap_s": 0.03,
            ]
        ],
        "idle_devices": [], "predicted_requests_per_s": 1.25, "objective": 0.5, "algorithm": "conformance",
        "relaxations": [],
    ]
}
