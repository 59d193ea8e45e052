import ArgumentParser
import Domain
import Foundation
import Protocol
import Scenarios
import Scheduling
import Simulation
import Testing

@testable import CommandLineTool

/// `e2llm bench load`: when requests are sent, how answers are read, what is recorded.
@Suite struct LoadBenchTests {
    private static let model = ServedFleet.Model(name: "byte-model", context: 512, vocabulary: 258)

    private static func stream(_ lengths: [(prompt: Int, output: Int)]) -> RequestStream {
        RequestStream(
            name: "stream",
            requests: lengths.enumerated().map { index, length in
                StreamRequest(
                    id: RequestID("r\(index)"), arrival: 3 + Double(index) / 2, promptTokens: length.prompt,
                    outputTokens: length.output)
            })
    }

    private static func schedule(_ lengths: [(prompt: Int, output: Int)] = [(4, 2), (6, 0)]) throws -> LoadSchedule {
        try LoadSchedule(stream(lengths), rate: 2, model: model, seed: 1)
    }

    // MARK: - Schedule

    @Test func requestsAreSentAtTheRate() throws {
        let schedule = try Self.schedule([(4, 2), (6, 0), (300, 212)])
        #expect(schedule.entries.map(\.seconds) == [0, 0.25, 0.5])
        #expect(schedule.entries.map(\.prompt.count) == [4, 6, 300])
        #expect(schedule.entries.map(\.outputTokens) == [2, 1, 212])
        let tokens = Set(schedule.entries.flatMap(\.prompt))
        #expect(tokens.count > 100 && tokens.allSatisfy { (0..<258).contains($0) })
        #expect(try Self.schedule([(4, 2), (6, 0), (300, 212)]) == schedule)
        let other = try LoadSchedule(Self.stream([(4, 2)]), rate: 2, model: Self.model, seed: 2)
        #expect(other.entries[0].prompt != schedule.entries[0].prompt)
    }

