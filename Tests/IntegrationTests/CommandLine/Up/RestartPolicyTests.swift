import Testing

@testable import CommandLineTool

@Suite("Command line: starting processes again")
struct RestartPolicyTests {
    @Test("the first end costs 50 ms; pauses grow only while the process ends right after its start")
    func pauses() {
        var policy = RestartPolicy()
        let crash = ProcessEnd.signal(11)
        #expect(policy.ended(crash, after: .seconds(60)) == .again(after: .milliseconds(50)))
        // Five kills in a minute, each after some seconds of work.
        for _ in 0..<5 { #expect(policy.ended(.signal(9), after: .seconds(5)) == .again(after: .milliseconds(50))) }
        let soon = (0..<10).map { _ in policy.ended(crash, after: .milliseconds(4999)) }
        let expected = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]
        #expect(soon == expected.map { .again(after: .milliseconds($0)) })
        #expect(policy.ended(.exit(0), after: .seconds(5)) == .again(after: .milliseconds(50)))
    }

    @Test("who refuses its settings is not started again", arguments: [2, 64, 78] as [Int32])
    func refusals(code: Int32) {
        var policy = RestartPolicy()
        #expect(policy.ended(.exit(code), after: .seconds(60)) == .never)
        #expect(policy.ended(.exit(1), after: .zero) == .again(after: .milliseconds(50)))
        #expect(policy.ended(.signal(code), after: .zero) == .again(after: .milliseconds(100)))
    }

    @Test("the reason is the error that was written last")
    func reasons() {
        #expect(
            RefusalReason.find(in: "12:00 info x\nError: worker.threads must be 1\nSee --help\n")
                == "worker.threads must be 1")
        #expect(RefusalReason.find(in: "error: a\nerror: b\n\n") == "b")
        #expect(RefusalReason.find(in: "usage: x\n  no such option\n") == "no such option")
        #expect(RefusalReason.find(in: "\n") == nil)
    }
}
