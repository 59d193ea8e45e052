import ArgumentParser
import Domain
import Foundation
import Planning
import Reports
import Scenarios
import Scheduling
import Simulation

/// `e2llm simulate`: what a fleet would do with a stream of requests, before it exists.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Simulates a fleet, its plan and its scheduler under a stream of requests.",
        discussion: "Policies:\n"
            + SimulatedSystem.allCases.map { "  \($0.rawValue): \($0.title)" }.joined(separator: "\n"))

    @OptionGroup var scenario: ScenarioOptions
    @OptionGroup var conditions: SimulationConditions
    @Option(help: "Who plans and schedules; see below.") var policy = SimulatedSystem.e2llm.rawValue
    @Option(help: "A plan file, or the record of a run: simulate its plan instead of the policy's own.")
    var plan: String?
    @Option(
        help: """
            The record of a run: simulate its requests at their times under its plan, with what the services know and how \
            they batch; instead of --workload and --rate.
            """)
    var replay: String?
    @Option(parsing: .unconditional, help: "Only the first so many requests of the stream.") var requests: Int?
    @Option(
        parsing: .unconditional,
        help: """
            Plan and schedule in regions of up to so many devices; 0 for none. Default: none up to 256 devices, 40 above.
            """)
    var regionDevices: Int?
    @Flag(help: "Search the largest rate at which queues stay bounded as well.") var capacity = false
    @Option(help: "Write everything that the run was and gave into this new folder; `e2llm compare` takes two of them.")
    var output: String?
    @Option(help: "Write the record of the run (JSON).") var record: String?
    @Option(help: "Write the requests with their times (CSV).") var csv: String?
    @OptionGroup var report: ReportOutput
    @Flag(help: "Record devices and links over time, and single steps; reports do so anyhow.") var timeline = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let window = try report.window()
            let folder = try output.map { try RunFolder.create($0) }
            let started = Date()
            var question = try SimulationQuestion(
                scenario, conditions, policy: policy, plan: plan, requests: requests, replay: replay,
                regionDevices: regionDevices)
            if timeline || report.isWanted {
                var settings = TimelineSettings()
                settings.from = window.from ?? 0
                question.conditions.timeline = settings
            }
            let record = try question.run { Self.tell($0, $1, "requests", from: 5000) }
            let capacity = self.capacity ? try question.capacity() : nil
            let answer = SimulationAnswer(record, capacity: capacity)
            try report.write([record])
            if let path = self.record { try OutputFile.write(try RecordFile.json(record), to: path) }
            if let csv { try OutputFile.write(RecordFile.csv(record), to: csv) }
            try folder?.write(about(record, started), record, fleet: scenario.fleetText())
            if json { try JSONOutput.print(answer) } else { print(answer.text) }
        }
    }

    private func about(_ record: RunRecord, _ started: Date) -> RunFolder.About {
        RunFolder.About(
            version: ProductVersion.number, wire: ProductVersion.wire, workload: record.workload, rate: record.rate,
            seed: record.seed, requests: record.requests.count, model: record.model,
            plan: record.plan?.id.rawValue ?? "", algorithm: record.plan?.algorithm ?? "",
            machine: "simulated on \(RunFolder.machine())",
            processors: ProcessInfo.processInfo.activeProcessorCount, started: started.ISO8601Format())
    }

    static func tell(_ done: Int, _ total: Int, _ what: String, from least: Int) {
        guard total >= least else { return }
        let end = done == total ? "\n" : ""
        FileHandle.standardError.write(Data("\r[\(done)/\(total)] \(what)\(end)".utf8))
    }
}

/// What the simulated services may use.
struct SimulationConditions: ParsableArguments {
    @Option(help: "Seed of searches.") var seed: UInt64 = 1
    @Flag(inversion: .prefixedNo, help: "Send KV while the prompt is being computed.") var streaming = true
    @Flag(inversion: .prefixedNo, help: "Let the default planner try its best plans out before it chooses one.")
    var trials = true
    @Option(help: "How the default planner may keep and send keys and values: f16, q8_0, or f16,q8_0.")
    var kvTypes = KVTypes.all
    @Option(help: "Which roles may stand in one plan: any, uniform, split or mixed.") var roles = "any"
    @Option(parsing: .unconditional, help: "Tokens of a prefill chunk; 0 for whole prompts.") var chunk = 256
    @Option(
        parsing: .unconditional,
        help: "Most sequences that a replica decodes together; default: 16, with --replay what the plan provides for.")
    var largestBatch: Int?
    @Option(
        help:
            "How the services choose replicas: estimated-wait, least-requests, round-robin, least-tokens or least-backlog."
    )
    var routing = RoutingPolicy.estimatedWait.rawValue
    @Flag(help: "Let schedulers know how long outputs will be.") var oracle = false
    @Option(
        help:
            "A file with what happens to devices (JSON): [{\"device\", \"kind\": fail|join|slow, \"time_s\", \"factor\"}]."
    )
    var faults: String?

    /// What the options say.
    ///
    /// - Parameter isReplay: whether a run of the services is to be repeated.
    func read(isReplay: Bool) throws -> SystemConditions {
        var conditions = SystemConditions()
        conditions.seed = seed
        conditions.streams = streaming
        conditions.triesPlans = trials
        if let largestBatch { conditions.largestBatch = largestBatch }
        conditions.batchesAsPlanned = isReplay && largestBatch == nil
        conditions.kvTypes = kvTypes.types
        guard let roles = PlanningLimits.Roles(rawValue: roles) else {
            throw Failure(.usage, "--roles \"\(roles)\": it is any, uniform, split or mixed")
        }
        conditions.roles = roles
        guard chunk >= 0 else { throw Failure(.usage, "--chunk is \(chunk), it must not be negative") }
        conditions.chunkTokens = chunk == 0 ? nil : chunk
        guard let routing = RoutingPolicy(rawValue: routing) else {
            throw Failure(
                .usage,
                "--routing \"\(routing)\": it is \(RoutingPolicy.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        conditions.routing = routing
        // The real scheduler knows the limit of a request, which is its length here.
        if isReplay { conditions.lengthKnowledge = .limit }
        if oracle { conditions.lengthKnowledge = .exact }
        if let faults {
            conditions.faults = try ScenarioOptions.reading(faults) { bytes in
                try JSONDecoder().decode([SimulatedFault].self, from: Data(bytes))
            }
        }
        return conditions
    }
}
