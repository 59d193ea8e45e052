import Scenarios

/// Fleets and streams that are drawn instead of read, by names such as `generated:64:7` and `generated:conversation:1000`.
enum GeneratedInput {
    private static let prefix = "generated:"

    /// `generated:DEVICES[:SEED]`; `nil` for anything else.
    static func fleet(_ name: String) throws -> DescribedFleet? {
        guard name.hasPrefix(prefix) else { return nil }
        let parts = name.dropFirst(prefix.count).split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let devices = Int(parts[0]), let seed = seed(parts.dropFirst().first)
        else { throw Failure(.usage, "--fleet \(name): the form is generated:DEVICES or generated:DEVICES:SEED") }
        do {
            return try FleetGenerator(deviceCount: devices, seed: seed).fleet()
        } catch {
            throw Failure(.usage, "--fleet \(name): \(error)")
        }
    }

    /// `generated:conversation:COUNT[:SEED]` or `generated:code:COUNT[:SEED]`; `nil` for anything else.
    static func stream(_ name: String) throws -> RequestStream? {
        guard name.hasPrefix(prefix) else { return nil }
        let parts = name.dropFirst(prefix.count).split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let count = Int(parts[1]), let seed = seed(parts.dropFirst(2).first),
            ["conversation", "code"].contains(parts[0])
        else {
            throw Failure(
                .usage,
                "--workload \(name): the form is generated:conversation:COUNT[:SEED] or generated:code:COUNT[:SEED]")
        }
        do {
            return try (parts[0] == "code" ? StreamGenerator.code(seed: seed) : .conversation(seed: seed))
                .stream(count, name: name)
        } catch {
            throw Failure(.usage, "--workload \(name): \(error)")
        }
    }

    private static func seed(_ text: Substring?) -> UInt64? { text.map { UInt64($0) } ?? 1 }
}
