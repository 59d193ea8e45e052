internal import Domain

/// Figures from the wire, cut to what may be computed with: sums and differences of them must not overflow. A load that is
/// reported wrongly is no reason to do without the worker; a measurement is refused (`MeasuredBounds`).
enum Plausible {
    /// Largest number of tokens that is taken seriously.
    static let mostTokens = 1 << 28
    private static let mostCount = 1 << 40
    private static let mostSeconds = 1e12

    /// Tokens, at least 0.
    static func tokens(_ value: Int) -> Int { min(max(0, value), mostTokens) }
    /// Counters and bytes, at least 0.
    static func count(_ value: Int) -> Int { min(max(0, value), mostCount) }
    /// Seconds, at least 0.
    static func seconds(_ value: Double) -> Double { value.isFinite ? min(max(0, value), mostSeconds) : 0 }
    /// Epochs that leave room for those to come.
    static func epoch(_ value: Epoch) -> Epoch { min(value, 1 << 53) }
}

extension WorkerLoad {
    /// The same, with every figure in a range that can be computed with.
    var plausible: WorkerLoad {
        WorkerLoad(
            waiting: Plausible.count(waiting), running: Plausible.count(running),
            kvUsedTokens: Plausible.count(kvUsedTokens), kvGrownTokens: kvGrownTokens.map(Plausible.tokens),
            residentBytes: Plausible.count(residentBytes),
            counters: StageCounters(
                prefillTokens: Plausible.count(counters.prefillTokens),
                prefillSeconds: Plausible.seconds(counters.prefillSeconds),
                decodeSteps: Plausible.count(counters.decodeSteps), decodeRows: Plausible.count(counters.decodeRows),
                decodeSeconds: Plausible.seconds(counters.decodeSeconds),
                kvTransferBytes: Plausible.count(counters.kvTransferBytes),
                guessedTokens: Plausible.count(counters.guessedTokens),
                acceptedTokens: min(
                    Plausible.count(counters.acceptedTokens), Plausible.count(counters.guessedTokens))))
    }
}

extension WorkerReport {
    /// The same, with every figure in a range that can be computed with.
    var plausible: WorkerReport {
        var report = self
        report.epoch = Plausible.epoch(epoch)
        report.kvBlockTokens = min(max(1, kvBlockTokens), 1 << 16)
        for index in report.stages.indices {
            report.stages[index].formed = Plausible.epoch(stages[index].formed)
            report.stages[index].kvCapacityTokens = Plausible.tokens(stages[index].kvCapacityTokens)
        }
        for index in report.held.indices {
            report.held[index].reservedTokens = Plausible.tokens(held[index].reservedTokens)
        }
        return report
    }
}
