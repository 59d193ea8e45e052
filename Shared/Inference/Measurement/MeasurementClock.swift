/// Repeats pieces of work and takes medians within a budget of time.
struct MeasurementClock {
    let budgetSeconds: Double
    let repetitions: Int
    let share: Double
    private let started = ContinuousClock.now

    init(budgetSeconds: Double, repetitions: Int, share: Double) {
        self.budgetSeconds = budgetSeconds
        self.repetitions = repetitions
        self.share = share
    }

    /// Whether work of so many seconds, done twice, ends before half as much again as the budget has passed.
    func allows(_ seconds: Double) -> Bool {
        started.duration(to: .now) / .seconds(1) + 2 * seconds <= 1.5 * budgetSeconds
    }

    /// The median seconds of `work` for this device: once to warm up, then as often as the point's part of the budget
    /// allows, at least once. `before` is done before each, and not timed.
    func median(partOfBudget: Double, before: () -> Void = {}, _ work: () throws -> Void) throws -> Double {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(budgetSeconds * partOfBudget)
        before()
        try work()
        var times: [Double] = []
        repeat {
            before()
            times.append(try clock.measure(work) / .seconds(1))
        } while times.count < repetitions && clock.now < deadline
        times.sort()
        let middle = times.count / 2
        let median = times.count % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2
        return median / share
    }
}
