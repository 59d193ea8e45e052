/// Repeats a measurement and takes the median.
struct BenchmarkClock {
    let repetitions: Int

    /// The result of `work` and the seconds that it took.
    func once<Result>(_ work: () throws -> Result) rethrows -> (Result, Double) {
        let clock = ContinuousClock()
        let start = clock.now
        let result = try work()
        let elapsed = (clock.now - start).components
        return (result, Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
    }

    /// The median seconds of `work`; `restore` runs after each repetition and is not counted.
    func median(_ work: () throws -> Void, restore: () throws -> Void = {}) throws -> Double {
        var times: [Double] = []
        for _ in 0..<max(repetitions, 1) {
            times.append(try once(work).1)
            try restore()
        }
        times.sort()
        let middle = times.count / 2
        return times.count % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2
    }
}
