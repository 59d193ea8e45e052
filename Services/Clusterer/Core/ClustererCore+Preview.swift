import Domain
import Planning
import Protocol

extension SearchOrder {
    /// The order of a preview: the fleet with its changes, and little time.
    ///
    /// - Throws: `invalid_input` naming the list with what is wrong, `no_devices`.
    static func preview(
        _ preview: PlanPreview, of fleet: Fleet?, heard: WorkloadStatistics?, _ configuration: ClustererConfiguration
    ) throws(Fault) -> SearchOrder {
        guard let fleet else {
            throw Fault("no_devices", "the profiler has not published a fleet yet", isRetriable: true)
        }
        let changes = preview.changes
        if let problem = changes.problem(in: fleet) {
            throw Fault("invalid_input", "\(problem.field): \(problem.message)")
        }
        var settings = configuration.search
        settings.searchSeconds = min(settings.searchSeconds, configuration.previewSeconds)
        return SearchOrder(
            problem: try fleet.changing(changes.links)
                .problem(excluding: changes.without, slowdowns: changes.slowdowns),
            fleetVersion: fleet.version, workload: preview.workload ?? heard ?? WorkloadStatistics(),
            seed: configuration.seed, settings: settings, inForce: preview.planInForce,
            contextTokens: preview.contextTokens, types: fleet.deviceTypes, isPreview: true)
    }
}
