import CostModel
import Domain
import Foundation
import Scheduling
import Testing

@testable import Simulation

/// Timelines say when everything was busy, and agree with the sums of the record.
@Suite("Timelines") struct TimelineTests {
    private typealias Fleets = SampleFleets

    private static func plan(_ cost: FleetCost) -> PlacementPlan {
        Fleets.plan([
            Fleets.replica("d", .decode, ["c"], cost), Fleets.replica("m", .mixed, ["d"], cost),
            Fleets.replica("p", .prefill, ["a", "b"], cost),
        ])
    }

    /// Both kinds of runs, with streaming and without.
    private static func record(
        isLive: Bool, streams: Bool = true, _ timeline: TimelineSettings?, count: Int = 200
    ) throws -> RunRecord {
        let cost = try Fleets.cost(["a", "b", "c", "d"], memory: 1_500_000_000, bytesPerSecond: 3e7)
        let traffic = Fleets.stream(count, every: 0.1)
        if isLive {
            var settings = SimulationSettings()
            (settings.streams, settings.timeline) = (streams, timeline)
            return try SimulatedServices(settings).run(traffic, plan: plan(cost), cost: cost)
        }
        var settings = ReferenceSettings()
        (settings.streams, settings.timeline) = (streams, timeline)
        return try ReferenceServices(settings).run(traffic, plan: plan(cost), cost: cost)
    }

