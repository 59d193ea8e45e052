import Domain
import Experiments
import Foundation
import Scenarios
import Simulation

/// The runs of a live comparison: decides nothing that `LiveAgenda` decides.
struct LiveExperiment: Sendable {
    /// What a folder is for.
    private struct Purpose: Encodable {
        var settings: LiveSettings
        var model: String
        var fleet: LaunchFleetFile
    }

    /// A system before it is measured.
    struct Candidate: Codable, Sendable {
        var system: SimulatedSystem
        var plan: PlacementPlan?
        var problem: String?
        var simulatedCapacity: Double?
    }

    private let settings: LiveSettings
    private let model: String
    private let fleetFile: String
    private let count: Int
    private let devices: [String]
    private let store: LiveStore

    init(
        output: String, settings: LiveSettings, model: String, fleetFile: String, fleet: LaunchFleetFile,
        devices: [String]
    ) throws {
        do {
            try settings.check()
        } catch {
            throw Failure(.usage, error.message)
        }
        self.settings = settings
        self.model = model
        self.fleetFile = fleetFile
        self.devices = devices
        count = fleet.expanded.count
        store = try LiveStore(output, settings: Purpose(settings: settings, model: model, fleet: fleet))
    }

    func run() async throws {
        let fleet = try await measuredFleet()
        let candidates = try candidates(fleet)
        var agenda = LiveAgenda(settings: settings, guesses: Self.guesses(candidates))
        try load(&agenda)
        for system in agenda.systems {
            guard agenda.next(system) != nil, let plan = candidates.first(where: { $0.system == system })?.plan else {
                continue
            }
            agenda = try await measure(system, plan, agenda, fleet, candidates)
        }
        print(try report(agenda, fleet, candidates), terminator: "")
    }

    private static func guesses(_ candidates: [Candidate]) -> [SimulatedSystem: Double] {
        Dictionary(
            candidates.compactMap { line in line.simulatedCapacity.map { (line.system, $0) } }, uniquingKeysWith: { $1 }
        )
    }

    private func start(_ settings: [String]) -> LiveCluster.Start {
        LiveCluster.Start(
            model: model, fleet: fleetFile, directory: store.path + "/cluster",
            settings: LiveServing.common(devices: count) + settings, devices: count)
    }

    // MARK: - Before the runs

    /// The fleet with its profiles, measured where that was not done yet.
    private func measuredFleet() async throws -> Fleet {
        if let fleet = try store.read("fleet.json", as: Fleet.self) { return fleet }
        Stoppable.tell("measuring \(count) devices")
        let fleet = try await LiveCluster.with(start([])) { try await $0.server.fleet().fleet }
        try store.write("fleet.json", fleet)
        return fleet
    }

    private func stream(_ count: Int, seed: UInt64, _ fleet: Fleet) throws -> RequestStream {
        do {
            return try LiveStream.requests(
                count, seed: seed, promptTokens: settings.promptTokens, outputTokens: settings.outputTokens,
                longest: min(fleet.model?.maxContext ?? 2048, 1024))
        } catch {
            throw Failure(.usage, error.message)
        }
    }

    private func planner(_ fleet: Fleet) throws -> LiveFleet {
        let seed = settings.seeds.first ?? 1
        do {
            return try LiveFleet(fleet, stream: try stream(400, seed: seed, fleet), seed: seed)
        } catch let error as ExperimentError {
            throw Failure(.failed, error.message)
        }
    }

    /// Plans of all systems: of baselines for what they can, ours for what the best of them would carry under high demand.
    private func candidates(_ fleet: Fleet) throws -> [Candidate] {
        let planner = try planner(fleet)
        var lines: [Candidate] = []
        for system in settings.systems {
            let name = "plans/\(system.rawValue)-candidate.json"
            if let line = try store.read(name, as: Candidate.self) {
                lines.append(line)
                continue
            }
            Stoppable.tell("planning: \(system.title)")
            let best = lines.compactMap(\.plan?.predictedRequestsPerSecond).max() ?? 1
            var line = Candidate(system: system)
            do throws(ExperimentError) {
                let plan = try planner.plan(system, rate: system == .e2llm ? 0.9 * max(1e-3, best) : 1)
                line.plan = plan
                if let serving = LiveServing(system) {
                    line.simulatedCapacity = try planner.capacity(plan, serving.simulation)
                }
            } catch {
                line.problem = error.message
                Stoppable.tell("\(system.rawValue) cannot be deployed: \(error.message)")
            }
            try store.write(name, line)
            if let plan = line.plan { try store.write("plans/\(system.rawValue).json", plan) }
            lines.append(line)
        }
        return lines
    }

