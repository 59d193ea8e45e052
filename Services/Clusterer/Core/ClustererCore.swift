import Domain
import Planning
import Protocol

/// Decides which searches run: waits for the fleet that a request names, lets equal requests share a search, bounds what
/// runs and waits.
struct ClustererCore: Sendable {
    private struct Pending: Sendable {
        var ticket: PlanTicket
        var request: PlanRequest
        var since: Double
    }

    private struct Search: Sendable {
        var order: SearchOrder
        var reason: String
        var tickets: [PlanTicket]
        var isRunning = false
    }

    private let configuration: ClustererConfiguration
    private var fleet: Fleet?
    private var profilerSession = ""
    private var workload: WorkloadStatistics?
    private var pending: [Pending] = []
    private var searches: [SearchID: Search] = [:]
    private var lastSearch: SearchID = 0
    /// The preview that is made now.
    private var previewing: PlanTicket?

    init(_ configuration: ClustererConfiguration) { self.configuration = configuration }

    /// Decides; does nothing itself. `now` is in seconds of any clock that only grows.
    mutating func handle(_ event: ClustererEvent, at now: Double) -> [ClustererInstruction] {
        switch event {
        case .fleet(let newer, let session):
            // Versions are ordered within a session; a restarted profiler knows better, whatever its version.
            guard session != profilerSession || newer.version >= fleet?.version ?? 0 else { return [] }
            profilerSession = session
            fleet = newer
        case .workload(let statistics): workload = statistics
        case .requested(let ticket, let request):
            guard pending.count + searches.count < configuration.queueLimit || isShared(request) else {
                return [.refuse(ticket, overloaded)]
            }
            pending.append(Pending(ticket: ticket, request: request, since: now))
        case .searched(let id, let result): return finish(id, result) + startSearches()
        case .previewWanted(let ticket, let preview): return [start(ticket, preview)]
        case .previewed(let ticket, let result):
            if previewing == ticket { previewing = nil }
            switch result {
            case .success(let previewed): return [.show(ticket, previewed)]
            case .failure(let refusal): return [.refuse(ticket, refusal)]
            }
        case .tick: break
        }
        return placePending(at: now) + startSearches()
    }

    /// Whether no request waits and no search runs.
    var isAtRest: Bool { pending.isEmpty && searches.isEmpty && previewing == nil }

    /// Previews are made one at a time and at once: a plan that is needed never waits for one.
    private mutating func start(_ ticket: PlanTicket, _ preview: PlanPreview) -> ClustererInstruction {
        guard previewing == nil else {
            return .refuse(ticket, Fault("overloaded", "another preview is being made", isRetriable: true))
        }
        do throws(Fault) {
            let order = try SearchOrder.preview(preview, of: fleet, heard: workload, configuration)
            previewing = ticket
            return .preview(ticket, order)
        } catch {
            return .refuse(ticket, error)
        }
    }

    private var overloaded: Fault {
        Fault("overloaded", "\(pending.count + searches.count) plan requests run or wait already", isRetriable: true)
    }

    private func isShared(_ request: PlanRequest) -> Bool {
        guard let order = try? order(request) else { return false }
        return searches.values.contains { $0.order == order }
    }

    /// Turns requests whose fleet is there, or that have waited long enough, into searches.
    private mutating func placePending(at now: Double) -> [ClustererInstruction] {
        var instructions: [ClustererInstruction] = []
        var waiting: [Pending] = []
        for entry in pending {
            let isThere = fleet.map { $0.version >= entry.request.fleetVersion ?? 0 } ?? false
            guard isThere || now - entry.since >= configuration.fleetWaitSeconds else {
                waiting.append(entry)
                continue
            }
            do {
                join(entry.ticket, try order(entry.request), reason: entry.request.reason)
            } catch {
                instructions.append(.refuse(entry.ticket, error))
            }
        }
        pending = waiting
        return instructions
    }

    private func order(_ request: PlanRequest) throws(Fault) -> SearchOrder {
        guard let fleet else {
            throw Fault("no_devices", "the profiler has not published a fleet yet", isRetriable: true)
        }
        return SearchOrder(
            problem: try fleet.problem(excluding: request.excludedDevices, slowdowns: request.slowdowns ?? []),
            fleetVersion: fleet.version,
            workload: request.workload ?? workload ?? WorkloadStatistics(), seed: request.seed ?? configuration.seed,
            settings: configuration.search, inForce: request.planInForce, contextTokens: request.contextTokens,
            types: fleet.deviceTypes)
    }

    private mutating func join(_ ticket: PlanTicket, _ order: SearchOrder, reason: String) {
        if let shared = searches.first(where: { $0.value.order == order })?.key {
            searches[shared]?.tickets.append(ticket)
        } else {
            lastSearch += 1
            searches[lastSearch] = Search(order: order, reason: reason, tickets: [ticket])
        }
    }

    private mutating func startSearches() -> [ClustererInstruction] {
        var instructions: [ClustererInstruction] = []
        var running = searches.values.count(where: \.isRunning)
        for id in searches.keys.sorted() where running < configuration.parallel {
            guard let search = searches[id], !search.isRunning else { continue }
            searches[id]?.isRunning = true
            running += 1
            instructions.append(.search(id, search.order))
        }
        return instructions
    }

    private mutating func finish(
        _ id: SearchID, _ result: Result<SearchOutcome, Fault>
    ) -> [ClustererInstruction] {
        guard let search = searches.removeValue(forKey: id) else { return [] }
        switch result {
        case .failure(let refusal): return search.tickets.map { .refuse($0, refusal) }
        case .success(let outcome):
            let proposal = PlanProposal(
                plan: outcome.plan, reason: search.reason, searchSeconds: outcome.seconds, move: outcome.move)
            return search.tickets.map { .propose($0, proposal) } + [.publish(proposal)]
        }
    }
}
