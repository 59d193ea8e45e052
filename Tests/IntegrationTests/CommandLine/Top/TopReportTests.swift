import Domain
import Foundation
import Protocol
import Testing

@testable import CommandLineTool
@testable import Gateway

/// What `e2llm top` shows of the gateway's picture, which the gateway's own code writes here.
@Suite struct TopReportTests {
    private static let fleet = Fleet(
        version: 1,
        devices: ["board-10", "board-2", "spare"].map { name in
            DeviceProfile(
                id: DeviceID(name), fingerprint: "", host: "here", threads: 2, computeShare: 0.5,
                memoryUsableBytes: 512 << 20, state: .ready)
        },
        links: [
            LinkProfile(
                from: DeviceID("board-10"), to: DeviceID("board-2"), latencySeconds: 0.0015, bytesPerSecond: 10_485_760)
        ])

    /// A picture in which the stages have computed so many tokens.
    private func picture(second: Double, prefill: Int = 0, decode: Int = 0) throws -> PictureValue {
        func stage(_ device: String, _ start: Int, _ end: Int) -> PlanStage {
            PlanStage(device: DeviceID(device), layers: LayerRange(start, end))
        }
        let replica = PlanReplica(
            id: ReplicaID("mixed-1"), role: .mixed, stages: [stage("board-10", 0, 20), stage("board-2", 20, 30)],
            decodeConcurrency: 4, kvCapacityTokens: 1000, predictedRequestsPerSecond: 1, predictedTokenGapSeconds: 0.1)
        let load = ReplicaLoad(
            replica: replica.id, requests: 3, kvReservedTokens: 500, kvCapacityTokens: 1000, backlogSeconds: 0,
            stages: replica.stages.map { stage in
                StageLoad(
                    device: stage.device, alive: true,
                    status: WorkerHeartbeat(
                        device: stage.device, worker: .decode,
                        load: WorkerLoad(
                            waiting: 1, running: 2, kvUsedTokens: 250, residentBytes: 128 << 20,
                            counters: StageCounters(prefillTokens: prefill, decodeSteps: decode, decodeRows: decode))))
            })
        let state = SchedulerState(
            ready: true, reason: "",
            plan: PlacementPlan(
                id: PlanID("plan-7"), model: ModelDigest(rawValue: "m"), fleetVersion: 1,
                workload: WorkloadStatistics(),
                replicas: [replica], idleDevices: [DeviceID("spare")], predictedRequestsPerSecond: 1, objective: 1,
                algorithm: "given"),
            replicas: [load], waiting: 1, running: 2, workload: WorkloadStatistics())
        var picture = ClusterPicture()
        picture.gateway = ["model": "tiny"]
        picture.now = second
        picture.epoch = 4
        picture.scheduler = state
        picture.fleet = Self.fleet
        return try PictureValue(json: String(decoding: picture.json.serialized(), as: UTF8.self))
    }

    @Test func aRowForEveryStageAndIdleDevice() throws {
        var rates = TopRates()
        rates.take(try picture(second: 10, prefill: 100, decode: 10))
        rates.take(try picture(second: 12, prefill: 300, decode: 30))
        let report = TopReport(try picture(second: 12, prefill: 300, decode: 30), rates: rates)
        #expect(report.ready && report.plan == "plan-7" && report.epoch == 4)
        #expect(report.running == 2 && report.waiting == 1)
        #expect(report.devices.map(\.device) == ["board-2", "board-10", "spare"])
        let first = try #require(report.devices.first { $0.device == "board-10" })
        #expect(first.layers == "0..<20" && first.replica == "mixed-1" && first.stage == 0 && first.role == "mixed")
        #expect(first.memoryUsedBytes == 128 << 20 && first.memoryUsableBytes == 512 << 20)
        #expect(first.kvUsedTokens == 250 && first.kvCapacityTokens == 1000)
        #expect(first.prefillTokensPerSecond == 100 && first.decodeTokensPerSecond == 10)
        #expect(first.next == "board-2" && first.linkLatencySeconds == 0.0015)
        #expect(report.devices.last?.role == nil && report.devices.last?.layers == nil)
    }

