import ArgumentParser
import Domain
import Foundation
import Inference
import Planning
import Scenarios

/// The fleet, the model and the traffic of a question about a fleet that is not at hand.
struct ScenarioOptions: ParsableArguments {
    @Option(
        help: """
            A fleet file (JSON), a measured fleet as `e2llm nodes --json` prints it, or generated:DEVICES[:SEED]: plan for \
            this fleet instead of showing the plan in force.
            """)
    var fleet: String?
    @Option(
        help: """
            A model description (JSON), a GGUF file, or a name such as llama-3-8b-q4; a measured fleet has its own.
            """)
    var model: String?
    @Option(
        help: """
            A stream of requests (CSV): request_id,t_unit,prompt_tokens,output_tokens, or an Azure trace, or one like them: \
            generated:conversation:COUNT[:SEED], generated:code:COUNT[:SEED].
            """)
    var workload: String?
    @Option(parsing: .unconditional, help: "Requests per second.") var rate: Double?
    @Option(help: "Name of the scenario in the plan file; default: the fleet's name.") var scenario: String?

    /// What the options say, or which of them is missing. A run that is replayed brings its traffic with it.
    func read(replaying run: ReplayedRun? = nil) throws -> Scenario {
        guard let fleet else { throw Failure(.usage, "--fleet is missing: which fleet file?") }
        let (stream, rate) = try run.map(traffic) ?? traffic()
        let read = try ScenarioFleet.read(fleet)
        guard let described = try model.map(Self.model) ?? read.model else {
            throw Failure(.usage, "--model is missing: which model description or GGUF file?")
        }
        return Scenario(name: scenario ?? read.name, fleet: read, model: described, stream: stream, rate: rate)
    }

    private func traffic() throws -> (RequestStream, Double) {
        guard let workload else { throw Failure(.usage, "--workload is missing: which stream of requests?") }
        guard let rate else { throw Failure(.usage, "--rate is missing: how many requests per second?") }
        guard rate > 0, rate.isFinite else { throw Failure(.usage, "--rate is \(rate), it must be positive") }
        return (try Self.stream(workload), rate)
    }

    private func traffic(_ run: ReplayedRun) throws -> (RequestStream, Double) {
        guard workload == nil, rate == nil else {
            throw Failure(.usage, "--replay: the record has requests of its own, leave --workload and --rate out")
        }
        return (run.stream, run.rate)
    }

    /// The text of the fleet file; `nil` for a fleet that is drawn, which its name and seed give again.
    func fleetText() -> String? {
        fleet.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) }
    }

    /// A stream of requests.
    static func stream(_ path: String) throws -> RequestStream {
        if let drawn = try GeneratedInput.stream(path) { return drawn }
        return try reading(path) { try WorkloadFile.read($0, name: path) }
    }

    private static func model(_ path: String) throws -> ModelDescription {
        if let known = ModelCatalogue.named(path), !FileManager.default.fileExists(atPath: path) { return known }
        guard FileManager.default.fileExists(atPath: path) else {
            let names = ModelCatalogue.models.map(\.name).joined(separator: ", ")
            throw Failure(.usage, "--model \(path) is neither a file nor a known model (known: \(names))")
        }
        let isGGUF = FileHandle(forReadingAtPath: path)?.readData(ofLength: 4) == Data("GGUF".utf8)
        guard isGGUF else { return try reading(path) { try ModelDescriptionFile.read($0) } }
        do {
            return try ModelFile(path: path).description
        } catch {
            throw Failure(.failed, "\(path): \(error)")
        }
    }

    /// Reads a file; what is wrong with it is said with its name.
    static func reading<Value>(_ path: String, _ body: ([UInt8]) throws -> Value) throws -> Value {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        } catch {
            throw Failure(.failed, "\(path) cannot be read: \(error.localizedDescription)")
        }
        do {
            return try body([UInt8](data))
        } catch let error as DecodingError {
            throw Failure(.failed, "\(path): \(DecodingText.text(error))")
        } catch {
            throw Failure(.failed, "\(path): \(error)")
        }
    }
}

/// A fleet, a model and a stream of requests at a rate.
struct Scenario {
    var name: String
    var fleet: ScenarioFleet
    var model: ModelDescription
    var stream: RequestStream
    var rate: Double

    /// What a planner is told about the stream: means and variations, no single request.
    var demand: PlanningDemand {
        let figures = stream.statistics
        return PlanningDemand(
            rate: rate, promptTokens: max(1, figures.prompt.mean), outputTokens: max(1, figures.output.mean),
            longestRequestTokens: max(1, figures.total.max), arrivalVariation: figures.arrivalVariation,
            promptVariation: figures.prompt.variation, outputVariation: figures.output.variation)
    }

    /// The scenario with a device more (`+type`) or less (`-id`).
    func changed(_ change: String) throws -> Scenario {
        var changed = self
        let name = String(change.dropFirst())
        guard let sign = change.first, sign == "+" || sign == "-" else {
            throw Failure(
                .usage, "--what-if \"\(change)\" must be +TYPE for one device more or -ID for one device less")
        }
        do {
            changed.fleet = sign == "+" ? try fleet.adding(type: name) : try fleet.removing(DeviceID(name))
        } catch {
            throw Failure(.usage, "--what-if \(change): \(error)")
        }
        return changed
    }
}