    // MARK: - Runs

    /// Takes the runs that the folder has.
    private func load(_ agenda: inout LiveAgenda) throws {
        for system in agenda.systems {
            while let task = agenda.next(system), let run = try store.run(task.name) {
                agenda.done[task.name] = LiveCapacity.Outcome(run.record)
            }
        }
    }

    private func measure(
        _ system: SimulatedSystem, _ plan: PlacementPlan, _ agenda: LiveAgenda, _ fleet: Fleet,
        _ candidates: [Candidate]
    ) async throws -> LiveAgenda {
        Stoppable.tell("starting: \(system.title)")
        let own = (LiveServing(system)?.settings ?? []) + ["clusterer.plan=\(store.path)/plans/\(system.rawValue).json"]
        return try await LiveCluster.with(start(own)) { cluster in
            var agenda = agenda
            while let task = agenda.next(system) {
                // What was measured before the command was stopped.
                if let run = try store.run(task.name) {
                    agenda.done[task.name] = LiveCapacity.Outcome(run.record)
                    continue
                }
                let load = try await measure(task, cluster, fleet)
                guard load.record.plan?.replicas.map(\.stages.count) == plan.replicas.map(\.stages.count),
                    load.record.plan?.replicas.map(\.role) == plan.replicas.map(\.role)
                else {
                    throw Failure(.failed, "\(task.name): another plan is in force than the one that was given")
                }
                try store.keep(task.name, load)
                agenda.done[task.name] = LiveCapacity.Outcome(load.record)
                if !task.isSearch { _ = try report(agenda, fleet, candidates) }
            }
            return agenda
        }
    }

    private func measure(_ task: LiveTask, _ cluster: LiveCluster, _ fleet: Fleet) async throws -> LiveLoad {
        var stream = try stream(task.requests, seed: task.seed, fleet)
        if task.isSearch { stream = LiveStream.evenlySpaced(stream) }
        let load = try await LiveLoad.measured(
            cluster, stream, rate: task.rate, seed: task.seed, system: task.system.rawValue)
        let finished = load.record.requests.count { $0.outcome == .finished }
        let growth = TableFigure.short(load.record.backlogGrowth * 100)
        Stoppable.tell(
            "\(task.name): \(TableFigure.short(task.rate)) requests/s, \(finished) of \(task.requests) finished, backlog grew by "
                + "\(growth) %, others took \(TableFigure.short(load.machine.disturbance * 100)) %")
        return load
    }

    // MARK: - Report

    private func report(_ agenda: LiveAgenda, _ fleet: Fleet, _ candidates: [Candidate]) throws -> String {
        let systems = candidates.map { line -> LiveResult.System in
            var system = LiveResult.System(line.system)
            system.problem = line.problem
            system.plan = line.plan.map(Self.text) ?? ""
            system.simulatedCapacity = line.simulatedCapacity
            system.capacity = agenda.capacity(line.system)
            if line.problem == nil, system.capacity == nil {
                system.problem =
                    agenda.search(line.system).next == nil
                    ? "no rate was found at which its queues stay bounded"
                    : "its capacity is not known yet"
            }
            return system
        }
        var runs: [LiveResult.Run] = []
        for task in agenda.systems.flatMap(agenda.loads) where agenda.done[task.name] != nil {
            guard let run = try store.run(task.name), let serving = LiveServing(task.system) else { continue }
            let simulated = try? LiveFleet(
                run.fleet, stream: try stream(400, seed: task.seed, fleet), seed: task.seed
            ).simulated(run.record, serving.simulation)
            runs.append(LiveResult.Run(task, run.record, simulated: simulated, machine: run.machine))
        }
        let result = LiveResult(
            settings: settings, devices: devices, model: fleet.model?.name ?? "", machine: MachineWatch.name,
            systems: systems, runs: runs)
        let report = LiveReport(result)
        let folder = try ExperimentFolder(store.path)
        try folder.write("live.json", try result.json())
        try folder.write("live.csv", Array(result.csv.utf8))
        try folder.write("live.md", Array(report.markdown.utf8))
        try folder.write("live.html", Array(report.html.utf8))
        for picture in report.pictures { try folder.write("live-\(picture.name).svg", Array(picture.svg.utf8)) }
        return report.markdown
    }

    private static func text(_ plan: PlacementPlan) -> String {
        plan.replicas.map { replica in
            "\(replica.role.rawValue): \(replica.stages.map(\.device.rawValue).joined(separator: "+"))"
        }.joined(separator: "; ")
    }
}
