import Domain
import Foundation
import Testing

@testable import Profiler

@Suite("Profiler: files")
struct ProfileDirectoryTests {
    private static func device(_ fingerprint: String) -> StoredDevice {
        let body = ProfilerWorld.registration("a", .decode, fingerprint: fingerprint)
        var device = StoredDevice(key: DeviceKey(DeviceIdentity(body), model: "digest"))
        device.prefill = ProfilerWorld.tables(.prefill)
        device.decode = ProfilerWorld.tables(.decode)
        return device
    }

    private static func link() -> StoredLink {
        let end = LinkEnd(DeviceIdentity(ProfilerWorld.registration("a", .decode)))
        return StoredLink(key: LinkKey(from: end, to: end), latencySeconds: 1e-3, bytesPerSecond: 1e7)
    }

    /// Calls `body` with a directory that does not exist yet.
    private func withDirectory(_ body: (ProfileDirectory) throws -> Void) throws {
        let root = NSTemporaryDirectory() + "profiles-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        try body(ProfileDirectory(path: root + "/nested"))
    }

    @Test("what is saved is loaded, and replaced as a whole")
    func roundTrip() throws {
        try withDirectory { directory in
            #expect(directory.load().problems.isEmpty)
            try directory.save(Self.device("one"))
            try directory.save(Self.device("two"))
            try directory.save(Self.link())
            var changed = Self.device("one")
            changed.decode = nil
            try directory.save(changed)
            let (profiles, problems) = directory.load()
            #expect(problems.isEmpty)
            #expect(profiles.devices.count == 2)
            #expect(profiles.devices[changed.key] == changed)
            #expect(profiles.links[Self.link().key] == Self.link())
            let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            #expect(names.count == 3 && names.allSatisfy { $0.hasSuffix(".json") })
        }
    }

    @Test("damaged files are named and ignored", arguments: ["truncated", "empty", "garbage", "figures", "directory"])
    func damaged(how: String) throws {
        try withDirectory { directory in
            try directory.save(Self.device("good"))
            let before = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            try directory.save(Self.device("bad"))
            let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            let name = try #require(names.first { !before.contains($0) })
            let file = "\(directory.path)/\(name)"
            let url = URL(fileURLWithPath: file)
            let data = try Data(contentsOf: url)
            switch how {
            case "truncated": try data.prefix(data.count / 2).write(to: url)
            case "empty": try Data().write(to: url)
            case "garbage": try Data((0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37) }).write(to: url)
            case "figures":
                let text = String(decoding: data, as: UTF8.self)
                try Data(text.replacingOccurrences(of: "\"tokens\" : 16", with: "\"tokens\" : -16").utf8).write(to: url)
            default:
                try FileManager.default.removeItem(at: url)
                try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
            }
            let (profiles, problems) = directory.load()
            #expect(profiles.devices.keys.map(\.fingerprint) == ["good"])
            #expect(problems.count == 1 && problems[0].message.contains(file))
        }
    }

    @Test("a place that cannot be written is reported by name")
    func unwritable() throws {
        let file = NSTemporaryDirectory() + "profiles-\(UUID().uuidString)"
        try Data("x".utf8).write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        #expect(throws: ProfileDirectory.Problem.self) { try ProfileDirectory(path: file).save(Self.link()) }
        #expect(ProfileDirectory(path: file).load().problems.count == 1)
    }
}
