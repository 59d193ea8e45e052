import Domain
import Simulation

/// Records of runs, made up.
enum SampleRuns {
    /// Requests one after the other on a prefill and a decode replica, with a timeline.
    static func record(
        _ count: Int, system: String = "e2llm", rate: Double = 2, seed: UInt64 = 1, devices: Int = 3,
        name: String = "device"
    ) -> RunRecord {
        var record = RunRecord(
            source: .simulated, system: system, fleet: "fleet", model: "model", workload: "stream", rate: rate,
            seed: seed)
        let names = (0..<devices).map { DeviceID("\(name)-\($0)") }
        var timeline = RunTimeline(start: 0, binSeconds: 1)
        timeline.stages = names.enumerated().map { RunTimeline.Stage(replica: "p", stage: $0, device: $1) }
        for number in 0..<count {
            let time = Double(number) / rate
            let slow = Double(number % 7) / 10
            var request = RequestTimes(
                id: RequestID("\(name) \(number)"), arrival: time, promptTokens: 100 + number % 50, outputTokens: 20)
            request.outcome = .finished
            (request.prefillReplica, request.decodeReplica) = ("p", "d")
            (request.prefillStart, request.firstToken) = (time + slow, time + slow + 0.2)
            (request.kvStart, request.kvComplete) = (time + slow + 0.25, time + slow + 0.35)
            (request.decodeStart, request.end, request.stall) = (time + slow + 0.4, time + slow + 1.4, 0.1)
            record.requests.append(request)
            guard timeline.steps.count < 20_000 else { continue }
            for stage in names.indices {
                let start = time + Double(stage) * 0.05
                timeline.steps.append(
                    RunTimeline.Step(
                        stage: stage, kind: RunTimeline.Kind.allCases[number % 3], number: UInt64(number),
                        request: request.id, promptTokens: 100, sequences: number % 3, start: start, end: start + 0.04))
            }
            if devices > 1 {
                timeline.transfers.append(
                    RunTimeline.Transfer(
                        from: names[0], to: names[1], request: request.id, bytes: 1e6, start: time + 0.2,
                        end: time + 0.3))
            }
        }
        record.seconds = (record.requests.last?.end ?? 0)
        let bins = min(256, Int(record.seconds) + 1)
        timeline.devices = names.map {
            RunTimeline.Use(name: $0.rawValue, shares: (0..<bins).map { Double($0 % 11) / 10 })
        }
        timeline.network = [RunTimeline.Use(name: "link", shares: [0.5, 1])]
        record.devices = names.map { RunRecord.Use(name: $0.rawValue, share: 0.5) }
        record.network = [RunRecord.Use(name: "link", share: 0.25)]
        record.timeline = timeline
        return record
    }

    /// Names that would break a page if they were written as they are.
    static let hostile = "<script>alert(\"1\")</script>&amp;'\u{0}\u{1B}]]>--><!--\u{FFFF}\n"
}
