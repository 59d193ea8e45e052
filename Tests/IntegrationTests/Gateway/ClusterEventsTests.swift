import Domain
import Protocol
import Testing

@testable import Gateway

/// Watching the cluster: pictures, changes, what happened, load.
struct ClusterEventsTests {
    private let cluster = ClusterView()
    private let metrics = GatewayMetrics()

    private func device(_ id: DeviceID, _ state: DeviceState = .ready, alive: Bool = true) -> DeviceProfile {
        DeviceProfile(
            id: id, fingerprint: "cpu", host: "h", threads: 1, computeShare: 1, memoryUsableBytes: 1 << 30,
            state: state,
            workers: [WorkerEndpoint(kind: .decode, endpoint: "tcp://10.0.0.7:1", session: "s", alive: alive)])
    }

    private func publish(_ fleet: Fleet) { cluster.fleet([], fleet) }

    private func events() -> ClusterEvents {
        ClusterEvents(cluster: cluster, metrics: metrics, gateway: ["version": "1"], session: "me")
    }

    private func json(_ event: ClusterWatch.Event?) throws -> JSONValue {
        try JSONParser.parse(try #require(event).data)
    }

    @Test func aWatcherGetsAPictureAndThenChanges() throws {
        publish(Fleet(version: 1, devices: [device("a")]))
        let events = events()
        let watch = try events.watch(after: nil, wantsSteps: false)
        #expect(watch.next().isEmpty, "nothing is known yet")
        events.advance(at: 1, wallMilliseconds: 1000, obstacle: "loading")
        let first = watch.next()
        #expect(first.map(\.name) == ["snapshot"] && first.first?.id?.description == "me-1")
        let picture = try json(first.first)
        #expect(picture["devices"]?["a"]?["state"] == "ready" && picture["status"]?["obstacle"] == "loading")
        #expect(picture["gateway"]?["version"] == "1")
        #expect(!picture.written.contains("10.0.0.7"), "where workers listen is nobody's business")
        #expect(watch.next().isEmpty)
        publish(Fleet(version: 2, devices: [device("a", .lost), device("b")]))
        events.advance(at: 2, wallMilliseconds: 2000, obstacle: nil)
        let second = watch.next()
        #expect(second.map(\.name) == ["delta"] && second.first?.id?.number == 2)
        let change = try json(second.first)
        #expect(change["devices"]?["a"]?.written == #"{"state":"lost"}"#)
        #expect(change["devices"]?["b"]?["state"] == "ready")
        #expect(change["status"]?["obstacle"] == .null && change["gateway"] == nil)
        #expect(change["log"]?.written.contains("a is lost") == true)
    }

    @Test func whoeverComesBackGetsWhatItMissed() throws {
        publish(Fleet(version: 1, devices: [device("a")]))
        let events = events()
        let watch = try events.watch(after: nil, wantsSteps: false)
        for second in 1...400 { events.advance(at: Double(second), wallMilliseconds: 0, obstacle: nil) }
        #expect(watch.next().map(\.name) == ["snapshot"], "a slow reader starts anew")
        events.advance(at: 401, wallMilliseconds: 0, obstacle: nil)
        func names(_ id: EventID?) throws -> [String] {
            try events.watch(after: id, wantsSteps: false).next().map(\.name)
        }
        #expect(try names(EventID(session: "me", number: 399)) == ["delta", "delta"])
        #expect(try names(EventID(session: "me", number: 401)) == [])
        #expect(try names(EventID(session: "me", number: 3)) == ["snapshot"], "too old")
        #expect(try names(EventID(session: "other", number: 400)) == ["snapshot"], "of another process")
        #expect(try names(EventID(session: "me", number: 999)) == ["snapshot"], "of the future")
        #expect(watch.next().map(\.name) == ["delta"])
    }

    @Test func streamsAreBoundedAndEnd() throws {
        let events = events()
        var watches = try (0..<ClusterEvents.mostWatchers).map { _ in try events.watch(after: nil, wantsSteps: false) }
        let refusal = #expect(throws: APIError.self) { try events.watch(after: nil, wantsSteps: false) }
        #expect(refusal?.status == 503 && refusal?.retryAfter != nil)
        watches.removeLast()
        #expect(events.watcherCount == ClusterEvents.mostWatchers - 1, "a watch that nobody holds has ended")
        _ = try events.watch(after: nil, wantsSteps: false)
        watches[0].end()
        #expect(events.watcherCount == ClusterEvents.mostWatchers - 2)
        events.close()
        #expect(!events.isWatched)
        #expect(throws: APIError.self) { try events.watch(after: nil, wantsSteps: false) }
    }

    @Test func stepsAreToldToThoseWhoAsk() throws {
        let events = events()
        let plain = try events.watch(after: nil, wantsSteps: false)
        #expect(!events.wantsSteps)
        let curious = try events.watch(after: nil, wantsSteps: true)
        #expect(events.wantsSteps)
        events.take(steps: ["now_us": 1])
        #expect(plain.next().isEmpty)
        let told = curious.next()
        #expect(told.map(\.name) == ["steps"] && told.first?.id == nil)
        #expect(curious.next().isEmpty, "once")
    }

    @Test func whatHappenedIsSaid() {
        let old = Fleet(version: 1, devices: [device("a"), device("b"), device("c")])
        let new = Fleet(version: 2, devices: [device("a", alive: false), device("b", .measuring), device("d")])
        #expect(
            ClusterNews.between(old, new).map(\.text)
                == ["the decode worker of a is silent", "b is measuring", "d joined (ready)", "c left"])
        #expect(ClusterNews.between(old, old).isEmpty && ClusterNews.between(nil, new).isEmpty)
        let (ready, loading) = (GatewayCoreTests.state(), GatewayCoreTests.state(ready: false))
        #expect(
            ClusterNews.between(ready, loading, isNewProcess: true).map(\.text)
                == ["the scheduler was restarted", "requests are not served: preparing"])
        #expect(ClusterNews.between(ready, ready, isNewProcess: false).isEmpty)
        #expect(ClusterNews.between(nil, ready, isNewProcess: false).contains { $0.text.hasPrefix("plan p1") })
    }

    @Test func theLogIsBounded() {
        var log = ClusterLog(most: 3)
        log.append((0..<5).map { ClusterEvent(.info, "x", "\($0)") }, at: 1.26)
        #expect(log.events.map(\.text) == ["2", "3", "4"])
        #expect(log.json.written == #"{"2":[1.3,"info","x","2"],"3":[1.3,"info","x","3"],"4":[1.3,"info","x","4"]}"#)
    }

    @Test func loadIsSampledOnceASecond() {
        var series = LoadSeries(most: 2)
        series.sample(LoadFigures(promptTokens: 100, generatedTokens: 10), at: 10)
        #expect(series.points.isEmpty, "rates need two points")
        series.sample(LoadFigures(generatedTokens: 999), at: 10.9)
        series.sample(LoadFigures(running: 2, waiting: 1, promptTokens: 300, generatedTokens: 70), at: 12)
        series.sample(LoadFigures(running: 3, promptTokens: 0, generatedTokens: 0, cacheUsage: 0.25), at: 13)
        #expect(series.json.written.hasPrefix(#"{"12":["#))
        #expect(series.points.map(\.second) == [12, 13])
        #expect(series.points.last?.generated == 0, "counters that begin anew are no negative rate")
        series.sample(LoadFigures(generatedTokens: 5), at: 14)
        #expect(series.points.map(\.second) == [13, 14] && series.points.last?.generated == 5)
    }
}
