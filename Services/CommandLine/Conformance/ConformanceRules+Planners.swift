import Domain
import Planning
import Protocol
import ServiceRuntime

/// The rules of a partitioner and of a clusterer.
extension ConformanceRules {
    /// A model that needs little.
    static let model: WireValue = [
        "name": "m", "digest": "d", "architecture": "llama", "layers": 8, "hidden": 64, "ffn": 128, "n_heads": 4,
        "n_kv_heads": 2, "head_dim": 16, "vocab": 100, "max_context": 1024, "params_per_layer": 1000,
        "bytes_per_layer": 1000, "bytes_embedding": 100, "bytes_lm_head": 100, "bytes_total": 9000,
        "kv_bytes_per_token_per_layer": 128, "activation_bytes_per_token": 256,
    ]

    private static func device(_ id: String, memory: WireValue) -> WireValue {
        [
            "id": .text(id), "memory_usable_bytes": memory,
            "measurements": [
                "prefill": [
                    ["tokens": 16, "seconds_per_layer": 0.001], ["tokens": 256, "seconds_per_layer": 0.01],
                ],
                "decode": [
                    ["batch": 1, "context": 64, "seconds_per_layer": 0.0005],
                    ["batch": 8, "context": 64, "seconds_per_layer": 0.001],
                ],
                "head": [["rows": 1, "seconds": 0.001]], "memory_usable_bytes": memory,
            ],
        ]
    }

    private static func problem(
        devices: WireValue = ["a", "b"], memory: WireValue = 1_000_000, tokens: WireValue = 128
    ) -> WireValue {
        [
            "model": model, "devices": [device("a", memory: memory), device("b", memory: memory)],
            "links": [["from": "a", "to": "b", "latency_s": 0.001, "bytes_per_s": 1e7]],
            "queries": [
                [
                    "id": 1, "devices": devices, "ordered": true, "phase": "decode", "prompt_tokens": tokens,
                    "batch": 2, "context_tokens": 64, "kv_tokens": 64,
                ]
            ],
        ]
    }

    /// Whether the stages of a feasible answer are the whole model in order.
    private static let solved = decodes(PartitionSolution.self) { solution in
        guard let answer = solution.answers.first, solution.answers.count == 1, answer.id == 1 else {
            return "there is not one answer to the one query"
        }
        guard answer.feasible else { return "the query was solvable" }
        var next = 0
        for stage in answer.stages {
            guard stage.layers.start == next, !stage.layers.isEmpty else { return "its layers have a gap at \(next)" }
            next = stage.layers.end
        }
        return next == 8 ? nil : "its layers end at \(next) of 8"
    }

    /// The rules of a partitioner.
    static let partitioner: [ConformanceRule] = [
        ConformanceRule(
            "a query is answered by the whole model", ConformanceMessage(.partitionSolve, problem()),
            expect: .reply(.partitionSolution, check: solved)),
        ConformanceRule(
            "the same query again is answered again", ConformanceMessage(.partitionSolve, problem()),
            expect: .reply(.partitionSolution, check: solved)),
        ConformanceRule(
            "what does not fit is said to be infeasible", ConformanceMessage(.partitionSolve, problem(memory: 100)),
            expect: .reply(
                .partitionSolution,
                check: decodes(PartitionSolution.self) {
                    $0.answers.first?.feasible == false ? nil : "a model of 8,200 bytes was put into 200"
                })),
        ConformanceRule(
            "a device that is not in the message is an error or infeasible",
            ConformanceMessage(.partitionSolve, problem(devices: ["nobody"])),
            expect: .replyOrError(
                .partitionSolution,
                check: decodes(PartitionSolution.self) {
                    $0.answers.first?.feasible == false ? nil : "nobody got layers"
                })),
        ConformanceRule(
            "counts out of range are an error or infeasible", ConformanceMessage(.partitionSolve, problem(tokens: -5)),
            expect: .replyOrError(.partitionSolution) { _ in nil }),
        ConformanceRule(
            "a body without fields is an error", ConformanceMessage(.partitionSolve), expect: .error(["malformed"])),
    ]

    private static let proposed = decodes(PlanProposal.self) { proposal in
        proposal.plan.problem(layers: proposal.plan.replicas.first?.stages.last?.layers.end ?? 0)
    }

    private static let previewed = decodes(PlanPreviewed.self) { previewed in
        previewed.plan.problem(layers: previewed.plan.replicas.first?.stages.last?.layers.end ?? 0)
    }

    /// Why there may be no plan for a sound question.
    private static let noPlan: Set = ["no_devices", "model_does_not_fit", "no_plan", "overloaded", "timed_out"]

    /// The rules of a clusterer.
    static let clusterer: [ConformanceRule] = [
        ConformanceRule(
            "a question for a plan is answered by a sound plan or by why there is none",
            ConformanceMessage(.planRequest, ["reason": "conformance", "excluded_devices": []]),
            expect: .replyOrError(.planProposal, codes: noPlan, check: proposed)),
        ConformanceRule(
            "a question without a reason is an error", ConformanceMessage(.planRequest), expect: .error(["malformed"])),
        ConformanceRule(
            "excluding devices that nobody knows is no harm",
            ConformanceMessage(.planRequest, ["reason": "conformance", "excluded_devices": ["nobody"], "seed": 1]),
            expect: .replyOrError(.planProposal, codes: noPlan, check: proposed)),
        ConformanceRule(
            "a preview is a sound plan, or an error that says why there is none, or an unknown type",
            ConformanceMessage(
                .planPreview, ["changes": ["without": [], "links": [], "slowdowns": []]]),
            expect: .replyOrError(.planPreviewed, codes: noPlan.union(["unknown_type"]), check: previewed)),
        ConformanceRule(
            "a preview without a device that nobody knows is an error",
            ConformanceMessage(
                .planPreview, ["changes": ["without": ["nobody"], "links": [], "slowdowns": []]]),
            expect: .error(["invalid_input", "no_devices", "overloaded", "unknown_type"])),
    ]
}
