/// Repeats pieces of work and takes medians within a budget of time.
struct MeasurementClock {
    let budgetSeconds: Double
    let repetitions: Int
    let share: Double

    /// The median seconds of `work` for this device: once to warm up, then as often as the point's part of the budget
    /// allows, at least once.
    func median(partOfBudget: Double, warmUp: Bool = true, _ work: () throws -> Void) throws -> Double {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(budgetSeconds * partOfBudget)
        if warmUp { try work() }
        var times: [Double] = []
        repeat {
            let elapsed = try clock.measure(work)
            times.append(Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18)
        } while times.count < repetitions && clock.now < deadline
        times.sort()
        let middle = times.count / 2
        let median = times.count % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2
        return median / share
    }
}