    @Test func whatTheModelCannotHoldIsNamed() throws {
        #expect { try Self.schedule([(1, 1), (500, 13)]) } throws: {
            "\($0)".contains("request r1 has 500 + 13 tokens, byte-model holds 512")
        }
        #expect { try Self.schedule([]) } throws: { "\($0)".contains("no requests") }
    }

    private func command(_ arguments: [String]) throws -> LoadBenchCommand {
        try #require(try E2LLMCommand.parseAsRoot(["bench", "load"] + arguments) as? LoadBenchCommand)
    }

    @Test func streamsAreCutAndScaled() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "stream-\(UUID().uuidString).csv")
        defer { try? FileManager.default.removeItem(at: path) }
        let rows = (0..<5).map { "r\($0),\($0),100,40" }.joined(separator: "\n")
        try Data("request_id,t_unit,prompt_tokens,output_tokens\n\(rows)\n".utf8).write(to: path)
        let arguments = ["--workload", path.path, "--rate"]
        let stream = try command(arguments + ["1", "--requests", "3", "--scale-lengths", "0.25"]).stream()
        #expect(stream.requests.map(\.promptTokens) == [25, 25, 25] && stream.requests[2].outputTokens == 10)
        #expect(try command(arguments + ["1"]).stream().requests.count == 5)
        for (more, text) in [
            (["0"], "--rate is 0.0"), (["1", "--requests", "0"], "--requests is 0"),
            (["1", "--scale-lengths", "-1"], "--scale-lengths is -1.0"),
        ] {
            #expect { try command(arguments + more).stream() } throws: { "\($0)".contains(text) }
        }
        #expect { try command(["--workload", "/none.csv", "--rate", "1"]).stream() } throws: {
            "\($0)".contains("/none.csv cannot be read")
        }
    }

    @Test func keysAreRead() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "key-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try "# ours\n\n  secret \n".write(toFile: path, atomically: true, encoding: .utf8)
        let client = GatewayClient(
            try GatewayAddress("http://127.0.0.1:1//"), key: try GatewayKey(file: path, environment: [:]))
        #expect(client.base == "http://127.0.0.1:1")
        #expect(client.headers == ["authorization": "Bearer secret"])
        let variable = ["E2LLM_API_KEY": "other"]
        #expect(try GatewayKey(environment: [:]).headers.isEmpty)
        #expect(try GatewayKey(environment: ["E2LLM_API_KEY": ""]).headers.isEmpty)
        #expect(try GatewayKey(environment: variable).headers == ["authorization": "Bearer other"])
        #expect(try GatewayKey(file: path, environment: variable).headers == ["authorization": "Bearer secret"])
        for key in ["a b", "a\r\nhost: x", "ä"] {
            #expect(throws: Failure.self) { try GatewayKey(environment: ["E2LLM_API_KEY": key]) }
        }
        try "# none\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect { try GatewayKey(file: path, environment: [:]) } throws: { "\($0)".contains("holds no key") }
    }

    // MARK: - Answers

    private static let usage = #"""
        data: {"choices":[],"usage":{"completion_tokens":2},"e2llm":{"ttft_ms":30,"end_ms":80,"prefill_started_ms":10,\#
        "kv_complete_ms":40,"decode_started_ms":50,"plan_id":"p1","prefill_replica":"p","decode_replica":"d","migrations":1}}
        """#

    private static func outcome(_ events: [HTTPClient.Event]) -> LoadOutcome {
        var answer = LoadAnswer()
        for event in events { answer.take(event) }
        return answer.outcome
    }

    @Test func answersAreRead() throws {
        let outcome = Self.outcome([
            .status(200), .line(#"data: {"choices":[{"text":"a"}]}"#), .line(""), .line(": keep-alive"),
            .line(Self.usage), .line("data: [DONE]"),
        ])
        guard case .finished(let moments, let tokens) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(tokens == 2 && moments.firstToken == 30 && moments.prefillReplica == "p" && moments.migrations == 1)
    }

    @Test func failuresSayWhatHappened() {
        let text = #"{"error":{"message":"the fleet is busy"}}"#
        #expect(Self.outcome([.status(503), .line(text)]) == .refused("503: the fleet is busy"))
        #expect(Self.outcome([.status(404), .line("<html>")]) == .refused("404"))
        #expect(Self.outcome([.failed("nobody listens")]) == .refused("nobody listens"))
        #expect(Self.outcome([]) == .refused("the server did not answer"))
        #expect(
            Self.outcome([.status(200), .line("data: " + text), .line(Self.usage)]) == .failed("the fleet is busy"))
        #expect(Self.outcome([.status(200), .line(Self.usage), .failed("cut off")]) == .failed("cut off"))
        for line in ["data: {", #"data: {"usage":{"completion_tokens":1}}"#] {
            guard case .failed = Self.outcome([.status(200), .line(line)]) else {
                Issue.record("\(line) was taken")
                continue
            }
        }
    }

    // MARK: - Records

    private static func served(_ seconds: Double, epoch: Int = 1) throws -> ServedFleet {
        let plan = PlacementPlan(
            id: "p1", model: "digest", fleetVersion: 1, workload: WorkloadStatistics(),
            replicas: [
                PlanReplica(
                    id: "m", role: .mixed, stages: [PlanStage(device: "a", layers: LayerRange(0, 12))],
                    decodeConcurrency: 3, kvCapacityTokens: 5000, predictedRequestsPerSecond: 1,
                    predictedTokenGapSeconds: 0.1)
            ], predictedRequestsPerSecond: 1, objective: 0, algorithm: "test")
        let status = WorkerHeartbeat(
            device: "a", worker: .decode,
            load: WorkerLoad(counters: StageCounters(prefillSeconds: seconds, decodeSeconds: 1)))
        let load = ReplicaLoad(
            replica: "m", requests: 0, kvReservedTokens: 0, kvCapacityTokens: 5000, backlogSeconds: 0,
            stages: [StageLoad(device: "a", alive: true, status: status)])
        let state = SchedulerState(
            ready: true, reason: "", plan: plan, replicas: [load], waiting: 0, running: 0,
            workload: WorkloadStatistics())
        let texts = try [
            String(decoding: JSONEncoder().encode(state), as: UTF8.self), JSONOutput.text(PlannerFleets.fleet()),
        ]
        return try ServedFleet("{\"epoch\":\(epoch),\"scheduler\":\(texts[0]),\"fleet\":\(texts[1])}")
    }

    private static func moments(_ shift: Double = 0, plan: PlanID = "p1") -> LoadMoments {
        LoadMoments(
            prefillStarted: 100 + shift, firstToken: 300 + shift, kvComplete: 400 + shift, decodeStarted: 450 + shift,
            end: 2000 + shift, plan: plan, prefillReplica: "p", decodeReplica: "d", migrations: 0)
    }

    @Test func recordsAreMadeOfMoments() throws {
        let schedule = try Self.schedule([(4, 2), (6, 5), (8, 1)])
        let results = [
            LoadRun.Result(sent: 1, outcome: .finished(Self.moments(), outputTokens: 2)),
            LoadRun.Result(sent: 1.25, outcome: .refused("503: busy")),
            LoadRun.Result(sent: 1.5, outcome: .failed("lost")),
        ]
        let before = try Self.served(2)
        let record = RunRecord(
            schedule, results, before: before, after: try Self.served(3), server: "http://x", workload: "stream",
            rate: 2,
            seed: 4)
        let request = record.requests[0]
        #expect(request.arrival == 1 && request.prefillStart == 1.1 && request.firstToken == 1.3)
        #expect(request.kvStart == 1.1 && request.kvComplete == 1.4 && request.decodeStart == 1.45 && request.end == 3)
        #expect(((request.waiting ?? 0) - 0.25).magnitude < 1e-9 && request.outcome == .finished)
        #expect(record.requests.map(\.outcome) == [.finished, .refused, .failed])
        #expect(record.requests.map(\.problem) == [nil, "503: busy", "lost"])
        #expect(record.source == .measured && record.plan == before.plan && record.model == "test")
        #expect(record.seconds == 2 && record.devices == [RunRecord.Use(name: "a", share: 0.5)])
        #expect(
            SimulationAnswer(record, capacity: nil).text.contains("not finished: 1, 503: busy\nnot finished: 1, lost"))
        let notes = LoadNotes.of(schedule, results, before: before)
        #expect(notes == ["requests were sent up to 1 s late"])
    }

    @Test func notesTellWhatDoesNotFit() throws {
        let schedule = try Self.schedule([(4, 2), (6, 5)])
        var silent = Self.moments(plan: "p2")
        silent.decodeStarted = nil
        let results = [
            LoadRun.Result(sent: 0, outcome: .finished(silent, outputTokens: 2)),
            LoadRun.Result(sent: 0.25, outcome: .finished(Self.moments(), outputTokens: 4)),
        ]
        let notes = LoadNotes.of(schedule, results, before: try Self.served(0)).joined(separator: "\n")
        #expect(notes.contains("1 requests were served by another plan than that of the record: p2"))
        #expect(notes.contains("of 1 requests the start") && notes.contains("1 requests got another number of tokens"))
        let record = RunRecord(
            schedule, results, before: try Self.served(0), after: try Self.served(1, epoch: 2), server: "",
            workload: "",
            rate: 1, seed: 1)
        #expect(record.devices.isEmpty && record.requests[1].outputTokens == 4)
    }

    @Test func aGatewayThatKnowsNothingIsNotReady() {
        for body in ["{\"epoch\":null,\"scheduler\":null,\"fleet\":null}", "{\"epoch\":1}"] {
            let failure = #expect(throws: Failure.self) { try ServedFleet(body) }
            #expect(failure?.kind == .notReady)
        }
        #expect { try ServedFleet.Model("{\"data\":[{\"id\":\"m\"}]}") } throws: {
            "\($0)".contains("/v1/models: data[0]")
        }
        #expect { try ServedFleet.Model("{\"data\":[]}") } throws: { "\($0)".contains("no model") }
    }

    // MARK: - Through HTTP

    @Test func requestsGoThroughAGateway() async throws {
        try await GatewayFixture.run(behave: { seen, _ in
            seen.prompt.count == 6
                ? .refuse(Fault("overloaded", "too many requests wait", isRetriable: true))
                : .answer([Int32](repeating: 65, count: seen.body.stop.maxTokens), .length)
        }) { fixture in
            let client = GatewayClient(
                try GatewayAddress("http://127.0.0.1:\(fixture.port)"), key: try GatewayKey(environment: [:]))
            let model = try await client.model()
            #expect(model == Self.model)
            let schedule = try LoadSchedule(
                Self.stream([(4, 2), (6, 3), (9, 12), (300, 1)]), rate: 100, model: model, seed: 3)
            let results = try await LoadRun(base: client.base, model: model.name, headers: [:]).run(schedule)
            let requests = zip(schedule.entries, results).map { RequestTimes($0, $1) }
            #expect(requests.map(\.outcome) == [.finished, .refused, .finished, .finished])
            #expect(requests.map(\.outputTokens) == [2, 3, 12, 1])
            #expect(requests[1].problem?.contains("503") == true)
            for (entry, request) in zip(schedule.entries, requests) where request.outcome == .finished {
                #expect(request.arrival >= entry.seconds)
                #expect((request.end ?? 0) >= (request.firstToken ?? .infinity))
            }
            let seen = fixture.fleet.seen.sorted { $0.prompt.count < $1.prompt.count }
            #expect(seen.map(\.prompt) == schedule.entries.map(\.prompt))
            #expect(seen.allSatisfy { $0.body.stop.stopTokens.isEmpty && $0.body.sampling.temperature == 0 })
        }
    }

    @Test func aRunIsReplayed() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "replay-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (real, nodes) = (folder.appending(path: "real.json").path, folder.appending(path: "nodes.json").path)
        let schedule = try Self.schedule([(40, 20), (60, 50), (80, 10)])
        let results = schedule.entries.map {
            LoadRun.Result(sent: $0.seconds, outcome: .finished(Self.moments(), outputTokens: $0.outputTokens))
        }
        let before = try Self.served(0)
        let record = RunRecord(
            schedule, results, before: before, after: nil, server: "x", workload: "stream", rate: 2, seed: 1)
        try OutputFile.write(try RecordFile.json(record), to: real)
        try OutputFile.write(try JSONOutput.text(before.fleet), to: nodes)

        func question(_ more: [String]) throws -> SimulationQuestion {
            let command = try #require(
                try E2LLMCommand.parseAsRoot(["simulate", "--fleet", nodes] + more) as? SimulateCommand)
            return try SimulationQuestion(
                command.scenario, command.conditions, policy: command.policy, plan: command.plan,
                requests: command.requests, replay: command.replay)
        }
        let replay = try question(["--replay", real])
        #expect(replay.conditions.batchesAsPlanned && replay.conditions.lengthKnowledge == .limit)
        #expect(replay.plan.plan == before.plan)
        let simulated = try replay.run()
        #expect(simulated.requests.map(\.arrival) == record.requests.map(\.arrival))
        #expect(simulated.requests.map(\.outputTokens) == [20, 50, 10])
        let comparison = RunComparison(record, simulated)
        #expect(comparison.warnings.isEmpty && !comparison.measures.contains { $0.name == "stall" })
        // The plan alone, with other requests.
        let csv = folder.appending(path: "stream.csv").path
        try OutputFile.write("request_id,t_unit,prompt_tokens,output_tokens\na,0,20,10\n", to: csv)
        let other = try question(["--workload", csv, "--rate", "1", "--plan", real])
        #expect(other.plan.plan.replicas.map(\.id) == ["m"] && !other.conditions.batchesAsPlanned)
        #expect(try other.run().requests.map(\.outcome) == [.finished])

        for (more, text) in [
            (["--replay", real, "--rate", "1"], "leave --workload and --rate out"),
            (["--replay", nodes], "is no record of a run"),
        ] {
            #expect { try question(more) } throws: { "\($0)".contains(text) }
        }
        var bare = record
        bare.plan = nil
        try OutputFile.write(try RecordFile.json(bare), to: real)
        #expect { try question(["--replay", real]) } throws: { "\($0)".contains("the record has no plan") }
        bare.requests = []
        try OutputFile.write(try RecordFile.json(bare), to: real)
        #expect { try question(["--replay", real]) } throws: { "\($0)".contains("there are no requests") }
    }
}
