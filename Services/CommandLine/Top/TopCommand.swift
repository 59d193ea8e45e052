import ArgumentParser
import Foundation
import UnixSignals

/// `e2llm top`: the devices of a running cluster and what they do, again and again.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Shows what the devices of a running cluster do, again and again.",
        discussion:
            "On a terminal it redraws in place: s sorts by the next column, r turns the order around, p pauses, q or Ctrl-C ends. Elsewhere it prints tables."
    )

    @OptionGroup var cluster: ClusterOptions
    @Option(help: "The HTTP address of the gateway; default: the newest cluster of this machine.") var url: String?
    @Option(help: "A file with the API key; default: the key in E2LLM_API_KEY.") var apiKeyFile: String?
    @Option(help: "The column that rows are sorted by.") var sort: TopColumn = .device
    @Option(help: "Seconds between two tables, 0.2 to 3600.") var interval: Double = 1
    @Flag(help: "Print one table, with the speeds of one interval, and end.") var once = false
    @Flag(help: "Print JSON, an object a line; with --once one object on many lines.") var json = false

    func validate() throws {
        guard (0.2...3600).contains(interval) else { throw ValidationError("--interval must be 0.2 to 3600 seconds") }
    }

    func run() async throws {
        try await Failure.reporting {
            let base = try GatewayAddress(url ?? cluster.http()).base
            let headers = try GatewayKey(file: apiKeyFile).headers
            let screen = !once && !json && TerminalScreen.isUsable ? TerminalScreen() : nil
            defer { screen?.close() }
            try await TopRun(base: base, headers: headers, command: self, screen: screen).run()
        }
    }
}

/// One run of `e2llm top`: events and keys in, tables out.
private struct TopRun {
    let base: String
    let headers: [String: String]
    let command: TopCommand
    let screen: TerminalScreen?

    private enum Input: Sendable {
        case stream(HTTPClient.Event)
        case streamEnded
        case key(TerminalScreen.Key)
        case tick
        case stop
    }

    /// Seconds without a word of the gateway, which tells something twice a second, from which on it counts as gone.
    private static let patience = 10

    func run() async throws {
        let (inputs, sink) = AsyncStream.makeStream(of: Input.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { await follow(sink) }
            group.addTask {
                // The first interval is what the first speeds are measured over.
                while (try? await Task.sleep(for: .seconds(command.interval))) != nil { sink.yield(.tick) }
            }
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { sink.yield(.stop) }
            }
            if let screen {
                group.addTask { for await key in screen.keys { sink.yield(.key(key)) } }
            }
            try await show(inputs)
        }
    }

    /// Reads the stream, and again where it ends.
    private func follow(_ sink: AsyncStream<Input>.Continuation) async {
        repeat {
            let events = HTTPClient.stream(
                "GET", "\(base)/v1/cluster/events", body: nil, headers: headers, timeoutSeconds: Self.patience)
            for await event in events { sink.yield(.stream(event)) }
            sink.yield(.streamEnded)
        } while (try? await Task.sleep(for: .seconds(1))) != nil
    }

    private func show(_ inputs: AsyncStream<Input>) async throws {
        var parser = EventStreamParser()
        var reader = ClusterPictureReader()
        var rates = TopRates()
        var view = TopView(sort: command.sort)
        var status = 0
        var problem: Failure?
        for await input in inputs {
            switch input {
            case .stream(.status(let code)):
                (status, parser) = (code, EventStreamParser())
            case .stream(.failed(let reason)):
                problem = Failure(.notReady, "\(reason): is a cluster running?")
            case .stream(.line(let line)) where status == 200:
                guard let event = parser.take(line), try reader.take(event), let picture = reader.picture else { break }
                problem = nil
                rates.take(picture)
            case .stream(.line): break
            case .streamEnded:
                if status != 0, status != 200 { throw refusal(status) }
                // Who never got anything has the wrong address; others wait for the gateway to come back.
                if reader.picture == nil {
                    throw problem ?? Failure(.notReady, "\(base) tells nothing: is a cluster running?")
                }
                problem = problem ?? Failure(.notReady, "the gateway ended the stream")
            case .stop, .key(.end): return
            case .key(.character(let key)):
                view.press(key)
                guard let picture = reader.picture else { break }
                draw(TopReport(picture, rates: rates), view, problem)
            case .tick:
                guard let picture = reader.picture else { break }
                if view.isPaused { break }
                let report = TopReport(picture, rates: rates)
                try print(report, view, problem)
                if command.once { return }
            }
        }
    }

    private func refusal(_ status: Int) -> Failure {
        let hint = status == 401 ? "; give the API key with --api-key-file or E2LLM_API_KEY" : ""
        return Failure(status == 503 ? .notReady : .failed, "the server at \(base) answered \(status)\(hint)")
    }

    private func draw(_ report: TopReport, _ view: TopView, _ problem: Failure?) {
        guard let screen else { return }
        var lines = TopText.lines(report, sort: view.sort, isReversed: view.isReversed)
        lines[0] += view.isPaused ? " (paused)" : ""
        if let problem { lines.insert(problem.description, at: 0) }
        let size = screen.size
        screen.draw(TopText.fitted(lines, columns: size.columns, rows: size.rows))
    }

    private func print(_ report: TopReport, _ view: TopView, _ problem: Failure?) throws {
        if screen != nil { return draw(report, view, problem) }
        if let problem { FileHandle.standardError.write(Data("\(problem.description)\n".utf8)) }
        if command.json {
            try command.once ? JSONOutput.print(report) : Swift.print(JSONOutput.line(report))
        } else {
            Swift.print(TopText.lines(report, sort: view.sort).joined(separator: "\n"))
            if !command.once { Swift.print() }
        }
        fflush(nil)
    }
}

/// What the keys have changed.
struct TopView: Sendable, Hashable {
    var sort: TopColumn
    var isReversed = false
    var isPaused = false

    /// Takes a key; others do nothing.
    mutating func press(_ key: Character) {
        switch key {
        case "s":
            let all = TopColumn.allCases
            let place = all.firstIndex(of: sort) ?? 0
            sort = all[(place + 1) % all.count]
        case "r": isReversed.toggle()
        case "p": isPaused.toggle()
        default: break
        }
    }
}
