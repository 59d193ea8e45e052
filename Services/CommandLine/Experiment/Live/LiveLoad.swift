import Domain
import Experiments
import Foundation
import Scenarios
import Simulation

/// A measured run with everything that is kept of it.
struct LiveLoad: Sendable {
    var record: RunRecord
    var machine: MachineUse
    var fleet: Fleet
    var about: RunFolder.About

    /// Sends a stream to a cluster and waits for all answers.
    static func measured(
        _ cluster: LiveCluster, _ stream: RequestStream, rate: Double, seed: UInt64, system: String
    ) async throws -> LiveLoad {
        let started = Date()
        let server = cluster.server
        let model = try await server.model()
        let before = try await server.fleet()
        let schedule = try LoadSchedule(stream, rate: rate, model: model, seed: seed)
        let first = MachineWatch.moment()
        let results = try await LoadRun(base: server.base, model: model.name, headers: server.headers).run(schedule)
        let last = MachineWatch.moment()
        try Task.checkCancellation()
        let after = try? await server.fleet()
        var record = RunRecord(
            schedule, results, before: before, after: after, server: "emulated", workload: stream.name, rate: rate,
            seed: seed)
        record.system = system
        guard let first, let last else { throw Failure(.failed, "/proc/stat says nothing about this machine") }
        return LiveLoad(
            record: record, machine: MachineUse(from: first, to: last), fleet: before.fleet,
            about: RunFolder.About(
                version: ProductVersion.number, wire: ProductVersion.wire, workload: stream.name, rate: rate,
                seed: seed, requests: schedule.entries.count, model: model.name,
                plan: before.plan?.id.rawValue ?? "", algorithm: before.plan?.algorithm ?? "",
                machine: RunFolder.machine(), processors: ProcessInfo.processInfo.activeProcessorCount,
                started: started.ISO8601Format()))
    }
}
