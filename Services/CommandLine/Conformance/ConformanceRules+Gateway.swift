import Protocol

/// The rules of a gateway's `tokens` socket.
extension ConformanceRules {
    /// The rules of a gateway.
    static let gateway: [ConformanceRule] = [
        ConformanceRule(
            "tokens of requests that nobody knows do no harm",
            ConformanceMessage(
                .tokensEmitted, ["tokens": [1, -5, 2_147_483_647]],
                envelope: ["request": "nobody", "seq": .figure("18446744073709551615")]), expect: .survives),
        ConformanceRule(
            "tokens without fields do no harm", ConformanceMessage(.tokensEmitted), expect: .survives),
    ]
}
