internal import Foundation
public import Simulation

/// One run of a live comparison.
public struct LiveTask: Sendable, Hashable {
    /// Who serves.
    public var system: SimulatedSystem
    /// The system at whose capacity it is, for ours too; `nil` in a capacity search.
    public var baseline: SimulatedSystem?
    /// The share of that capacity.
    public var share: Double?
    /// Requests per second.
    public var rate: Double
    /// The seed of its requests.
    public var seed: UInt64
    /// Requests.
    public var requests: Int
    /// Its name among all runs, the path of its folder.
    public var name: String

    /// Whether it belongs to a capacity search.
    public var isSearch: Bool { baseline == nil }
}

/// Which runs there are, and which is next: follows from the settings and from what was measured, so that a comparison that
/// was stopped goes on.
public struct LiveAgenda: Sendable, Hashable {
    /// What is compared.
    public var settings: LiveSettings
    /// Requests per second that each system is expected to sustain, of those that can be deployed.
    public var guesses: [SimulatedSystem: Double]
    /// The outcomes of runs that were measured, by name; those of loads are there as well.
    public var done: [String: LiveCapacity.Outcome]

    /// Makes an agenda.
    public init(
        settings: LiveSettings, guesses: [SimulatedSystem: Double], done: [String: LiveCapacity.Outcome] = [:]
    ) {
        self.settings = settings
        self.guesses = guesses
        self.done = done
    }

    /// The systems that run, in their order.
    public var systems: [SimulatedSystem] { settings.systems.filter { guesses[$0] != nil } }

    private func searchName(_ system: SimulatedSystem, _ number: Int) -> String {
        "\(system.rawValue)/capacity-\(number)"
    }

    /// The capacity search of a system as far as it has come.
    public func search(_ system: SimulatedSystem) -> LiveCapacity {
        var search = LiveCapacity(
            guess: guesses[system] ?? 1, precision: settings.precision, mostRuns: settings.mostSearchRuns)
        while search.next != nil, let outcome = done[searchName(system, search.outcomes.count + 1)] {
            search.outcomes.append(outcome)
        }
        return search
    }

    /// The capacity of a system, once its search has ended.
    public func capacity(_ system: SimulatedSystem) -> Double? {
        let search = search(system)
        return search.next == nil ? search.capacity : nil
    }

    /// The runs under load of a system whose baselines have been searched.
    public func loads(_ system: SimulatedSystem) -> [LiveTask] {
        let baselines = system == .e2llm ? systems.filter { $0 != .e2llm } : [system]
        return baselines.flatMap { baseline -> [LiveTask] in
            guard let capacity = capacity(baseline) else { return [] }
            return settings.shares.flatMap { share in
                settings.seeds.map { seed in
                    LiveTask(
                        system: system, baseline: baseline, share: share, rate: share * capacity, seed: seed,
                        requests: settings.requests(rate: share * capacity, isSearch: false),
                        name: "\(system.rawValue)/\(baseline.rawValue)-at-\(Int((share * 100).rounded()))-seed-\(seed)")
                }
            }
        }
    }

    /// The next run of a system; `nil` where all of them are done.
    public func next(_ system: SimulatedSystem) -> LiveTask? {
        let search = search(system)
        if let rate = search.next {
            return LiveTask(
                system: system, rate: rate, seed: settings.seeds.first ?? 1,
                requests: settings.requests(rate: rate, isSearch: true),
                name: searchName(system, search.outcomes.count + 1))
        }
        return loads(system).first { done[$0.name] == nil }
    }
}
