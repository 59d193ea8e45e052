import Domain
import Foundation
import Protocol
import Testing

@testable import CommandLineTool

/// What `e2llm exporter` tells Prometheus.
@Suite struct MetricTextTests {
    @Test func familiesOfSeveralProcessesStandTogether() {
        var text = MetricText()
        let own = "# HELP a_total Help.\n# TYPE a_total counter\na_total 1\na_total{x=\"1\"} 2\nnonsense\n"
        text.add(own, labels: [("device", "d\"1")])
        text.add("# HELP b Help.\nb 3\n# HELP nothing Here.\n")
        text.add(own, labels: [("device", "d2")])
        #expect(
            text.text == """
                # HELP a_total Help.
                # TYPE a_total counter
                a_total{device="d\\"1"} 1
                a_total{device="d\\"1",x="1"} 2
                a_total{device="d2"} 1
                a_total{device="d2",x="1"} 2
                # HELP b Help.
                b 3

                """)
    }

    @Test func histogramsStayWhole() {
        var text = MetricText()
        text.add("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 1\n")
        text.add("h_count 1\nother_count 4\n", labels: [("d", "x")])
        #expect(
            text.text.split(separator: "\n") == [
                "# TYPE h histogram", "h_bucket{le=\"1\"} 1", "h_sum 2", "h_count 1", "h_count{d=\"x\"} 1",
                "other_count{d=\"x\"} 4",
            ])
    }

    @Test func theFleetBecomesFigures() {
        let fleet = Fleet(
            devices: [
                DeviceProfile(
                    id: DeviceID("a"), fingerprint: "", host: "", threads: 1, computeShare: 1, memoryUsableBytes: 5,
                    state: .lost)
            ],
            links: [LinkProfile(from: DeviceID("a"), to: DeviceID("b"), latencySeconds: 0.5, bytesPerSecond: 2)])
        var text = MetricText()
        FleetMetrics.add(fleet, to: &text)
        FleetMetrics.add(
            SchedulerState(
                ready: false, reason: "", plan: nil,
                replicas: [
                    ReplicaLoad(
                        replica: ReplicaID("r"), requests: 2, kvReservedTokens: 3, kvCapacityTokens: 4,
                        backlogSeconds: 0, stages: [StageLoad(device: DeviceID("a"), alive: false, status: nil)])
                ], waiting: 0, running: 0, workload: WorkloadStatistics()), to: &text)
        let lines = Set(text.text.split(separator: "\n").map(String.init))
        for line in [
            #"e2llm_device_state{device="a",state="lost"} 1.0"#, #"e2llm_device_state{device="a",state="ready"} 0.0"#,
            #"e2llm_device_memory_usable_bytes{device="a"} 5.0"#, #"e2llm_link_latency_seconds{from="a",to="b"} 0.5"#,
            "e2llm_ready 0.0", #"e2llm_replica_kv_reserved_tokens{replica="r",role="leaving"} 3.0"#,
            #"e2llm_stage_alive{replica="r",role="leaving",stage="0",device="a"} 0.0"#,
        ] { #expect(lines.contains(line), "\(line) is missing") }
    }

    @Test func aServerAnswers() async throws {
        let (ports, sink) = AsyncStream.makeStream(of: Int.self)
        let server = MetricsServer(host: "127.0.0.1", port: 0) { "a 1\n" }
        let serving = Task { try await server.run { sink.yield($0) } }
        let port = try #require(await ports.first { _ in true })
        let base = "http://127.0.0.1:\(port)"
        let answer = try await HTTPClient.fetch("\(base)/metrics")
        #expect(answer.status == 200 && answer.body == "a 1")
        #expect(try await HTTPClient.fetch("\(base)/").status == 404)
        let second = MetricsServer(host: "127.0.0.1", port: port) { nil }
        await #expect(throws: Failure.self) { try await second.run { _ in } }
        serving.cancel()
        _ = await serving.result
    }

    @Test func placesAreRead() throws {
        #expect(try ExporterCommand.place("[::1]:9464") == ("::1", 9464))
        for text in ["9464", ":9464", "h:", "h:70000"] {
            #expect(throws: Failure.self) { try ExporterCommand.place(text) }
        }
    }
}
