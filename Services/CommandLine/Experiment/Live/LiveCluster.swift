import Domain
import Foundation
import Logging

/// Services and devices for measurements: an `e2llm up` of its own, on free ports, which other commands do not find.
struct LiveCluster: Sendable {
    /// What is started.
    struct Start: Sendable {
        /// The GGUF file.
        var model: String
        /// The fleet file.
        var fleet: String
        /// Where logs and profiles go; profiles of an earlier start are used again.
        var directory: String
        /// Settings as `key=value`.
        var settings: [String]
        /// Devices of the fleet.
        var devices: Int
        /// Longest wait until it serves and all devices are measured, seconds.
        var readySeconds = 600.0
    }

    /// The server.
    let server: GatewayClient

    /// Starts a cluster, waits until it serves and knows all devices, hands it to `body`, and ends all of its processes,
    /// whatever happens.
    static func with<Value: Sendable>(_ start: Start, _ body: (LiveCluster) async throws -> Value) async throws -> Value
    {
        let port = try FreePorts.take(1)[0]
        let log = start.directory + "/up.log"
        do {
            try FileManager.default.createDirectory(atPath: start.directory, withIntermediateDirectories: true)
        } catch {
            throw Failure(.failed, "\(start.directory): \(error.localizedDescription)")
        }
        let supervisor = Supervisor(logger: Logger(label: "live"))
        let specification = ProcessSpecification(
            name: "the fleet", executable: Executables.own("e2llm"),
            arguments: [
                "up", "--model", start.model, "--fleet", start.fleet, "--port", "\(port)", "--directory",
                start.directory,
            ] + start.settings.flatMap { ["--set", $0] },
            environment: ["XDG_STATE_HOME": start.directory + "/state"], logFile: log)
        let supervision = Task { _ = await supervisor.supervise(specification) }
        // A task of its own: what ends processes must not be cancelled with what used them.
        let stop: @Sendable () -> Task<Void, Never> = {
            Task {
                await supervisor.stop(grace: .seconds(25))
                await supervision.value
            }
        }
        return try await withTaskCancellationHandler {
            do {
                let cluster = LiveCluster(
                    server: try GatewayClient(
                        GatewayAddress("http://127.0.0.1:\(port)"), key: GatewayKey()))
                try await cluster.waitUntilReady(start, supervisor, log: log)
                let value = try await body(cluster)
                await stop().value
                return value
            } catch {
                await stop().value
                throw error
            }
        } onCancel: {
            _ = stop()
        }
    }

    private func waitUntilReady(_ start: Start, _ supervisor: Supervisor, log: String) async throws {
        let begin = ContinuousClock.now
        var state = "the gateway does not answer"
        while begin.duration(to: .now) < .seconds(start.readySeconds) {
            try Task.checkCancellation()
            if let refusal = await supervisor.refusal { throw refusal.failure }
            let health = await HTTPClient.get(server.base + "/health")
            if health?.status == 200 {
                let fleet = try? await server.fleet().fleet
                let ready = fleet?.usableDevices.count ?? 0
                if ready == start.devices { return }
                state = "\(ready) of \(start.devices) devices are ready"
            } else if let message = health?.errorMessage {
                state = message
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw Failure(.failed, "the fleet is not ready after \(Int(start.readySeconds)) s: \(state); see \(log)")
    }
}
