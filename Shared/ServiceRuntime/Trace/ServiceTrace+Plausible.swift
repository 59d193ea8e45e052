public import Protocol

extension ServiceTrace {
    /// Whether its figures can be calculated with, whoever sent them.
    public var isPlausible: Bool {
        let figures = 0...1 << 53
        return figures.contains(clockMicroseconds) && figures.contains(sinceMicroseconds ?? 0)
            && moments.allSatisfy { moment in
                [
                    moment.atMicroseconds, moment.tookMicroseconds ?? 0, moment.rows ?? 0, moment.position ?? 0,
                    moment.bytes ?? 0,
                ].allSatisfy(figures.contains) && (0..<4096).contains(moment.stage ?? 0)
            }
    }
}
