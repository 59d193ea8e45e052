import Domain
import Planning
import Protocol
import ServiceRuntime

/// The rules of E2LLM/1 that can be seen from outside of a service, by its socket.
enum ConformanceRules {
    /// What is exercised.
    enum Service: String, CaseIterable, Sendable {
        case profiler, partitioner, clusterer, scheduler, gateway, worker
    }

    /// The rules of a service: those of everybody, and its own.
    static func rules(_ service: Service) -> [ConformanceRule] {
        everybody + own(service)
    }

    private static func decodes<Body: Decodable & Sendable>(
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

    private static let version = Array("E2LLM/1".utf8)
    private static let envelope = Array(#"{"type":"ping","id":"7","session":"conformance"}"#.utf8)
    private static let empty = Array("{}".utf8)
    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static let everybody: [ConformanceRule] = [
        ConformanceRule("ping is answered with pong", "ping", expect: .reply(.pong) { _ in nil }),
        ConformanceRule(
            "ids are repeated as they are", "ping", id: "a-long.id/with:everything_0123456789",
            expect: .reply(.pong) { _ in nil }),
        ConformanceRule(
            "the run loop says how it is", "health.get",
            expect: .reply(
                .health,
                check: decodes(ServiceHealth.self) { $0.service.isEmpty ? "it does not say which service it is" : nil })
        ),
        ConformanceRule(
            "figures are Prometheus text", "metrics.get", expect: .reply(.metrics, check: decodes(ServiceMetrics.self))),
        ConformanceRule("an unknown type is an error", "no.such.type", expect: .error(["unknown_type"])),
        ConformanceRule(
            "fields that are unknown are ignored", "ping", #"{"later":[1,2,{"x":null}]}"#, extra: #","later":{"a":1}"#,
            expect: .reply(.pong) { _ in nil }),
        ConformanceRule(
            "another major version is an error", frames: [text("E2LLM/2"), envelope, empty],
            expect: .error(["unsupported_version"])),
        ConformanceRule(
            "no version is an error", frames: [[], envelope, empty],
            expect: .error(["unsupported_version", "malformed"])),
        ConformanceRule(
            "an envelope that is no JSON is an error", frames: [version, text("{nonsense"), empty],
            expect: .error(["malformed"])),
        ConformanceRule(
            "a body that is no JSON is an error", frames: [version, envelope, text("\u{0}\u{1}")],
            expect: .error(["malformed"])
        ),
        ConformanceRule(
            "a body that is no object is an error", frames: [version, envelope, text("[1]")],
            expect: .error(["malformed"])),
        ConformanceRule(
            "an envelope without an id is an error", frames: [version, text(#"{"type":"ping","session":"c"}"#), empty],
            expect: .error(["malformed"])),
        ConformanceRule(
            "an envelope of 20 KiB is an error",
            frames: [
                version,
                text(
                    #"{"type":"ping","id":"1","session":"c","x":""# + String(repeating: "x", count: 20 << 10) + #""}"#),
                empty,
            ],
            expect: .error(["too_large"])),
        ConformanceRule(
            "JSON that is nested a thousand times does no harm",
            frames: [
                version, envelope,
                text(#"{"a":"# + String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000) + "}"),
            ],
            expect: .survives),
        ConformanceRule("a message of two frames does no harm", frames: [version, envelope], expect: .survives),
        ConformanceRule("an empty message does no harm", frames: [[]], expect: .survives),
        ConformanceRule(
            "garbage does no harm", frames: [[0xff, 0x00], [0xfe], [0x80, 0x80], [1, 2, 3]], expect: .survives),
        ConformanceRule(
            "an answer to nothing does no harm", "pong", extra: #","reply_to":"999999","status":"ok""#,
            expect: .survives),
    ]

    private static func own(_ service: Service) -> [ConformanceRule] {
        switch service {
        case .profiler: profiler
        case .partitioner: partitioner
        case .clusterer: clusterer
        case .scheduler: scheduler
        case .gateway: gateway
        case .worker: worker
        }
    }

    private static let profiler: [ConformanceRule] = [
        ConformanceRule("the fleet is told", "fleet.get", expect: .reply(.fleetSnapshot, check: decodes(Fleet.self))),
        ConformanceRule(
            "a worker that has not registered is told so", "device.heartbeat",
            #"{"device":"conformance","worker":"decode","resident_bytes":1}"#, expect: .error(["unknown_worker"])),
        ConformanceRule("a registration without fields is an error", "device.register", expect: .error(["malformed"])),
        ConformanceRule(
            "figures out of range are an error", "device.register",
            #"{"device":"x","worker":"decode","host":"h","fingerprint":"f","threads":-1,"compute_share":1e300,"#
                + #""memory_usable_bytes":-5,"data_endpoint":"","model":\#(model),"protocol_minor":0,"capabilities":[]}"#,
            expect: .error([])),
    ]

    private static let model =
        #"{"name":"m","digest":"d","architecture":"llama","layers":8,"hidden":64,"ffn":128,"n_heads":4,"n_kv_heads":2,"head_dim":16,"#
        + #""vocab":100,"max_context":1024,"params_per_layer":1000,"bytes_per_layer":1000,"bytes_embedding":100,"bytes_lm_head":100,"#
        + #""bytes_total":9000,"kv_bytes_per_token_per_layer":128,"activation_bytes_per_token":256}"#

    private static func device(_ id: String, memory: Int) -> String {
        #"{"id":"\#(id)","memory_usable_bytes":\#(memory),"measurements":{"prefill":[{"tokens":16,"seconds_per_layer":0.001},"#
            + #"{"tokens":256,"seconds_per_layer":0.01}],"decode":[{"batch":1,"context":64,"seconds_per_layer":0.0005},"#
            + #"{"batch":8,"context":64,"seconds_per_layer":0.001}],"head":[{"rows":1,"seconds":0.001}],"memory_usable_bytes":\#(memory)}}"#
    }

    private static func problem(devices: String = "\"a\",\"b\"", memory: Int = 1_000_000, tokens: Int = 128) -> String {
        #"{"model":\#(model),"devices":[\#(device("a", memory: memory)),\#(device("b", memory: memory))],"#
            + #""links":[{"from":"a","to":"b","latency_s":0.001,"bytes_per_s":1e7}],"queries":[{"id":1,"devices":[\#(devices)],"#
            + #""ordered":true,"phase":"decode","prompt_tokens":\#(tokens),"batch":2,"context_tokens":64,"kv_tokens":64}]}"#
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

    private static let partitioner: [ConformanceRule] = [
        ConformanceRule(
            "a query is answered by the whole model", "partition.solve", problem(),
            expect: .reply(.partitionSolution, check: solved)),
        ConformanceRule(
            "the same query again is answered again", "partition.solve", problem(), id: "1b",
            expect: .reply(.partitionSolution, check: solved)),
        ConformanceRule(
            "what does not fit is said to be infeasible", "partition.solve", problem(memory: 100),
            expect: .reply(
                .partitionSolution,
                check: decodes(PartitionSolution.self) {
                    $0.answers.first?.feasible == false ? nil : "a model of 8,200 bytes was put into 200"
                })),
        ConformanceRule(
            "a device that is not in the message is an error or infeasible", "partition.solve",
            problem(devices: "\"nobody\""),
            expect: .replyOrError(
                .partitionSolution,
                check: decodes(PartitionSolution.self) {
                    $0.answers.first?.feasible == false ? nil : "nobody got layers"
                })),
        ConformanceRule(
            "counts out of range are an error or infeasible", "partition.solve", problem(tokens: -5),
            expect: .replyOrError(.partitionSolution) { _ in nil }),
        ConformanceRule("a body without fields is an error", "partition.solve", expect: .error(["malformed"])),
    ]

    private static let proposed = decodes(PlanProposal.self) { proposal in
        proposal.plan.problem(layers: proposal.plan.replicas.first?.stages.last?.layers.end ?? 0)
    }

    /// Why there may be no plan for a sound question.
    private static let noPlan: Set = ["no_devices", "model_does_not_fit", "no_plan", "overloaded", "timed_out"]

    private static let clusterer: [ConformanceRule] = [
        ConformanceRule(
            "a question for a plan is answered by a sound plan or by why there is none", "plan.request",
            #"{"reason":"conformance","excluded_devices":[]}"#, id: "plan-1",
            expect: .replyOrError(.planProposal, codes: noPlan, check: proposed)),
        ConformanceRule(
            "a question without a reason is an error", "plan.request", id: "plan-2", expect: .error(["malformed"])),
        ConformanceRule(
            "excluding devices that nobody knows is no harm", "plan.request",
            #"{"reason":"conformance","excluded_devices":["nobody"],"seed":1}"#, id: "plan-3",
            expect: .replyOrError(.planProposal, codes: noPlan, check: proposed)),
    ]

    private static let scheduler: [ConformanceRule] = [
        ConformanceRule(
            "the state is told", "state.get", expect: .reply(.schedulerState, check: decodes(SchedulerState.self))),
        ConformanceRule(
            "a worker that has not said hello is told so", "worker.heartbeat",
            #"{"device":"conformance","worker":"decode","waiting":0,"running":0,"kv_used_tokens":0,"resident_bytes":1,"#
                + #""counters":{"prefill_tokens":0,"prefill_s":0,"decode_steps":0,"decode_rows":0,"decode_s":0,"kv_transfer_bytes":0}}"#,
            expect: .error(["unknown_worker"])),
        ConformanceRule("a hello without fields is an error", "worker.hello", expect: .error(["malformed"])),
        ConformanceRule(
            "a submission without its tensor is an error", "request.submit",
            #"{"generated_tokens":0,"sampling":{"temperature":0},"stop":{"max_tokens":1},"gateway_endpoint":"tcp://127.0.0.1:9","#
                + #""tensors":[{"name":"prompt","dtype":"i32","shape":[3]}]}"#,
            extra: #","request":"conformance""#, expect: .error(["bad_tensor", "malformed"])),
        ConformanceRule(
            "a tensor of another size than it says is an error", "request.submit",
            #"{"generated_tokens":0,"sampling":{"temperature":0},"stop":{"max_tokens":1},"gateway_endpoint":"tcp://127.0.0.1:9","#
                + #""tensors":[{"name":"prompt","dtype":"i32","shape":[3]}]}"#,
            extra: #","request":"conformance""#, tensors: [[1, 2, 3]], expect: .error(["bad_tensor", "malformed"])),
        ConformanceRule(
            "cancelling what nobody knows does no harm", "request.cancel", extra: #","request":"nobody""#,
            expect: .survives),
        ConformanceRule(
            "an event of a stranger does no harm", "request.event", #"{"kind":"finished"}"#,
            extra: #","request":"nobody""#, expect: .survives),
    ]

    private static let gateway: [ConformanceRule] = [
        ConformanceRule(
            "tokens of requests that nobody knows do no harm", "tokens.emitted", #"{"tokens":[1,-5,2147483647]}"#,
            extra: #","request":"nobody","seq":18446744073709551615"#, expect: .survives),
        ConformanceRule("tokens without fields do no harm", "tokens.emitted", expect: .survives),
    ]

    private static let worker: [ConformanceRule] = [
        ConformanceRule(
            "an echo comes back", "link.echo", #"{"tensors":[{"name":"payload","dtype":"u8","shape":[3]}]}"#,
            tensors: [[1, 2, 3]], expect: .reply(.linkEchoed) { _ in nil }),
        ConformanceRule(
            "a step for a replica that it does not serve is an error", "stage.forward",
            #"{"step":1,"replica":"nobody","stage":1,"entries":[{"request":"x","start":0,"count":1,"sample":false}],"#
                + #""tensors":[{"name":"hidden","dtype":"f32","shape":[1,1]}]}"#, extra: #","epoch":1"#,
            tensors: [[0, 0, 0, 0]], expect: .error([])),
        ConformanceRule(
            "KV cache whose figures do not fit is an error", "kv.chunk",
            #"{"layers":{"start":5,"end":2},"start":-1,"count":99999999,"total":1,"reserved_tokens":-4,"first_stage":"","replica":"r","#
                + #""tensors":[{"name":"kv","dtype":"f16","shape":[1,2,1,1,1]}]}"#,
            extra: #","request":"x","epoch":1"#, tensors: [[0, 0, 0, 0]], expect: .error([])),
        ConformanceRule(
            "closing what nobody knows does no harm", "sequence.close", extra: #","request":"nobody""#,
            expect: .survives),
    ]
}
