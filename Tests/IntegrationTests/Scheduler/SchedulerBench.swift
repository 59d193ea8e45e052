import Domain
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

@testable import Scheduler

/// A scheduler as it runs; a publisher stands in for the profiler, a socket that always answers with one plan for the
/// clusterer.
final class SchedulerBench: Sendable {
    let context: MessagingContext
    let thread: SocketThread
    /// Where its control socket is.
    let control: String
    private let publisher: StatePublisher
    private let clusterer: ServerSocket
    private let tasks: [Task<Void, any Error>]

    /// Starts everything; without devices there is no fleet and no plan.
    static func start(_ devices: [DeviceID] = []) async throws -> SchedulerBench {
        let context = try MessagingContext()
        let thread = try context.makeThread(name: "bench")
        let publisher = try await StatePublisher.bind("tcp://127.0.0.1:*", on: thread, session: Session())
        let plan = SchedulerFleets.plan(devices)
        let clusterer = try await ServerSocket.bind("tcp://127.0.0.1:*", on: thread, session: Session()) {
            server, message in
            guard let question = try? message.body(as: PlanRequest.self) else {
                return await server.replyUnknownType(to: message)
            }
            let proposal = PlanProposal(plan: plan, reason: question.reason, searchSeconds: 0)
            try? await server.reply(to: message, Outgoing(.planProposal, body: proposal))
        }
        var configuration = configuration()
        configuration.addresses[.fleet] = publisher.endpoint
        configuration.addresses[.plan] = clusterer.endpoint
        let service = SchedulerService.make(configuration, context: context, logger: PlannerWait.logger)
        let run = Task { try await service.run() }
        let fleet = SchedulerFleets.fleet(devices)
        let publishing = Task {
            while !Task.isCancelled, !devices.isEmpty {
                publisher.publish(Outgoing(.fleetSnapshot, body: fleet))
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        let control = try await PlannerWait.until { service.bound[.control] }
        return SchedulerBench(
            context: context, thread: thread, control: control, publisher: publisher, clusterer: clusterer,
            tasks: [publishing, run])
    }

    private init(
        context: MessagingContext, thread: SocketThread, control: String, publisher: StatePublisher,
        clusterer: ServerSocket, tasks: [Task<Void, any Error>]
    ) {
        self.context = context
        self.thread = thread
        self.control = control
        self.publisher = publisher
        self.clusterer = clusterer
        self.tasks = tasks
    }

    /// Free ports, nobody to connect to, and no waiting but for what a test waits for. Other tests may keep all cores busy
    /// for long: silence is no loss here.
    static func configuration() -> SchedulerConfiguration {
        var configuration = SchedulerConfiguration()
        for setting in EndpointSetting.allCases { configuration.addresses[setting] = "tcp://127.0.0.1:9" }
        for setting in [EndpointSetting.control, .state] { configuration.addresses[setting] = "tcp://127.0.0.1:*" }
        configuration.scheduling.adoptionSeconds = 0.1
        configuration.scheduling.debounceSeconds = 0.1
        configuration.scheduling.workerLostSeconds = 120
        configuration.scheduling.gatewayLostSeconds = 120
        configuration.scheduling.deviceLostSeconds = 120
        configuration.scheduling.unservableSeconds = 120
        configuration.scheduling.orphanSeconds = 120
        return configuration
    }

    /// Connects a worker or a gateway.
    func peer(_ name: String) async throws -> SchedulerPeer {
        try await SchedulerPeer.connect(name, to: control, on: thread)
    }

    func stop() async {
        for task in tasks {
            task.cancel()
            _ = await task.result
        }
        await clusterer.close()
        await publisher.close()
        await context.terminate()
    }
}
