import Domain
import Scenarios
import Simulation

/// A run whose requests are to be sent once more, to a simulated fleet.
struct ReplayedRun {
    /// Its requests; times in mean times between arrivals, as in every stream.
    let stream: RequestStream
    /// Requests per second.
    let rate: Double
    private let path: String
    private let recorded: PlacementPlan?

    /// Reads a record.
    ///
    /// - Throws: `Failure` for a record without requests.
    init(path: String) throws {
        let record = try RecordFile.read(path)
        guard record.rate > 0, record.rate.isFinite else {
            throw Failure(.failed, "\(path): rate is \(record.rate), it must be positive")
        }
        guard let first = record.requests.map(\.arrival).min() else {
            throw Failure(.failed, "\(path): there are no requests")
        }
        self.path = path
        recorded = record.plan
        rate = record.rate
        stream = RequestStream(
            name: record.workload,
            requests: record.requests.sorted { $0.arrival < $1.arrival }.map { request in
                StreamRequest(
                    id: request.id, arrival: (request.arrival - first) * record.rate,
                    promptTokens: request.promptTokens, outputTokens: request.outputTokens)
            })
    }

    /// The plan of the run, with all that was known of it.
    func plan(for scenario: Scenario) throws -> PlacementPlan {
        try InForcePlan.checked(recorded, path: path, scenario)
    }
}
