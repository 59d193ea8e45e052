import CostModel
import Domain
import Planning
import Protocol

/// Names a message that waits for its answer.
typealias PartitionTicket = UInt64

/// What happens to the partitioner.
enum PartitionerEvent: Sendable {
    /// A message to answer.
    case asked(PartitionTicket, PartitionProblem)
    /// A computation ended.
    case solved(PartitionTicket, Result<[PartitionAnswer], Fault>)
}

/// What the partitioner does about it.
enum PartitionerInstruction: Sendable {
    /// Compute the answers and report `solved`.
    case solve(PartitionTicket, FleetCost, [PartitionQuery])
    /// Send the answers.
    case answer(PartitionTicket, [PartitionAnswer])
    /// Send an error.
    case refuse(PartitionTicket, Fault)
}

/// Checks messages and lets a bounded number of them compute and wait; keeps nothing else.
struct PartitionerCore: Sendable {
    private struct Waiting: Sendable {
        var ticket: PartitionTicket
        var cost: FleetCost
        var queries: [PartitionQuery]
    }

    private let parallel: Int
    private let queueLimit: Int
    private var running: Set<PartitionTicket> = []
    private var waiting: [Waiting] = []

    init(parallel: Int, queueLimit: Int) {
        self.parallel = parallel
        self.queueLimit = queueLimit
    }

    /// Decides; does nothing itself.
    mutating func handle(_ event: PartitionerEvent) -> [PartitionerInstruction] {
        switch event {
        case .asked(let ticket, let problem): asked(ticket, problem)
        case .solved(let ticket, let result): solved(ticket, result)
        }
    }

    private mutating func asked(_ ticket: PartitionTicket, _ problem: PartitionProblem) -> [PartitionerInstruction] {
        guard waiting.count < queueLimit else {
            let error = Fault(
                "overloaded", "\(waiting.count) messages wait for the partitioner already",
                isRetriable: true)
            return [.refuse(ticket, error)]
        }
        do throws(PlanningError) {
            let cost = try problem.cost()
            if let fault = problem.queryProblem { throw PlanningError(.invalidInput, fault) }
            waiting.append(Waiting(ticket: ticket, cost: cost, queries: problem.queries))
            return startWaiting()
        } catch {
            return [.refuse(ticket, Fault(error.code.rawValue, "partition.solve: \(error.message)"))]
        }
    }

    private mutating func solved(
        _ ticket: PartitionTicket, _ result: Result<[PartitionAnswer], Fault>
    ) -> [PartitionerInstruction] {
        guard running.remove(ticket) != nil else { return [] }
        switch result {
        case .success(let answers): return [.answer(ticket, answers)] + startWaiting()
        case .failure(let refusal): return [.refuse(ticket, refusal)] + startWaiting()
        }
    }

    private mutating func startWaiting() -> [PartitionerInstruction] {
        var instructions: [PartitionerInstruction] = []
        while running.count < parallel, !waiting.isEmpty {
            let next = waiting.removeFirst()
            running.insert(next.ticket)
            instructions.append(.solve(next.ticket, next.cost, next.queries))
        }
        return instructions
    }
}
