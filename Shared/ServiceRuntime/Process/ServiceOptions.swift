public import ArgumentParser
public import Logging

/// The arguments that every service takes.
public struct ServiceOptions: ParsableArguments {
    /// A YAML file of settings.
    @Option(name: .long, help: "A YAML file of settings.")
    public var config: String?

    /// Settings, each as `key=value`; they win over environment and file.
    @Option(name: .long, help: "One setting as key=value; may be repeated. Wins over environment and file.")
    public var set: [String] = []

    /// `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
    @Option(name: .long, help: "trace, debug, info, notice, warning, error or critical.")
    public var logLevel: String = "info"

    /// `text` or `json`.
    @Option(name: .long, help: "text, or json for one object a line.")
    public var logFormat: String = "text"

    /// Prints the settings that the service knows and ends.
    @Flag(name: .long, help: "Print every setting with its default and environment variable, then end.")
    public var showSettings = false

    /// Makes options with their defaults.
    public init() {}

    /// Checks the texts that are choices.
    public func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level must be trace, debug, info, notice, warning, error or critical")
        }
        guard LineLogHandler.Format(rawValue: logFormat) != nil else {
            throw ValidationError("--log-format must be text or json")
        }
    }

    /// Starts logging for the process and makes the service's logger.
    public func makeLogger(_ service: String) -> Logger {
        LineLogHandler.bootstrap(
            level: Logger.Level(rawValue: logLevel) ?? .info,
            format: LineLogHandler.Format(rawValue: logFormat) ?? .text)
        return Logger(label: service)
    }

    /// Reads the settings, or prints their table and ends where that was asked for. Until `ServiceMain.run` the process ends
    /// with `ConfigurationPhase.exitCode` where it fails.
    public func settings(_ keys: [SettingKey]) throws -> Settings {
        if showSettings {
            for key in keys {
                print("\(key.name)  [\(key.defaultValue)]  \(key.environmentVariable)\n    \(key.summary)")
            }
            throw CleanExit.message("")
        }
        ConfigurationPhase.begin()
        return try Settings(keys: keys, arguments: set, file: config)
    }
}
