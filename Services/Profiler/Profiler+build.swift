import Logging
import Messaging

extension ProfilerService {
    /// The profiler as `main` runs it and tests start it.
    ///
    /// - Parameter context: the root of its sockets.
    static func build(
        _ configuration: ProfilerConfiguration, context: MessagingContext, logger: Logger
    ) -> ProfilerService {
        ProfilerService(configuration: configuration, context: context, logger: logger)
    }
}
