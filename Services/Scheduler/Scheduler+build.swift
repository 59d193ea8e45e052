import Logging
import Scheduling

extension SchedulerService {
    /// The scheduler as `main` runs it and tests start it.
    static func build(_ configuration: SchedulerConfiguration, logger: Logger) -> SchedulerService {
        SchedulerService(
            configuration: configuration, core: SchedulerCore(configuration: configuration.scheduling), logger: logger)
    }
}
