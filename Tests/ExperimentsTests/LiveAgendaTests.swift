import Domain
import Experiments
import Scenarios
import Simulation
import Testing

@Suite("Live: capacity search and agenda") struct LiveAgendaTests {
    /// Rates of a search against a system that sustains `capacity`.
    private func search(_ capacity: Double, guess: Double, precision: Double = 0.1, most: Int = 12) -> LiveCapacity {
        var search = LiveCapacity(guess: guess, precision: precision, mostRuns: most)
        while let rate = search.next {
            search.outcomes.append(LiveCapacity.Outcome(rate: rate, isBounded: rate <= capacity))
        }
        return search
    }

    @Test(arguments: [0.2, 0.9, 1.0, 1.1, 3.7, 20])
    func findsTheCapacityFromBothSides(capacity: Double) throws {
        let search = search(capacity, guess: 1)
        let found = try #require(search.capacity)
        #expect(found <= capacity && found * 1.1 >= capacity)
        #expect(search.outcomes[0].rate == 1)
    }

    @Test func endsWhenItsRunsAreUsedUp() {
        let search = search(1000, guess: 1, most: 3)
        #expect(search.outcomes.map(\.rate) == [1, 1.5, 2.25])
        #expect(search.capacity == 2.25)
        #expect(self.search(0, guess: 1, most: 3).capacity == nil)
    }

    /// A run at a higher rate that came out well by chance does not count against one that did not.
    @Test func contradictionsCountAgainstTheSystem() {
        var search = LiveCapacity(guess: 1, precision: 0.1, mostRuns: 9)
        for (rate, isBounded) in [(1.0, true), (1.5, false), (2.0, true)] {
            search.outcomes.append(LiveCapacity.Outcome(rate: rate, isBounded: isBounded))
        }
        #expect(search.capacity == 1)
        #expect(search.next.map { $0 > 1 && $0 < 1.5 } == true)
    }

    private func record(ends: [Double?]) -> RunRecord {
        RunRecord(
            source: .measured, system: "x", rate: 1,
            requests: ends.enumerated().map { number, end in
                var request = RequestTimes(
                    id: RequestID("r\(number)"), arrival: Double(number), promptTokens: 10, outputTokens: 2)
                request.end = end
                request.outcome = end == nil ? .failed : .finished
                return request
            })
    }

    @Test func queuesThatGrowAreNoticed() {
        let quick = record(ends: (0..<20).map { Double($0) + 0.5 })
        let growing = record(ends: (0..<20).map { Double($0) * 3 + 1 })
        var failed = quick
        failed.requests[3].outcome = .failed
        #expect(LiveCapacity.Outcome(quick).isBounded)
        #expect(!LiveCapacity.Outcome(growing).isBounded)
        #expect(!LiveCapacity.Outcome(failed).isBounded, "what fails is not sustained")
    }

    private var settings: LiveSettings {
        var settings = LiveSettings(.quick)
        settings.systems = [.b1, .b3, .e2llm]
        settings.shares = [0.5, 0.9]
        settings.seeds = [1, 2]
        return settings
    }

    private func run(_ agenda: inout LiveAgenda, _ capacities: [SimulatedSystem: Double], most: Int = .max) -> [String]
    {
        var names: [String] = []
        for system in agenda.systems {
            while names.count < most, let task = agenda.next(system) {
                names.append(task.name)
                let isBounded = task.rate <= capacities[task.system] ?? 0
                agenda.done[task.name] = LiveCapacity.Outcome(rate: task.rate, isBounded: isBounded)
            }
        }
        return names
    }

    private let capacities: [SimulatedSystem: Double] = [.b1: 1, .b3: 2, .e2llm: 4]

