import Domain
import Testing

@testable import Scenarios

@Suite struct WorkloadFileTests {
    private func read(_ text: String) throws -> RequestStream { try WorkloadFile.read(text.utf8, name: "w") }

    @Test func readsAndWrites() throws {
        let stream = try read(Fixtures.workload)
        #expect(stream.name == "w" && stream.droppedRequests == 0)
        #expect(stream.requests.count == 4)
        #expect(
            stream.requests[1] == StreamRequest(id: "1", arrival: 3.047593, promptTokens: 256, outputTokens: 121))
        #expect(try WorkloadFile.read(WorkloadFile.write(stream), name: "w") == stream)
    }

    @Test func lineEndsAndSpaces() throws {
        let stream = try read(Fixtures.workload)
        #expect(try read(Fixtures.workload.replacing("\n", with: "\r\n")) == stream)
        #expect(try read(Fixtures.workload + "\r\n\r\n") == stream)
        #expect(try read("\u{FEFF}" + Fixtures.workload + "\n") == stream)
        #expect(try read(Fixtures.workload.replacing(",", with: " , ")) == stream)
    }

    @Test func anyCutGivesTheSameStream() throws {
        let wanted = try read(Fixtures.workload)
        let bytes = Array(Fixtures.workload.replacing("\n", with: "\r\n").utf8)
        for size in 1...60 {
            var parser = WorkloadParser(name: "w")
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + size)
                try parser.feed(Array(bytes[start..<end]))
                start = end
            }
            #expect(try parser.finish() == wanted)
        }
    }

    @Test func numbersAreReadToTheLastDigit() throws {
        let numbers = [
            "0", "0.1", "0.30000000000000004", "1e-05", "1.5E2", "150.75", "+151", "199.000000", "12345.678901",
            "99999.99999999", "123456789012345", "123456789012345.5",
        ]
        var text = "request_id,t_unit,prompt_tokens,output_tokens\n"
        for number in numbers.sorted(by: { (Double($0) ?? 0) < (Double($1) ?? 0) }) { text += "r,\(number),1,1\n" }
        let arrivals = try read(text).requests.map(\.arrival)
        #expect(arrivals == numbers.compactMap(Double.init).sorted())
    }

    static let faults = [
        Fault(
            "request_id,", "", .malformed, "workload: line 1: t_unit,prompt_tokens,output_tokens: the first line must"),
        Fault("0,0.000000,254,107", "0,0.000000,254", .malformed, "workload: line 2: 3 fields instead of request_id"),
        Fault("254,107", "254,107,9", .malformed, "workload: line 2: 5 fields instead of"),
        Fault("1,3.047593", ",3.047593", .invalidField, "workload: line 3: request_id has 0 bytes"),
        Fault("1,3.047593", "1,abc", .invalidField, "workload: line 3: t_unit is abc, it must be a number"),
        Fault("1,3.047593", "1,", .invalidField, "workload: line 3: t_unit is empty, it must be a number"),
        Fault("1,3.047593", "1,.", .invalidField, "workload: line 3: t_unit is ., it must be a number"),
        Fault("1,3.047593", "1,nan", .invalidField, "workload: line 3: t_unit is nan, it must be a number"),
        Fault("1,3.047593", "1,inf", .invalidField, "workload: line 3: t_unit is inf, it must be a number"),
        Fault("1,3.047593", "1,1e999", .invalidField, "workload: line 3: t_unit is 1e999, it must be a number"),
        Fault("1,3.047593", "1,0x1p3", .invalidField, "workload: line 3: t_unit is 0x1p3, it must be a number"),
        Fault("1,3.047593", "1,-3", .invalidField, "workload: line 3: t_unit is -3, it must not be negative"),
        Fault("2,3.047593", "2,3.047592", .invalidField, "line 4: t_unit is 3.047592, it must not fall below the 3.0"),
        Fault("268,96", "0,96", .invalidField, "line 4: prompt_tokens is 0, it must be a whole number in 1...16777216"),
        Fault("268,96", "268,0", .invalidField, "line 4: output_tokens is 0, it must be a whole number in 1..."),
        Fault("268,96", "268,-1", .invalidField, "line 4: output_tokens is -1"),
        Fault("268,96", "268,1.5", .invalidField, "line 4: output_tokens is 1.5"),
        Fault("268,96", "268,99999999999999999999", .invalidField, "line 4: output_tokens is 99999999999999999999"),
        Fault("268,96", "268,\u{1B}[2J", .invalidField, "line 4: output_tokens is ?[2J"),
    ]

    @Test(arguments: faults) func names(_ fault: Fault) {
        fault.expect(in: Fixtures.workload) { _ = try WorkloadFile.read($0.utf8, name: "w") }
    }

    @Test func emptyAndTooLarge() throws {
        refused(.malformed, "workload: the file is empty; the first line must be request_id,") { _ = try read("\n\n") }
        refused(.invalidField, "workload: there are no requests") {
            _ = try read("request_id,t_unit,prompt_tokens,output_tokens\n")
        }
        refused(.tooLarge, "workload: 3 bytes, at most 2") {
            _ = try WorkloadFile.read("abc".utf8, name: "w", limit: 2)
        }
        refused(.malformed, "workload: line 2: longer than 4096 bytes") {
            _ = try read("request_id,t_unit,prompt_tokens,output_tokens\n" + String(repeating: "9", count: 5000))
        }
        var parser = WorkloadParser(name: "w", requestLimit: 2)
        refused(.tooLarge, "workload: line 4: more than 2 requests") {
            try parser.feed(Array(Fixtures.workload.utf8))
        }
        var stream = try read(Fixtures.workload)
        stream.requests[0].id = "a,b"
        refused(.invalidField, "request_id a,b holds a comma") { _ = try WorkloadFile.write(stream) }
    }

    @Test func traces() throws {
        let stream = try read(Fixtures.trace)
        #expect(stream.droppedRequests == 1)
        #expect(stream.requests.map(\.promptTokens) == [374, 396, 879])
        #expect(stream.requests.map(\.outputTokens) == [44, 109, 55])
        #expect(stream.requests.map(\.id) == ["0", "2", "3"])
        // The first gap takes 4.314579 of 4.541877 seconds; the mean one is 1.
        #expect(stream.requests[0].arrival == 0)
        #expect(abs(stream.requests[1].arrival - 2 * 4.314579 / 4.541877) < 1e-9)
        #expect(abs(stream.requests[2].arrival - 2) < 1e-12)
        #expect(stream.statistics.meanInterarrival == 1)
    }

    @Test func traceTimestamps() throws {
        let header = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        let stream = try read(
            header + "2024-02-28T23:59:59Z,1,1\n2024-02-29 00:00:00.5,1,1\n2024-03-01 00:00:00.500000+00:00,1,1\n"
                + "2024-12-31 23:59:59.999999999,1,1\n2025-01-01 00:00:00,1,1\n")
        let times = stream.requests.map(\.arrival)
        let scale = times[1] / 1.5
        #expect(abs(times[2] / scale - 86401.5) < 1e-4)
        #expect(abs(times[3] / scale - 26_524_801) < 1e-2)
        #expect(abs((times[4] - times[3]) / scale) < 1e-6)
        for bad in [
            "", "2024", "2024-02-28 23:59", "2024-02-28x23:59:59", "2024-13-28 23:59:59", "2024-02-28 24:59:59",
            "1969-02-28 23:59:59", "2024-02-28 23:59:59.", "2024-02-28 23:59:59.0123456789", "2024-02-28 23:59:59.1x",
            "2024-02-28 23:59:59+01:00", "2024/02/28 23:59:59", "-024-02-28 23:59:59",
        ] {
            refused(.invalidField, "workload: line 2: TIMESTAMP is") { _ = try read(header + "\(bad),1,1\n") }
        }
    }

    static let traceFaults = [
        Fault(",GeneratedTokens", "", .malformed, "workload: line 1: TIMESTAMP,ContextTokens: the first line must be"),
        Fault(",374,44", ",374", .malformed, "workload: line 2: 2 fields instead of TIMESTAMP,"),
        Fault(",374,44", ",-374,44", .invalidField, "workload: line 2: ContextTokens is -374"),
        Fault(",374,44", ",374,", .invalidField, "workload: line 2: GeneratedTokens is empty"),
        Fault("18:15:48", "18:15:45", .invalidField, "workload: line 3: TIMESTAMP is 2023-11-16 18:15:45.0000000, it"),
    ]

    @Test(arguments: traceFaults) func namesInTraces(_ fault: Fault) {
        fault.expect(in: Fixtures.trace) { _ = try WorkloadFile.read($0.utf8, name: "w") }
    }

    @Test func tracesWithoutARate() throws {
        let header = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        let row = "2024-02-28 23:59:59,1,1\n"
        #expect(try read(header + row).requests.map(\.arrival) == [0])
        refused(.invalidField, "TIMESTAMP is the same in every row") { _ = try read(header + row + row) }
        refused(.invalidField, "there are no requests (1 rows without tokens)") {
            _ = try read(header + "2024-02-28 23:59:59,0,1\n")
        }
    }
}
