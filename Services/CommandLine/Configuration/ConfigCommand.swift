import ArgumentParser
import Foundation
import ServiceRuntime

/// `e2llm config`: the settings of the services.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Shows and checks the settings of the services.",
        subcommands: [Show.self, Check.self])

    /// Where settings come from.
    struct Sources: ParsableArguments {
        @Option(help: "A YAML file of settings.") var config: String?
        @Option(help: "One setting as key=value; may be repeated.") var set: [String] = []

        /// What every executable beside this one knows.
        func services() async throws -> [(name: String, keys: [SettingKey])] {
            var result: [(name: String, keys: [SettingKey])] = []
            for service in ServiceName.allCases {
                let path = Executables.own(service.rawValue)
                guard let text = await MachineFacts.output(path, ["--show-settings"]) else {
                    throw Failure(.failed, "\(path) --show-settings says nothing; is it there?")
                }
                result.append((service.rawValue, EffectiveSettings.parse(text)))
            }
            return result
        }

        /// What is wrong: keys that no service knows, a file that cannot be read.
        func problems(_ services: [(name: String, keys: [SettingKey])]) -> [String] {
            var all: [String: SettingKey] = [:]
            for key in services.flatMap(\.keys) where all[key.name] == nil { all[key.name] = key }
            do {
                _ = try Settings(keys: all.values.sorted { $0.name < $1.name }, arguments: set, file: config)
                return []
            } catch {
                return [error.message]
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows every setting with its value and where that comes from.")

        @OptionGroup var sources: Sources
        @Option(help: "Only the settings of this service or section.") var service: String?
        @Flag(help: "Only settings that differ from their defaults.") var changed = false
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await Failure.reporting {
                let services = try await sources.services()
                if let problem = sources.problems(services).first { throw Failure(.usage, problem) }
                let file = try sources.config.map { try Settings.flatten(file: $0) } ?? [:]
                var settings = EffectiveSettings.resolve(
                    services, flags: sources.set, environment: ProcessInfo.processInfo.environment, file: file)
                if let service {
                    settings = settings.filter { $0.services.contains(service) || $0.key.hasPrefix(service + ".") }
                    if settings.isEmpty { throw Failure(.usage, "\(service) is neither a service nor a section") }
                }
                if changed { settings = settings.filter { $0.source != .preset } }
                if json { return try JSONOutput.print(settings) }
                let rows = settings.map { [$0.key, $0.source.rawValue, $0.value.isEmpty ? "-" : $0.value] }
                print(TextTable.format([["SETTING", "SOURCE", "VALUE"]] + rows))
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Looks for settings that no service knows in file, environment and flags.")

        @OptionGroup var sources: Sources

        func run() async throws {
            try await Failure.reporting {
                let services = try await sources.services()
                let problems = sources.problems(services)
                guard problems.isEmpty else { throw Failure(.failed, problems.joined(separator: "\n")) }
                print("every setting is known")
            }
        }
    }
}
