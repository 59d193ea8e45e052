public import ArgumentParser
public import Logging
public import ServiceLifecycle

/// The command of a service's executable: arguments, settings, then the service until the process is asked to stop.
public protocol ServiceCommand: AsyncParsableCommand {
    /// Which service it is.
    static var service: ServiceName { get }
    /// Every setting that it knows.
    static var keys: [SettingKey] { get }
    /// The arguments that every service takes.
    var options: ServiceOptions { get }

    /// How long the service may take to stop.
    func stopTime(_ settings: Settings) throws -> Duration

    /// Makes what the process runs; they are stopped in reverse order.
    func services(_ settings: Settings, _ logger: Logger) throws -> [any Service]
}

extension ServiceCommand {
    /// Fifteen seconds.
    public func stopTime(_ settings: Settings) throws -> Duration { .seconds(15) }

    /// Reads the settings and runs the service.
    public func run() async throws {
        let logger = options.makeLogger(Self.service.rawValue)
        let settings = try options.settings(Self.keys)
        try await ServiceMain.run(services(settings, logger), within: stopTime(settings), logger: logger)
    }
}
