import ArgumentParser
import Foundation
import ServiceRuntime

/// `e2llm keys`: who may take part in a fleet.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Makes, lists, replaces and takes back the keys of a fleet.",
        discussion: "Running services read the list of keys again within a second after it has changed.",
        subcommands: [Create.self, List.self, Add.self, Rotate.self, Revoke.self])

    /// The folder that a command is about.
    struct FolderOption: ParsableArguments {
        @Argument(help: "The folder with the keys.") var folder: String
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes keys for all services, the devices of this machine and the command line.")
        @OptionGroup var place: FolderOption
        @Option(help: "The user that the services run as, by number, where that is another one (containers: 10001).")
        var uid: UInt32?

        func run() async throws {
            try await Failure.reporting {
                let folder = try KeyFolder.create(place.folder)
                if let uid {
                    for (identity, _) in KeyFolder.usual where chown(folder.secret(identity), uid, uid) != 0 {
                        throw Failure(
                            .failed,
                            "\(folder.secret(identity)) cannot be given to user \(uid): \(String(cString: strerror(errno)))"
                        )
                    }
                }
                for (identity, plays) in KeyFolder.usual {
                    print("\(folder.secret(identity)): plays \(plays.rawValue)")
                }
                print("\(folder.list): the list of all public keys, for every service")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows all keys and what they may be used for.")
        @OptionGroup var place: FolderOption
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await Failure.reporting {
                let allowed = try KeyFolder(path: place.folder).read()
                if json { return try JSONOutput.print(allowed) }
                var rows = [["IDENTITY", "PLAYS", "DEVICES", "STATE", "PUBLIC KEY"]]
                for key in allowed.keys {
                    let state =
                        key.revoked == true
                        ? "revoked"
                        : key.isUsable(at: Date())
                            ? key.expires.map { "until \($0.ISO8601Format())" } ?? "good" : "expired"
                    rows.append([
                        key.identity, key.plays.map(\.rawValue).joined(separator: ","),
                        key.devices?.joined(separator: ",") ?? "-", state, key.publicKey,
                    ])
                }
                print(TextTable.format(rows))
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a key for somebody else.")
        @OptionGroup var place: FolderOption
        @Argument(help: "A name for who gets the key.") var identity: String
        @Option(help: "What it may be used for: worker, client, gateway, ...; may be repeated.")
        var plays: [String] = ["worker"]
        @Option(help: "A device that it may speak for, * standing for any text; may be repeated. Default: all.")
        var device: [String] = []
        @Option(help: "How long it is good, such as 24h or 30d; default: for ever.") var expires: String?

        func run() async throws {
            try await Failure.reporting {
                let folder = KeyFolder(path: place.folder)
                try KeyFolder.check(identity)
                var allowed = try folder.read()
                guard !allowed.keys.contains(where: { $0.identity == identity && $0.isUsable(at: Date()) }) else {
                    throw Failure(.usage, "\(identity) has a key already; `e2llm keys rotate` makes a new one")
                }
                let roles = try plays.map { text in
                    guard let role = KeyRole(rawValue: text) else {
                        let known = KeyRole.allCases.map(\.rawValue).joined(separator: ", ")
                        throw Failure(.usage, "\(text) is none of \(known)")
                    }
                    return role
                }
                let end = try expires.map { Date(timeIntervalSinceNow: try SpanText.seconds($0)) }
                try folder.make(
                    identity, plays: roles, devices: device.isEmpty ? nil : device, expires: end, in: &allowed)
                try folder.write(&allowed)
                print(folder.secret(identity))
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a new key in place of an old one.",
            discussion: "Restart who uses it, and for a service also those that connect to it, before the old key ends."
        )
        @OptionGroup var place: FolderOption
        @Argument(help: "Whose key.") var identity: String
        @Option(help: "How long the old key is still good.") var grace: String = "10m"

        func run() async throws {
            try await Failure.reporting {
                let folder = KeyFolder(path: place.folder)
                var allowed = try folder.read()
                let end = Date(timeIntervalSinceNow: try SpanText.seconds(grace))
                guard let old = allowed.keys.lastIndex(where: { $0.identity == identity && $0.isUsable(at: Date()) })
                else { throw Failure(.usage, "\(identity) has no key that is good") }
                let entry = allowed.keys[old]
                allowed.keys[old].expires = min(end, entry.expires ?? end)
                try folder.make(identity, plays: entry.plays, devices: entry.devices, in: &allowed)
                try folder.write(&allowed)
                print("\(folder.secret(identity)); the old key is good until \(end.ISO8601Format())")
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes all keys of somebody back; their connections are ignored at once.")
        @OptionGroup var place: FolderOption
        @Argument(help: "Whose keys.") var identity: String

        func run() async throws {
            try await Failure.reporting {
                let folder = KeyFolder(path: place.folder)
                var allowed = try folder.read()
                let mine = allowed.keys.indices.filter { allowed.keys[$0].identity == identity }
                guard !mine.isEmpty else { throw Failure(.usage, "nobody is called \(identity)") }
                for index in mine { allowed.keys[index].revoked = true }
                try folder.write(&allowed)
                try? FileManager.default.removeItem(atPath: folder.secret(identity))
            }
        }
    }
}