    @Test func textsOfARow() throws {
        let report = TopReport(try picture(second: 1), rates: TopRates())
        let row = try #require(report.devices.first { $0.device == "board-10" })
        let texts = TopColumn.allCases.map { $0.text(row) }
        #expect(
            texts == [
                "board-10", "ready", "2 thr 50%", "mixed", "mixed-1/0", "0..<20", "128.0 MiB/512.0 MiB", "250/1000",
                "2+1", "-", "-", "board-2: 1.5 ms, 10.0 MiB/s",
            ])
        let spare = try #require(report.devices.last)
        #expect(TopColumn.role.text(spare) == "idle" && TopColumn.memory.text(spare) == "-/512.0 MiB")
    }

    @Test func ratesAreOfTheWindowAndStartAnewWithTheProcess() throws {
        var rates = TopRates(window: 4)
        let place = TopRates.Place(replica: "mixed-1", stage: 1)
        rates.take(try picture(second: 0, decode: 0))
        #expect(rates.rate(place) == nil)
        for second in 1...10 {
            rates.take(try picture(second: Double(second), decode: second <= 5 ? 100 : 100 + second))
        }
        #expect(rates.rate(place)?.decode == 1)
        rates.take(try picture(second: 11, decode: 3))
        #expect(rates.rate(place) == nil)
        rates.take(try picture(second: 12, decode: 5))
        #expect(rates.rate(place)?.decode == 2)
        // The gateway was restarted: its clock begins anew.
        rates.take(try picture(second: 1, decode: 6))
        #expect(rates.rate(place) == nil)
    }

    @Test func rowsAreSorted() {
        func row(_ device: String, memory: Int?, streams: Int?) -> TopReport.Row {
            TopReport.Row(device: device, state: "ready", memoryUsedBytes: memory, running: streams)
        }
        let rows = [
            row("b-10", memory: 5, streams: nil), row("b-9", memory: nil, streams: 1), row("a", memory: 5, streams: 7),
        ]
        func order(_ column: TopColumn) -> [String] { rows.sorted(by: column.precedes).map(\.device) }
        #expect(order(.device) == ["a", "b-9", "b-10"])
        #expect(order(.memory) == ["a", "b-10", "b-9"])
        #expect(order(.streams) == ["a", "b-9", "b-10"])
    }

    @Test(arguments: [
        ("a2", "a10", true), ("a10", "a2", false), ("a", "ab", true), ("a", "a", false), ("a02", "a2", true),
        ("a2", "a02", false), ("2", "a", true),
    ])
    func namesAreOrderedAsPeopleCount(left: String, right: String, precedes: Bool) {
        #expect(NaturalOrder.precedes(left, right) == precedes)
    }

    @Test func theHeadSaysWhyNothingIsServed() throws {
        let empty = TopReport(
            try PictureValue(json: #"{"status":{"ready":false,"obstacle":"no plan"}}"#), rates: .init())
        #expect(TopText.head(empty) == ["no plan, not ready: no plan", "0 running, 0 waiting"])
        let series = #"{"status":{"ready":true},"series":{"9":[1,1,1,1,0],"10":[3,0,41.26,128,0.125]}}"#
        let report = TopReport(try PictureValue(json: series), rates: .init())
        #expect(
            TopText.head(report)[1] == "3 running, 0 waiting, 41.3 tokens/s, 128 prompt tokens/s, KV cache 12.5%")
    }

    @Test func linesFitTheTerminal() {
        let lines = (1...5).map { "line \($0)" }
        #expect(TopText.fitted(lines, columns: 4, rows: 3) == ["line", "line", "... "])
        #expect(TopText.fitted(lines, columns: 80, rows: 3).last == "... 3 more")
        #expect(TopText.fitted(lines, columns: 80, rows: 5) == lines)
    }

    @Test func keysChangeTheView() {
        var view = TopView(sort: .device)
        for key in "srpx" { view.press(key) }
        #expect(view == TopView(sort: .state, isReversed: true, isPaused: true))
        view.sort = .link
        view.press("s")
        #expect(view.sort == .device)
        #expect(TerminalScreen.key(3) == .end && TerminalScreen.key(UInt8(ascii: "q")) == .end)
        #expect(TerminalScreen.key(UInt8(ascii: "s")) == .character("s"))
    }
}

/// The gateway's events as a client reads them.
@Suite struct EventStreamTests {
    @Test func linesBecomeEvents() {
        var parser = EventStreamParser()
        var events: [EventStreamParser.Event] = []
        for line in ["retry: 1000", "", "event: delta", "id: a-1", "data: {", "data:}", "", ": nothing", ""] {
            if let event = parser.take(line) { events.append(event) }
        }
        #expect(events == [.init(name: "delta", data: "{\n}")])
    }

    @Test func changesAreMerged() throws {
        var reader = ClusterPictureReader()
        #expect(try !reader.take(.init(name: "delta", data: #"{"a":1}"#)))
        #expect(try reader.take(.init(name: "snapshot", data: #"{"a":{"b":1,"c":[1,2]},"d":true}"#)))
        #expect(try reader.take(.init(name: "delta", data: #"{"a":{"b":null,"c":[3],"e":{"f":null}},"d":"x"}"#)))
        #expect(try reader.picture == PictureValue(json: #"{"a":{"c":[3],"e":{}},"d":"x"}"#))
        #expect(try !reader.take(.init(name: "steps", data: "not JSON")))
        #expect(throws: Failure.self) { try reader.take(.init(name: "delta", data: "{")) }
    }

    @Test func nothingOfOthersReachesTheTerminal() throws {
        #expect(try PictureValue(json: #""a\u001b[2Jb\n\u0085c""#).text == "a[2Jbc")
    }
}
