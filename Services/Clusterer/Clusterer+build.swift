import Logging
import Messaging

extension ClustererService {
    /// The clusterer as `main` runs it and tests start it.
    ///
    /// - Parameter context: the root of its sockets.
    static func build(
        _ configuration: ClustererConfiguration, context: MessagingContext, logger: Logger
    ) -> ClustererService {
        ClustererService(configuration: configuration, context: context, logger: logger)
    }
}
