internal import Domain

/// A plan on its way into force: the replicas that it keeps serve on, its new ones are loaded beside the others where memory
/// allows, and in their place otherwise. Until all serve the plan before is the one in force; a preparation that fails
/// changes nothing.
struct PlanTransition: Sendable {
    let plan: PlacementPlan
    let reason: String
    /// What the clusterer said about gain and cost.
    let judgement: String?
    let began: Double
    /// Replicas of the plan before that this one does without.
    let leaving: Set<ReplicaID>
    /// Requests that had to go on elsewhere because of it.
    var moved = 0
    /// Whether a replica of the plan before has been given up for it: from then on there is no way back.
    var hasGivenUp = false

    /// One line for people: what changed, why, how long it took, whom it concerned.
    func summary(from old: PlacementPlan?, at now: Double) -> String {
        let kept = plan.replicas.count { replica in old?.replicas.contains { $0.id == replica.id } ?? false }
        let seconds = ((now - began) * 10).rounded() / 10
        let replaced = old.map { " replaces \($0.id)" } ?? " is the first"
        let what = "\(kept) replicas kept, \(plan.replicas.count - kept) new, \(leaving.count) given up"
        let why = judgement.map { "\(reason); \($0)" } ?? reason
        return "plan \(plan.id)\(replaced): \(what); \(why); took \(seconds) s; \(moved) requests moved"
    }
}

/// Plans that were left lately: without new evidence none of them is taken again.
struct PlanHistory: Sendable {
    private struct Entry: Sendable {
        var plan: PlacementPlan
        var devices: Set<DeviceID>
        var time: Double
    }

    /// How long a plan that was left counts as known not to be better.
    private static let seconds = 600.0
    private var entries: [Entry] = []

    /// A plan was replaced, with these devices usable.
    mutating func left(_ plan: PlacementPlan, devices: Set<DeviceID>, at now: Double) {
        entries = Array(entries.filter { now - $0.time < Self.seconds }.suffix(7))
        entries.append(Entry(plan: plan, devices: devices, time: now))
    }

    /// Seconds since the same plan was left with the same devices; `nil` where nothing speaks against it.
    func sinceLeft(_ plan: PlacementPlan, devices: Set<DeviceID>, at now: Double) -> Double? {
        entries.last { entry in
            now - entry.time < Self.seconds && entry.devices == devices && PlanMatching.isSame(entry.plan, plan)
        }.map { now - $0.time }
    }
}
