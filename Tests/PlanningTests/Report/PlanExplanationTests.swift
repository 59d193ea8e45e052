import CostModel
import Domain
import Drawing
import Testing

@testable import Planning

/// Explanations say what is so: every statement is compared with the plan's own figures.
@Suite("Explanations of plans") struct PlanExplanationTests {
    private typealias Fleets = PlacementFleets

    /// Planned once for all tests.
    private static let results = Result {
        try [4, 7, 12].flatMap { count in
            try Fleets.costs(devices: count, count: 2, seed: UInt64(count) * 100).flatMap { cost in
                try [PlanningLimits.Roles.split, .mixed, .any].map { roles in
                    try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: Fleets.limits(roles))
                }
            }
        }
    }

    @Test func groupsAndTheirPaceAreThoseOfThePlan() throws {
        for result in try Self.results.get() {
            let explanation = PlanExplanation(result)
            let groups = result.placed.groups
            #expect(explanation.rate == result.placed.rate && explanation.limit == result.placed.limit)
            #expect(explanation.groups.map(\.name) == result.groupNames)
            for role in ReplicaRole.allCases {
                let shares = explanation.groups.filter { $0.role == role }.map(\.share)
                #expect(shares.count == groups.count { $0.role == role })
                if !shares.isEmpty { #expect(abs(shares.reduce(0, +) - 1) < 1e-9) }
            }
            for (finding, group) in zip(explanation.groups, groups) {
                #expect(finding.stages.map(\.layers.count) == group.layers)
                #expect(finding.stages.first?.layers.start == 0)
                #expect(finding.stages.last?.layers.end == result.instance.layers)
                let slow = finding.bottleneck
                #expect(slow.seconds > 0 && slow.seconds <= slow.wholeSeconds * (1 + 1e-9))
                switch group.role {
                case .prefill:
                    #expect(slow.phase == .prefill && finding.decodeShare == 0)
                    #expect(abs(1 / slow.wholeSeconds / group.rate - 1) < 1e-6, "the slowest part sets the rate")
                case .decode:
                    #expect(slow.phase == .decode && finding.decodeShare == 1)
                    let rate =
                        slow.kind == .port
                        ? 1 / slow.wholeSeconds
                        : Double(group.concurrency) / (result.instance.demand.outputTokens * slow.wholeSeconds)
                    #expect(abs(rate / group.rate - 1) < 1e-6)
                case .mixed:
                    #expect(finding.decodeShare > 0 && finding.decodeShare < 1)
                    #expect((slow.phase == .decode) == (finding.decodeShare > 0.5))
                }
            }
        }
    }

    @Test func theLimitIsWhatIsFull() throws {
        for result in try Self.results.get() {
            let explanation = PlanExplanation(result)
            let split = explanation.rate - explanation.mixedCapacity
            #expect(split <= explanation.prefillCapacity * (1 + 1e-6) + 1e-9)
            #expect(split <= explanation.decodeCapacity * (1 + 1e-6) + 1e-9)
            let shares = explanation.network.map(\.share)
            #expect(shares == shares.sorted(by: >) && shares.allSatisfy { $0 > 0 && $0 <= 1 + 1e-6 })
            switch explanation.limit {
            case .prefill, .decode:
                let (own, other) =
                    explanation.limit == .prefill
                    ? (explanation.prefillCapacity, explanation.decodeCapacity)
                    : (explanation.decodeCapacity, explanation.prefillCapacity)
                #expect(split / own >= split / other - 1e-6)
            case .mixed: #expect(explanation.groups.allSatisfy { $0.role == .mixed })
            case .network(let name):
                let load = try #require(explanation.network.first { $0.name == name })
                #expect(abs(load.share - 1) < 1e-6)
            }
        }
    }

    @Test func sentencesNameEveryGroupAndEveryIdleDevice() throws {
        for result in try Self.results.get() {
            let explanation = PlanExplanation(result)
            let text = explanation.lines.joined(separator: "\n")
            #expect(explanation.lines.allSatisfy { $0.hasSuffix(".") && !$0.contains("nan") && !$0.contains("inf ") })
            #expect(text.hasPrefix("The plan sustains \(ReportText.number(explanation.rate)) requests/s"))
            #expect(text.contains("proved optimal") == result.isExact)
            if explanation.groups.count <= 8 {
                for group in explanation.groups { #expect(text.contains(group.name + ": ")) }
            }
            let used = Set(result.placed.groups.flatMap(\.order))
            let idle = result.instance.cost.devices.indices.filter { !used.contains($0) }
            #expect(explanation.idle.map(\.id) == idle.map { result.instance.cost.devices[$0].id })
            if idle.isEmpty { #expect(!text.contains("Idle: ")) } else { #expect(text.contains("Idle: ")) }
        }
    }

    /// A device without room, one that is too slow for the minimum speed, and good ones.
    @Test func idleDevicesHaveTheirReasons() throws {
        let good = (0..<2).map { BaselineFleets.Device(id: DeviceID("good\($0)"), flops: 2e12, memory: 2_000_000_000) }
        let tiny = BaselineFleets.Device(id: "tiny", flops: 2e12, memory: 50_000_000)
        let slow = BaselineFleets.Device(id: "slow", flops: 1e9, memory: 2_000_000_000, bandwidth: 1e9)
        let question = try BaselineFleets.toy(good + [tiny, slow])
        var limits = question.instance.limits
        limits.minimumTokensPerSecond = 10
        let result = try PlacementPlanner().plan(
            cost: question.instance.cost, demand: question.instance.demand, limits: limits)
        let explanation = PlanExplanation(result, types: ["tiny": "crumb"])
        let reasons = Dictionary(uniqueKeysWithValues: explanation.idle.map { ($0.id, $0.reason) })
        #expect(reasons["tiny"] == .noRoom)
        #expect(reasons["good0"] == nil && reasons["good1"] == nil)
        if let reason = reasons["slow"] {
            switch reason {
            case .tooSlow, .addsLittle: break
            default: Issue.record("slow is \(reason)")
            }
        }
        let text = explanation.lines.joined(separator: "\n")
        #expect(text.contains("without room for one layer"))
    }

    /// Where memory keeps a batch small, more memory on the named device makes it larger.
    @Test func theNamedMemoryIsTheOneThatHelps() throws {
        // 900 MB of weights; what is left holds few sequences of 600 tokens and 8 kB a token.
        let demand = PlanningDemand(rate: 0.1, promptTokens: 500, outputTokens: 100)
        func result(_ memory: Int) throws -> PlanningResult {
            let device = BaselineFleets.Device(id: "only", flops: 5e12, memory: memory)
            let question = try BaselineFleets.toy([device], demand: demand)
            var limits = question.instance.limits
            limits.minimumTokensPerSecond = 0
            limits.roles = .mixed
            limits.kvTypes = [.f16]
            return try PlacementPlanner().plan(cost: question.instance.cost, demand: demand, limits: limits)
        }
        let small = try result(945_000_000)
        let limit = try #require(PlanExplanation(small).groups[0].batchLimit)
        #expect(limit.reason == .memory && limit.device == "only" && limit.gain > 0.01)
        #expect(limit.sequences == small.placed.groups[0].concurrency && limit.wanted > limit.sequences)
        let large = try result(3_000_000_000)
        #expect(large.placed.groups[0].concurrency > limit.sequences)
        #expect(large.placed.rate / small.placed.rate > 1 + limit.gain / 2)
        #expect(PlanExplanation(large).groups[0].batchLimit?.reason != .memory)
    }

    /// A step takes 18 ms for the weights, from the fourth sequence on 5 ms a sequence for the arithmetic: 20 ms are enough
    /// for three, although more would bring more.
    @Test func theMinimumSpeedIsNamedWhereItKeepsBatchesSmall() throws {
        let device = BaselineFleets.Device(id: "only", flops: 5e11, memory: 3_000_000_000)
        let demand = PlanningDemand(rate: 0.1, promptTokens: 50, outputTokens: 500)
        let question = try BaselineFleets.toy([device], demand: demand)
        var limits = question.instance.limits
        limits.roles = .mixed
        limits.minimumTokensPerSecond = 50
        let result = try PlacementPlanner().plan(cost: question.instance.cost, demand: demand, limits: limits)
        #expect(result.relaxations.isEmpty)
        let limit = try #require(PlanExplanation(result).groups[0].batchLimit)
        #expect(limit.reason == .minimumSpeed && limit.device == nil)
        #expect(limit.sequences == 3 && limit.wanted > 3 && limit.gain > 0.01)
        #expect(PlanExplanation(result).lines.contains { $0.contains("The minimum speed keeps its batch at 3: ") })
    }

    /// Two devices that only together hold the model, behind a slow link: the hop is what counts.
    @Test func slowHopsAreNamed() throws {
        let devices = ["a", "b"].map {
            BaselineFleets.Device(id: DeviceID($0), flops: 5e12, memory: 700_000_000)
        }
        let question = try BaselineFleets.toy(devices, links: [("a", "b", 20_000)])
        var limits = question.instance.limits
        limits.roles = .mixed
        limits.minimumTokensPerSecond = 0
        let result = try PlacementPlanner().plan(
            cost: question.instance.cost, demand: question.instance.demand, limits: limits)
        let slow = PlanExplanation(result).groups[0].bottleneck
        let target = try #require(slow.target)
        #expect(slow.kind == .hop && Set([slow.device, target]) == ["a", "b"])
    }

    @Test func theKVTypeHasItsReason() throws {
        let cost = try Fleets.costs(devices: 6, count: 1, seed: 300)[0]
        func kv(_ roles: PlanningLimits.Roles, _ types: Set<KVType>) throws -> (KVChoice, PlanningResult) {
            var limits = Fleets.limits(roles)
            limits.kvTypes = types
            let result = try PlacementPlanner().plan(cost: cost, demand: Fleets.demand, limits: limits)
            return (PlanExplanation(result).kv, result)
        }
        let (none, _) = try kv(.mixed, [.f16, .q8_0])
        #expect(none.bytesPerPrompt == 0 && none.reason != .onlyOneAllowed)
        let (only, _) = try kv(.split, [.f16])
        #expect(only.reason == .onlyOneAllowed && only.type == .f16)
        #expect(only.bytesPerPrompt == 4096 * 32 * 800)
        let (free, result) = try kv(.split, [.f16, .q8_0])
        #expect(free.type == result.instance.kvType)
        switch free.reason {
        case .plainIsWorse:
            #expect(free.type == .q8_0 && free.bytesPerPrompt < only.bytesPerPrompt)
            let plain = try #require(free.plainRate)
            #expect(plain <= result.placed.rate * (1 + 1e-9))
        case .plainDoesNotFit: #expect(free.type == .q8_0 && free.plainRate == nil)
        case .plainIsAsGood: #expect(free.type == .f16)
        case .onlyOneAllowed, .isInForce: Issue.record("both are allowed, and no plan is in force")
        }
    }

    @Test func manyGroupsAreCountedTogether() throws {
        let devices = (0..<24).map {
            BaselineFleets.Device(id: DeviceID("pi\($0)"), type: "pi", flops: 1e11, memory: 1_500_000_000)
        }
        let question = try BaselineFleets.toy(devices)
        var limits = question.instance.limits
        limits.roles = .mixed
        limits.minimumTokensPerSecond = 0
        let result = try PlacementPlanner().plan(
            cost: question.instance.cost, demand: question.instance.demand, limits: limits)
        let lines = PlanExplanation(result, types: question.types).lines
        #expect(lines.count <= 25)
        if result.placed.groups.count > 8 {
            #expect(lines.contains { $0.contains("groups of pi (mixed-01 to mixed-") })
        }
    }
}
