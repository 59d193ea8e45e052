import ArgumentParser
import Foundation

/// `e2llm bench serve`: what a client of an OpenAI-compatible server sees under load.
struct ServeBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Measures an OpenAI-compatible server with the flags and figures of `vllm bench serve`.",
        discussion: """
            Random prompts are cold: no two of a run begin with the same token, so that no cache of prompts serves \
            them; another run against the same server wants another --seed. Where the server tells the size of its \
            vocabulary (n_vocab in /v1/models: ours, llama-server), they are token ids and have exactly the length \
            asked for; elsewhere, and in chats, they are text of about as many words. Lengths are counted by the server.
            """)

    @OptionGroup(title: "Server") var server: ServeTargetOptions
    @OptionGroup(title: "Requests") var dataset: ServeDatasetOptions
    @OptionGroup(title: "Traffic") var traffic: ServeTrafficOptions
    @OptionGroup(title: "Results") var results: ServeResultOptions

    func run() async throws {
        try await Failure.reporting {
            // Everything that can be wrong with the options is found before the first request.
            let schedule = try traffic.traffic(seed: dataset.seed)
            let source = try dataset.source()
            let selection = try results.selection()
            let output = try results.output()
            let target = try await server.target()
            let requests = try ServeRequests(
                source, count: dataset.numPrompts, warmUps: traffic.numWarmups, target: target, seed: dataset.seed)
            let run = ServeRun(target: target, maxConcurrency: traffic.maxConcurrency)

            try await run.check(requests.check, patience: server.readyCheckTimeoutSec)
            if !requests.warmUps.isEmpty { _ = try await run.run(requests.warmUps) }
            if traffic.warm { _ = try await run.run(requests.measured) }

            let started = Date()
            let total = requests.measured.count
            let measured = try await run.run(requests.measured, at: schedule.moments(count: total)) { ended in
                guard !results.disableTqdm else { return }
                Self.tell("\r[\(ended)/\(total)] requests\(ended == total ? "\n" : "")")
            }
            let result = ServeResult(
                date: started, interface: target.interface, model: target.model, label: results.label,
                metadata: try results.metadata(), traffic: schedule, requests: total,
                figures: ServeFigures(measured, goodput: selection.goodput), selection: selection, run: measured,
                isWarm: traffic.warm)
            for note in ServeNotes.of(measured, ignoresEnd: dataset.ignoreEos) { Self.tell("note: \(note)\n") }
            if let output { Self.tell("saved: \(try output.write(result))\n") }
            if results.json { try JSONOutput.print(result) } else { print(result.text) }
            guard result.figures.completed > 0 else {
                throw Failure(.failed, "no request finished: \(measured.outcomes.first?.problem ?? "none was sent")")
            }
        }
    }

    private static func tell(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