    @Test(arguments: [(true, true), (true, false), (false, true), (false, false)])
    func timelinesAgreeWithTheSums(isLive: Bool, streams: Bool) throws {
        let record = try Self.record(isLive: isLive, streams: streams, TimelineSettings())
        var plain = record
        plain.timeline = nil
        // Watching changes nothing.
        #expect(plain == (try Self.record(isLive: isLive, streams: streams, nil)))
        let timeline = try #require(record.timeline)
        #expect(timeline.devices.map(\.name) == record.devices.map(\.name))
        #expect(timeline.network.map(\.name) == record.network.map(\.name) && !timeline.network.isEmpty)
        for (use, over) in zip(record.devices + record.network, timeline.devices + timeline.network) {
            #expect(over.shares.count <= 256 && over.shares.count > 100)
            let busy = over.shares.reduce(0, +) * timeline.binSeconds
            #expect((busy / record.seconds - use.share).magnitude < 1e-4, "\(use.name)")
            // The reference lets short prompts begin on a later stage while a long one before them is still there.
            let most = isLive || record.network.contains(use) ? 1 + 1e-6 : .infinity
            #expect(over.shares.allSatisfy { $0 >= 0 && $0 <= most })
        }
        #expect(timeline.intervalsUntil == nil)
        for (index, device) in record.devices.enumerated() {
            let steps = timeline.steps.filter { timeline.stages[$0.stage].device.rawValue == device.name }
            let busy = steps.reduce(0) { $0 + $1.end - $1.start }
            #expect((busy / record.seconds - record.devices[index].share).magnitude < 1e-9)
            // A device with one stage does one thing at a time.
            if isLive { #expect(zip(steps, steps.dropFirst()).allSatisfy { $1.start >= $0.end - 1e-9 }) }
        }
        #expect(Set(timeline.steps.map(\.kind)).isSuperset(of: [.prefill, .decode]))
    }

    @Test(arguments: [true, false])
    func transfersCarryTheWholeCache(isLive: Bool) throws {
        let record = try Self.record(isLive: isLive, TimelineSettings())
        let timeline = try #require(record.timeline)
        var bytes: [RequestID: Double] = [:]
        for transfer in timeline.transfers {
            bytes[try #require(transfer.request), default: 0] += transfer.bytes
            #expect(transfer.end > transfer.start)
            #expect(["c", "d"].contains(transfer.to) && ["a", "b"].contains(transfer.from))
        }
        #expect(!bytes.isEmpty)
        for request in record.requests where request.kvStart != nil && request.outputTokens > 1 {
            // 1,000 bytes a token for each of 8 layers.
            let sent = bytes[request.id] ?? 0
            #expect((sent - 8000 * Double(request.promptTokens)).magnitude < 1e-3, "\(request.id)")
        }
    }

    @Test(arguments: [true, false])
    func intervalsAreLimitedAndSaySo(isLive: Bool) throws {
        let whole = try #require(try Self.record(isLive: isLive, TimelineSettings()).timeline)
        var settings = TimelineSettings()
        settings.mostIntervals = 50
        let timeline = try #require(try Self.record(isLive: isLive, settings).timeline)
        #expect(timeline.steps.count == 50 && timeline.devices == whole.devices)
        let until = try #require(timeline.intervalsUntil)
        // Until then nothing is missing.
        #expect(timeline.steps.filter { $0.start < until } == whole.steps.filter { $0.start < until })
        settings.from = 10
        let later = try #require(try Self.record(isLive: isLive, settings).timeline)
        #expect(later.steps.allSatisfy { $0.end >= 10 } && later.steps.count == 50 && later.intervalsFrom == 10)
        settings.mostIntervals = -1
        #expect(throws: SimulationError.self) { try Self.record(isLive: isLive, settings) }
    }

    @Test func filesKeepTimelinesAndHaveNoneWithout() throws {
        var record = try Self.record(isLive: true, TimelineSettings(), count: 10)
        let data = try JSONEncoder().encode(record)
        #expect(try JSONDecoder().decode(RunRecord.self, from: data) == record)
        #expect(record.problem == nil)
        record.timeline = nil
        let text = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
        #expect(!text.contains("timeline"))
    }

    @Test func wrongRecordsAreNamed() throws {
        let good = try Self.record(isLive: true, TimelineSettings(), count: 10)
        func problem(_ change: (inout RunRecord) -> Void) -> String {
            var record = good
            change(&record)
            return record.problem ?? "none"
        }
        let wrong: [(String, (inout RunRecord) -> Void)] = [
            ("request r3: prompt_tokens", { $0.requests[3].promptTokens = .max }),
            ("request r3: end_s", { $0.requests[3].end = 1e300 }), ("makespan_s", { $0.seconds = -1 }),
            ("timeline: step 2: there is no stage 99", { $0.timeline?.steps[2].stage = 99 }),
            ("timeline: bin_s", { $0.timeline?.binSeconds = 0 }),
            ("timeline: transfer 0", { $0.timeline?.transfers[0].end = -5 }),
        ]
        for (text, change) in wrong {
            let said = problem(change)
            #expect(said.hasPrefix(text), "\(said)")
        }
    }

    @Test func binsKeepSumsWhateverTheLength() {
        var bins = TimeBins(start: 5, width: 0.5, most: 4, rows: 2)
        bins.add(1, from: 0, to: 6, row: 0)
        #expect(bins.width == 0.5 && bins.rows == [[0.5, 0.5], []])
        bins.add(2, from: 5.75, to: 6.25, row: 1)
        #expect(bins.rows[1] == [0, 0.5, 0.5])
        // 16 s need bins of 4 s.
        bins.add(3, from: 20, to: 21, row: 0)
        #expect(bins.width == 4 && bins.rows == [[1, 0, 0, 3], [1]])
        #expect(bins.means(1, count: 2) == [0.25, 0])
        bins.add(1, from: 8, to: 7, row: 0)
        bins.add(.nan, from: 8, to: 9, row: 0)
        bins.add(1, from: 8, to: .infinity, row: 0)
        #expect(bins.rows == [[1, 0, 0, 3], [1]])
    }

    @Test func levelsFollowFromMoments() throws {
        var request = RequestTimes(id: "r", arrival: 1, promptTokens: 10, outputTokens: 5)
        request.outcome = .finished
        (request.prefillReplica, request.decodeReplica) = ("p", "d")
        (request.prefillStart, request.firstToken, request.kvStart) = (2, 3, 4)
        (request.kvComplete, request.decodeStart, request.end) = (5, 6, 11)
        var record = RunRecord(source: .measured, system: "test", rate: 1, requests: [request])
        #expect(RunLevels(record).requests.isEmpty)
        record.measure(busy: [:], network: [])
        let levels = RunLevels(record, bins: 10)
        func near(_ left: [Double], _ right: [Double]) -> Bool {
            left.count == right.count && zip(left, right).allSatisfy { ($0 - $1).magnitude < 1e-6 }
        }
        #expect(near(levels.requests[.waiting] ?? [], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
        #expect(near(levels.requests[.prefill] ?? [], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]))
        #expect(near(levels.requests[.handover] ?? [], [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]))
        #expect(near(levels.requests[.decode] ?? [], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]))
        #expect(levels.replicas.map(\.id) == ["d", "p"])
        #expect(near(levels.replicas[0].tokens, [0, 0, 0, 15, 15, 15, 15, 15, 15, 15]))
        #expect(near(levels.replicas[1].tokens, [0, 10, 10, 10, 0, 0, 0, 0, 0, 0]))
    }

    /// What replicas hold never exceeds what they have room for.
    @Test(arguments: [true, false])
    func replicasHoldNoMoreThanTheyCan(isLive: Bool) throws {
        let levels = RunLevels(try Self.record(isLive: isLive, nil))
        #expect(levels.replicas.count == 3)
        for replica in levels.replicas {
            let capacity = Double(try #require(replica.capacity))
            #expect(replica.tokens.allSatisfy { $0 <= capacity * 1.0001 } && replica.tokens.contains { $0 > 0 })
        }
    }
}
