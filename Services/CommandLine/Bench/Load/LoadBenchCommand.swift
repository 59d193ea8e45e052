import ArgumentParser
import Domain
import Foundation
import Scenarios
import Simulation

/// `e2llm bench load`: sends a stream of requests to a running fleet and records what becomes of each.
struct LoadBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Sends a stream of requests to a running fleet and records their times.",
        discussion: """
            Requests are sent at the stream's times, whether or not earlier ones are answered; prompts are random tokens \
            of exactly the stream's lengths, and outputs have exactly theirs. The record has the form of `e2llm simulate \
            --record`: `e2llm simulate --fleet NODES --replay RECORD` simulates the same run, `e2llm compare` shows how \
            far both are apart.
            """)

    @Option(help: "The address of the gateway; default: the newest cluster of this machine.") var url: String?
    @Option(help: "A file with the API key; default: the key in E2LLM_API_KEY.") var apiKeyFile: String?
    @Option(help: "A stream of requests (CSV): request_id,t_unit,prompt_tokens,output_tokens, or an Azure trace.")
    var workload: String
    @Option(parsing: .unconditional, help: "Requests per second.") var rate: Double
    @Option(parsing: .unconditional, help: "Only the first so many requests of the stream.") var requests: Int?
    @Option(help: "Decides the tokens of the prompts.") var seed: UInt64 = 1
    @Option(parsing: .unconditional, help: "All lengths of the stream times this.") var scaleLengths: Double = 1
    @Option(help: "Write the record of the run (JSON).") var record: String?
    @Option(help: "Write the fleet with its profiles, as `e2llm nodes --json` does.") var fleetOutput: String?
    @Option(help: "Write the requests with their times (CSV).") var csv: String?
    @Option(help: "Write everything that the run was and gave into this new folder; `e2llm compare` takes two of them.")
    var output: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let stream = try stream()
            let folder = try output.map { try RunFolder.create($0) }
            let started = Date()
            let server = GatewayClient(
                try GatewayAddress(url ?? ClusterRecord.live().first?.http ?? "http://127.0.0.1:8080"),
                key: try GatewayKey(file: apiKeyFile))
            let model = try await server.model()
            let before = try await server.fleet()
            let schedule = try LoadSchedule(stream, rate: rate, model: model, seed: seed)
            if let fleetOutput { try OutputFile.write(JSONOutput.text(before.fleet) + "\n", to: fleetOutput) }

            let total = schedule.entries.count
            let results = try await LoadRun(base: server.base, model: model.name, headers: server.headers).run(schedule)
            {
                Self.tell("\r[\($0)/\(total)] requests\($0 == total ? "\n" : "")")
            }
            let after = try? await server.fleet()
            let measured = RunRecord(
                schedule, results, before: before, after: after, server: server.base, workload: stream.name,
                rate: rate, seed: seed)
            for note in LoadNotes.of(schedule, results, before: before) { Self.tell("note: \(note)\n") }
            if let record { try OutputFile.write(try RecordFile.json(measured), to: record) }
            try folder?.write(
                RunFolder.About(
                    version: ProductVersion.number, wire: ProductVersion.wire, workload: stream.name, rate: rate,
                    seed: seed, requests: total, model: model.name, plan: before.plan?.id.rawValue ?? "",
                    algorithm: before.plan?.algorithm ?? "", machine: RunFolder.machine(),
                    processors: ProcessInfo.processInfo.activeProcessorCount, started: started.ISO8601Format()),
                measured, fleet: JSONOutput.text(before.fleet))
            if let csv { try OutputFile.write(RecordFile.csv(measured), to: csv) }
            let answer = SimulationAnswer(measured, capacity: nil)
            if json { try JSONOutput.print(answer) } else { print(answer.text) }
            guard measured.requests.contains(where: { $0.outcome == .finished }) else {
                throw Failure(.failed, "no request finished")
            }
        }
    }

    /// The requests that the options ask for.
    func stream() throws -> RequestStream {
        guard rate > 0, rate.isFinite else { throw Failure(.usage, "--rate is \(rate), it must be positive") }
        guard scaleLengths > 0, scaleLengths.isFinite else {
            throw Failure(.usage, "--scale-lengths is \(scaleLengths), it must be positive")
        }
        var stream = try ScenarioOptions.reading(workload) { try WorkloadFile.read($0, name: workload) }
        if let requests {
            guard requests > 0 else { throw Failure(.usage, "--requests is \(requests), it must be positive") }
            stream = stream.prefix(requests)
        }
        return scaleLengths == 1 ? stream : stream.scaled(lengthsBy: scaleLengths)
    }

    private static func tell(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
