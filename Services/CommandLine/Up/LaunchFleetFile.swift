import Domain
import Foundation
import ServiceRuntime
import Yams

/// A fleet of devices that run on this machine, as `e2llm up --fleet` reads it (YAML).
///
/// ```yaml
/// devices:
///   - id: desktop          # with `count`, ids are desktop-1, desktop-2, ...
///     count: 1
///     threads: 1
///     compute_share: 0.8   # share of the threads' time, 0.05 to 1
///     memory_limit: 512M   # of each worker process
///     link_rate: 100M      # bytes per second that leave the device
///     link_latency_ms: 1
/// roles: split             # optional: split, mixed, uniform or any, as `clusterer.roles`; default: what the planner finds best
/// services:                # optional: other implementations of services
///   clusterer: ./my-clusterer
/// settings:                # optional: settings for all processes
///   clusterer.seed: 7
/// ```
struct LaunchFleetFile: Codable, Sendable {
    struct Device: Codable, Sendable {
        var id: String
        var count: Int?
        var threads: Int?
        var computeShare: Double?
        var memoryLimit: String?
        var linkRate: String?
        var linkLatencyMilliseconds: Double?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case id, count, threads
            case computeShare = "compute_share"
            case memoryLimit = "memory_limit"
            case linkRate = "link_rate"
            case linkLatencyMilliseconds = "link_latency_ms"
        }

        /// The device's settings as `--set` texts.
        var settings: [String] {
            var result: [String] = []
            if let threads { result.append("worker.threads=\(threads)") }
            if let computeShare { result.append("worker.compute_share=\(computeShare)") }
            if let memoryLimit { result.append("worker.memory_limit=\(memoryLimit)") }
            if let linkRate { result.append("worker.link_rate=\(linkRate)") }
            if let linkLatencyMilliseconds { result.append("worker.link_latency_ms=\(linkLatencyMilliseconds)") }
            return result
        }
    }

    var devices: [Device]
    var roles: String?
    var services: [String: String]?
    var settings: [String: String]?

    /// Reads and checks a file; unknown keys are errors, since they are mostly misspelt ones.
    static func read(_ path: String) throws -> LaunchFleetFile {
        let text: String
        do {
            text = try YAMLText.read(path)
        } catch {
            throw Failure(.usage, "the fleet file \(error)")
        }
        do {
            guard let root = try Yams.load(yaml: text) as? [String: Any] else {
                throw Failure(.usage, "\(path): is not a map with the key devices")
            }
            try checkKeys(root, path)
            let file = try YAMLDecoder().decode(LaunchFleetFile.self, from: text)
            try file.check(path)
            return file
        } catch let error as Failure {
            throw error
        } catch let error as DecodingError {
            throw Failure(.usage, "\(path): \(DecodingText.text(error))")
        } catch {
            throw Failure(.usage, "\(path): is not YAML: \(error)")
        }
    }

    /// All devices with their ids.
    var expanded: [(id: String, device: Device)] {
        devices.flatMap { device -> [(String, Device)] in
            guard let count = device.count else { return [(device.id, device)] }
            return (1...max(1, count)).map { ("\(device.id)-\($0)", device) }
        }
    }

    /// The roles that a file may name, as `clusterer.roles` has them.
    private static let knownRoles = ["auto", "any", "uniform", "split", "mixed"]

    private func check(_ path: String) throws {
        if let roles, !Self.knownRoles.contains(roles) {
            throw Failure(
                .usage, "\(path): roles must be one of \(Self.knownRoles.joined(separator: ", ")), not \(roles)")
        }
        guard !devices.isEmpty else { throw Failure(.usage, "\(path): devices is empty") }
        for device in devices {
            if let count = device.count, !(1...256).contains(count) {
                throw Failure(.usage, "\(path): \(device.id).count must be 1 to 256, not \(count)")
            }
            if let threads = device.threads, !(1...1024).contains(threads) {
                throw Failure(.usage, "\(path): \(device.id).threads must be 1 to 1024, not \(threads)")
            }
            if let share = device.computeShare, !(0.05...1).contains(share) {
                throw Failure(.usage, "\(path): \(device.id).compute_share must be 0.05 to 1, not \(share)")
            }
            for (key, size) in [("memory_limit", device.memoryLimit), ("link_rate", device.linkRate)] {
                if let size, ByteText.parse(size) == nil {
                    throw Failure(.usage, "\(path): \(device.id).\(key) must be a size such as 512M, not \(size)")
                }
            }
            if let latency = device.linkLatencyMilliseconds, !(0...60_000).contains(latency) {
                throw Failure(.usage, "\(path): \(device.id).link_latency_ms must be 0 to 60000, not \(latency)")
            }
        }
        var seen: Set<String> = []
        for (id, _) in expanded where !seen.insert(id).inserted {
            throw Failure(.usage, "\(path): the device id \(id) appears twice")
        }
        for name in (services ?? [:]).keys where ServiceName(rawValue: name) == nil {
            throw Failure(
                .usage,
                "\(path): services.\(name) is no service"
                    + NearestName.question(name, among: ServiceName.allCases.map(\.rawValue)))
        }
    }

    private static func checkKeys(_ root: [String: Any], _ path: String) throws {
        let sections = ["devices", "roles", "services", "settings"]
        for key in root.keys.sorted() where !sections.contains(key) {
            throw Failure(.usage, "\(path): unknown key \(key)\(NearestName.question(key, among: sections))")
        }
        let known = Set(Device.CodingKeys.allCases.map(\.rawValue))
        for device in root["devices"] as? [[String: Any]] ?? [] {
            for key in device.keys.sorted() where !known.contains(key) {
                throw Failure(
                    .usage,
                    "\(path): unknown key \(key) in device \(device["id"] ?? "without id")"
                        + NearestName.question(key, among: known))
            }
        }
    }
}