    @Test func everyPairMeetsAtTheBaselinesRates() throws {
        var agenda = LiveAgenda(settings: settings, guesses: capacities)
        let names = run(&agenda, capacities)
        #expect(Set(names).count == names.count)
        for baseline in [SimulatedSystem.b1, .b3] {
            let capacity = try #require(agenda.capacity(baseline))
            let theirs = agenda.loads(baseline)
            let ours = agenda.loads(.e2llm).filter { $0.baseline == baseline }
            #expect(theirs.count == 4 && ours.count == 4)
            #expect(theirs.map(\.rate) == ours.map(\.rate) && theirs.map(\.seed) == ours.map(\.seed))
            #expect(theirs.map(\.requests) == ours.map(\.requests))
            #expect(theirs.map(\.rate) == [0.5, 0.5, 0.9, 0.9].map { $0 * capacity })
        }
        #expect(names.last?.hasPrefix("e2llm/") == true, "ours runs last")
        #expect(agenda.systems.allSatisfy { agenda.next($0) == nil })
    }

    @Test func goesOnWhereItWasStopped() {
        var whole = LiveAgenda(settings: settings, guesses: capacities)
        let all = run(&whole, capacities)
        for stop in [1, 4, 9, all.count - 1] {
            var agenda = LiveAgenda(settings: settings, guesses: capacities)
            let before = run(&agenda, capacities, most: stop)
            var again = LiveAgenda(settings: settings, guesses: capacities, done: agenda.done)
            #expect(before + run(&again, capacities) == all)
            #expect(again.done == whole.done)
        }
    }

    @Test func whatCannotBeDeployedIsLeftOut() {
        let agenda = LiveAgenda(settings: settings, guesses: [.b3: 1, .e2llm: 1])
        #expect(agenda.systems == [.b3, .e2llm])
        #expect(agenda.next(.b1).map(\.system) != .b3)
        #expect(agenda.loads(.b1).isEmpty)
    }

    @Test func settingsAreChecked() {
        for size in LiveSettings.Size.allCases { #expect(throws: Never.self) { try LiveSettings(size).check() } }
        func refused(_ change: (inout LiveSettings) -> Void) -> String? {
            var settings = LiveSettings(.quick)
            change(&settings)
            do {
                try settings.check()
                return nil
            } catch {
                return error.message
            }
        }
        #expect(refused { $0.systems = [.e2llm] }?.contains("another one") == true)
        #expect(refused { $0.systems = [.b1m, .e2llm] }?.contains("b1m can only be simulated") == true)
        #expect(refused { $0.shares = [1.5] }?.contains("1.5") == true)
        #expect(refused { $0.seeds = [] } != nil)
    }

    @Test func everySystemIsServedAsItIsSimulated() {
        for system in LiveSettings(.standard).systems {
            let settings = LiveServing(system)?.settings ?? []
            #expect(settings.count == 3, "\(system.rawValue)")
        }
        #expect(LiveServing(.splitwiseAdapted)?.settings.contains("scheduler.routing=least-tokens") == true)
        #expect(LiveServing(.paper)?.settings.contains("fleet.largest_batch=planned") == true)
        #expect(LiveServing(.paper)?.simulation.keepsConcurrency == true)
        #expect(LiveServing(.b3)?.simulation.largestBatch == 16)
        #expect(LiveServing(.b0)?.settings.contains("fleet.batching=whole-prompts") == true)
        #expect(LiveServing(.b0c)?.settings.contains("fleet.batching=chunks") == true)
        #expect(LiveServing(.b1m) == nil)
    }

    @Test func streamsAreTheSameForTheSameSeed() throws {
        func stream(_ seed: UInt64) throws -> [[Double]] {
            try LiveStream.requests(400, seed: seed, promptTokens: 120, outputTokens: 30, longest: 1024).requests.map {
                [$0.arrival, Double($0.promptTokens), Double($0.outputTokens)]
            }
        }
        let requests = try stream(1)
        #expect(requests == (try stream(1)))
        #expect(requests != (try stream(2)))
        func mean(_ place: Int) -> Double { requests.reduce(0) { $0 + $1[place] } / 400 }
        #expect((mean(1) / 120 - 1).magnitude < 0.05 && (mean(2) / 30 - 1).magnitude < 0.05)
        #expect(requests.allSatisfy { $0[1] + $0[2] <= 1024 && $0[2] >= 2 })
        let gaps = zip(requests.dropFirst(), requests).map { $0[0] - $1[0] }
        let square = gaps.reduce(0) { $0 + ($1 - 1) * ($1 - 1) } / Double(gaps.count)
        #expect(square > 0.7 && square < 1.4, "Poisson arrivals at a mean rate of 1")
    }
}
