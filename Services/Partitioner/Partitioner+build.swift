import Logging
import Messaging

extension PartitionerService {
    /// The partitioner as `main` runs it and tests start it.
    ///
    /// - Parameter context: the root of its sockets.
    static func build(
        _ configuration: PartitionerConfiguration, context: MessagingContext, logger: Logger
    ) -> PartitionerService {
        PartitionerService(configuration: configuration, context: context, logger: logger)
    }
}
