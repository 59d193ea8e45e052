import Foundation

/// The measurements on disk: one JSON file for each device and each link, replaced as a whole, so that a crash leaves the
/// old file or the new one.
struct ProfileDirectory: Sendable {
    /// Larger files are not measurements.
    private static let largestFile = 4 << 20
    /// More files are not read.
    private static let mostFiles = 100_000

    let path: String

    /// Why something could not be read or written, naming the file.
    struct Problem: Error, Sendable, Hashable {
        var message: String
    }

    /// Everything that can be read; damaged files are named and ignored. Blocks.
    func load() -> (profiles: StoredProfiles, problems: [Problem]) {
        var profiles = StoredProfiles()
        var problems: [Problem] = []
        guard FileManager.default.fileExists(atPath: path) else { return (profiles, problems) }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            return (profiles, [Problem(message: "\(path) cannot be read: \(error.localizedDescription)")])
        }
        for name in names.sorted().prefix(Self.mostFiles) where name.hasSuffix(".json") {
            let file = "\(path)/\(name)"
            do {
                let data = try read(file)
                if name.hasPrefix("device-") {
                    let device = try JSONDecoder().decode(StoredDevice.self, from: data)
                    if let problem = device.problem { throw Problem(message: problem) }
                    profiles.insert(device)
                } else if name.hasPrefix("link-") {
                    let link = try JSONDecoder().decode(StoredLink.self, from: data)
                    if let problem = link.problem { throw Problem(message: problem) }
                    profiles.insert(link)
                }
            } catch {
                let reason = (error as? Problem)?.message ?? "it is damaged"
                problems.append(Problem(message: "\(file) is ignored and measured again: \(reason)"))
            }
        }
        return (profiles, problems)
    }

    /// Writes a device's file. Blocks.
    func save(_ device: StoredDevice) throws(Problem) { try write(device, to: "device-\(name(device.key)).json") }
    /// Writes a link's file. Blocks.
    func save(_ link: StoredLink) throws(Problem) { try write(link, to: "link-\(name(link.key)).json") }

    private func read(_ file: String) throws -> Data {
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        guard let size = (attributes[.size] as? NSNumber)?.intValue, size <= Self.largestFile else {
            throw Problem(message: "it is larger than \(Self.largestFile) bytes")
        }
        return try Data(contentsOf: URL(fileURLWithPath: file))
    }

    private func write(_ value: some Encodable, to name: String) throws(Problem) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try DurableFile.replace("\(path)/\(name)", with: [UInt8](try encoder.encode(value)))
        } catch let error as Problem {
            throw error
        } catch {
            throw Problem(message: "\(path)/\(name) cannot be written: \(error.localizedDescription)")
        }
    }

    /// A file name for a key; the key itself is in the file.
    private func name(_ key: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let bytes = (try? encoder.encode(key)) ?? Data()
        // Two FNV-1a sums with different starts make 128 bits.
        var first: UInt64 = 0xCBF2_9CE4_8422_2325
        var second: UInt64 = 0x6C62_272E_07BB_0142
        for byte in bytes {
            first = (first ^ UInt64(byte)) &* 0x100_0000_01B3
            second = (second &* 0x100_0000_01B3) ^ UInt64(byte)
        }
        return [first, second].map { value in
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
