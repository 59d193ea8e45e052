import Domain
import Planning
import Protocol
import ServiceRuntime

/// Answers partition queries; the partitioner service, or anything that stands in for it.
protocol PartitionSource: Sendable {
    /// Answers the queries of a problem, in their order.
    func answers(_ problem: PartitionProblem) async throws(Fault) -> [PartitionAnswer]
}

/// Limits of a request to the partitioner.
struct PartitionerLimits: Sendable {
    /// Time for one answer.
    var timeoutSeconds = 10.0
    /// Messages before the search fails.
    var attempts = 3
    /// First pause between attempts; doubles.
    var pauseSeconds = 0.5
}

/// The partitioner service over its DEALER: every batch is one message, sent again where no answer comes.
struct RemotePartitioner: PartitionSource {
    let socket: ClientSocket
    let limits: PartitionerLimits

    func answers(_ problem: PartitionProblem) async throws(Fault) -> [PartitionAnswer] {
        var answers: [PartitionAnswer] = []
        for start in stride(from: 0, to: problem.queries.count, by: PartitionProblem.mostQueries) {
            var part = problem
            part.queries = Array(problem.queries[start...].prefix(PartitionProblem.mostQueries))
            answers += try await persistently(part)
        }
        return answers
    }

    private func persistently(_ problem: PartitionProblem) async throws(Fault) -> [PartitionAnswer] {
        var pause = limits.pauseSeconds
        var attempt = 1
        while true {
            do {
                return try await once(problem)
            } catch {
                guard error.isRetriable, attempt < limits.attempts, !Task.isCancelled else { throw error }
            }
            attempt += 1
            try? await Task.sleep(for: .seconds(pause))
            guard !Task.isCancelled else { throw away("the search was given up") }
            pause = min(pause * 2, 8)
        }
    }

    private func once(_ problem: PartitionProblem) async throws(Fault) -> [PartitionAnswer] {
        do {
            let reply = try await socket.request(
                Outgoing(.partitionSolve, body: problem), timeout: .seconds(limits.timeoutSeconds))
            return try reply.body(as: PartitionSolution.self).answers
        } catch let error as RuntimeError {
            if let reported = error.reported {
                throw Fault(
                    reported.code, "the partitioner refuses: \(reported.message)",
                    isRetriable: reported.isRetriable)
            }
            throw away("\(error.message)")
        } catch let error as ProtocolError {
            throw Fault(error.code.rawValue, "the partitioner's answer: \(error.message)")
        } catch {
            throw away("\(error)")
        }
    }

    private func away(_ why: String) -> Fault {
        Fault(
            "partitioner_unavailable",
            "the partitioner at \(socket.endpoint) does not answer: \(why)", isRetriable: true)
    }
}
