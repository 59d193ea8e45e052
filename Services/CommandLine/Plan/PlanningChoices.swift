public import ArgumentParser
import Domain
import Foundation
public import Planning
public import Simulation

extension PlanningLimits.Roles: ExpressibleByArgument {}
extension PlanningAlgorithm: ExpressibleByArgument {}

/// Who plans, by which objective and within which limits.
struct PlanningChoices: ParsableArguments {
    /// The names of objectives.
    enum Objective: String, ExpressibleByArgument, CaseIterable {
        case waiting, throughput, ttft, goodput, energy
    }

    @Option(help: "Seed of the search.") var seed: UInt64 = 1
    @Option(help: "Seconds after which the best plan so far is taken, such as 10s.") var deadline: String?
    @Option(
        help: """
            default; paper: genetic algorithm and dynamic programming; genetic: the same with the best order of stages; \
            splitwise-adapted; or a baseline.
            """)
    var algorithm: PlanningAlgorithm?
    @Option(help: "Print the plan of a baseline: b0, b0c, b1, b2, b3, hexgen2, helix or paper.")
    var baseline: PlanningAlgorithm?
    @Option(help: "What the plan is chosen by: waiting, throughput, ttft (its 99th percentile), goodput or energy.")
    var objective: Objective = .waiting
    @Option(help: "With goodput: seconds to the first token.") var sloTtft: Double = 2
    @Option(help: "With goodput: seconds per output token.") var sloTpot: Double = 0.1
    @Option(help: "Which roles may stand in one plan: any, uniform, split or mixed.")
    var roles: PlanningLimits.Roles = .any
    @Option(
        parsing: .unconditional,
        help: """
            Least tokens per second of every decoding request; plans that are slower are then no plans. Without it there \
            is none.
            """)
    var minimumSpeed: Double?
    @Option(help: "Most sequences that a replica decodes together.") var largestBatch: Int = 16
    @Option(help: "Longest request in tokens that every replica has room for; default: the longest of the workload.")
    var context: Int?
    @Option(help: "How keys and values may be kept and sent: f16, q8_0, or f16,q8_0. Baselines keep f16.")
    var kvTypes = KVTypes.all
    @Flag(inversion: .prefixedNo, help: "Send the KV of a chunk while the next one computes.") var streaming = true
    @Flag(
        inversion: .prefixedNo,
        help: "For the waiting objective: try the best plans out in simulation, instead of trusting estimates.")
    var trials = true

    @Option(
        help: """
            A plan file: the plan in force. The answer says whether to move away from it, and what that gains and costs.
            """)
    var inForce: String?
    @Option(parsing: .unconditional, help: "With --in-force: seconds over which a move must earn its cost.")
    var horizon: Double = 600

    /// The planner that was asked for.
    func planner() throws -> PlanningAlgorithm {
        if let algorithm, let baseline, algorithm != baseline {
            throw Failure(
                .usage, "--algorithm \(algorithm.rawValue) and --baseline \(baseline.rawValue): leave one of them out")
        }
        if baseline == .standard {
            throw Failure(.usage, "--baseline default: it is b0, b0c, b1, b2, b3, hexgen2, helix or paper")
        }
        return baseline ?? algorithm ?? .standard
    }

    var limits: PlanningLimits {
        get throws {
            var limits = PlanningLimits()
            limits.roles = roles
            limits.largestBatch = largestBatch
            limits.longestRequestTokens = context ?? 0
            if let minimumSpeed { (limits.minimumTokensPerSecond, limits.minimumIsHard) = (minimumSpeed, true) }
            if !streaming { limits.chunkTokens = nil }
            limits.kvTypes = kvTypes.types
            return limits
        }
    }

    var planObjective: PlanObjective {
        get throws {
            switch objective {
            case .waiting: return .waiting
            case .throughput: return .throughput
            case .ttft: return .firstToken
            case .goodput:
                guard sloTtft > 0, sloTpot > 0 else {
                    throw Failure(.usage, "--slo-ttft and --slo-tpot must be positive")
                }
                return .goodput(firstTokenSeconds: sloTtft, tokenSeconds: sloTpot)
            case .energy: return .energy
            }
        }
    }

    /// The deadline in seconds.
    var deadlineSeconds: Double? {
        get throws {
            guard let deadline else { return nil }
            let units = [("ms", 0.001), ("s", 1.0), ("min", 60)]
            let unit = units.first { deadline.hasSuffix($0.0) }
            guard let value = Double(deadline.dropLast(unit?.0.count ?? 0)), value > 0, value.isFinite else {
                throw Failure(.usage, "--deadline \"\(deadline)\" is no time such as 10s or 500ms")
            }
            return value * (unit?.1 ?? 1)
        }
    }
}
