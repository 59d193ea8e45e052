import Experiments
import Testing

@Suite("Live: what else the machine does") struct MachineTimesTests {
    @Test func processorsAreRead() throws {
        let text = "cpu  100 20 30 400 50 6 4 10 7 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 5\n"
        let times = try #require(ProcessorTimes(stat: text))
        #expect(times == ProcessorTimes(busy: 160, idle: 450, steal: 10))
        #expect(ProcessorTimes(stat: "cpu  1 2 3 4") == ProcessorTimes(busy: 6, idle: 4, steal: 0), "old kernels")
        for text in ["", "cpu0 1 2 3 4\n", "cpu  1 2 x 4\n", "cpu  1 2\n", "cpu  1 2 3 -4\n"] {
            #expect(ProcessorTimes(stat: text) == nil)
        }
    }

    @Test func processesAreRead() throws {
        let text = "12 (a) b (c)) S 7 12 12 0 -1 4194304 100 0 0 0 30 12 5 3 20 0 4 0 99 1 2"
        let process = try #require(ProcessTimes(stat: text))
        #expect(process == ProcessTimes(process: 12, parent: 7, ticks: 50))
        for text in ["", "12 (x", "x (a) S 1", "12 (a) S 1 2 3"] { #expect(ProcessTimes(stat: text) == nil) }
    }

    @Test func whatAProcessStartedCountsWithIt() {
        let all = [
            ProcessTimes(process: 1, parent: 0, ticks: 1000), ProcessTimes(process: 5, parent: 1, ticks: 1),
            ProcessTimes(process: 6, parent: 5, ticks: 2), ProcessTimes(process: 7, parent: 6, ticks: 4),
            ProcessTimes(process: 8, parent: 1, ticks: 50),
        ]
        #expect(ProcessTimes.ticks(of: 5, all) == 7)
        #expect(ProcessTimes.ticks(of: 99, all) == 0)
        let loop = [ProcessTimes(process: 2, parent: 3, ticks: 1), ProcessTimes(process: 3, parent: 2, ticks: 1)]
        #expect(ProcessTimes.ticks(of: 2, loop) == 2, "a number may be used again")
    }

    @Test func sharesOfOthers() {
        func moment(_ busy: Double, _ idle: Double, _ steal: Double, own: Double) -> MachineMoment {
            MachineMoment(processors: ProcessorTimes(busy: busy, idle: idle, steal: steal), own: own, load: 1.5)
        }
        let use = MachineUse(from: moment(100, 100, 0, own: 50), to: moment(700, 480, 20, own: 590))
        #expect((use.others - 0.06).magnitude < 1e-12 && (use.steal - 0.02).magnitude < 1e-12 && use.load == 1.5)
        #expect(use.isQuiet)
        let loud = MachineUse(from: moment(0, 0, 0, own: 0), to: moment(600, 400, 0, own: 490))
        #expect(!loud.isQuiet)
        let still = MachineUse(from: moment(5, 5, 5, own: 5), to: moment(5, 5, 5, own: 5))
        #expect(still.disturbance == 0)
        #expect(MachineMoment.load("0.52 0.58 0.59 1/467 1234\n") == 0.52)
    }
}
