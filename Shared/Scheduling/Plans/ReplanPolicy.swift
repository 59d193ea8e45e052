internal import Domain

/// When to ask for a plan: reasons must last for a moment, one question is open at a time, failures lengthen the pause.
struct ReplanPolicy: Sendable {
    private let debounce: Double
    private let answerLimit: Double
    private let firstBackoff: Double
    private let longestBackoff: Double
    private var wish: (reason: String, since: Double)?
    private var askedAt: Double?
    /// Devices that were usable when the open question was asked.
    private var askedFor: Set<DeviceID> = []
    private var backoff = 0.0
    private var notBefore = 0.0
    /// Why the last attempt failed, for people.
    private(set) var problem: String?
    /// Devices that were usable when the last plan was found; others that become usable are a reason to ask.
    private(set) var considered: Set<DeviceID> = []
    /// The last proposal that was weighed; the clusterer both replies with a plan and publishes it.
    private(set) var lastProposal: PlanID?

    init(_ configuration: SchedulingConfiguration) {
        debounce = configuration.debounceSeconds
        answerLimit = configuration.planSeconds
        firstBackoff = configuration.backoffSeconds
        longestBackoff = configuration.backoffLimitSeconds
    }

    /// Whether an answer is awaited.
    var isAsking: Bool { askedAt != nil }

    /// Called with the reason that holds now; returns it when the question should be asked.
    mutating func ask(_ reason: String?, usable: Set<DeviceID>, at now: Double) -> String? {
        if let asked = askedAt {
            guard now - asked > answerLimit else { return nil }
            fail("the clusterer has not answered for \(Int(answerLimit)) s", at: now)
        }
        guard let reason else {
            wish = nil
            return nil
        }
        if wish == nil { wish = (reason, now) }
        wish?.reason = reason
        guard let wish, now - wish.since >= debounce, now >= notBefore else { return nil }
        askedAt = now
        askedFor = usable
        return reason
    }

    /// An attempt to get a plan into force failed.
    mutating func fail(_ problem: String, at now: Double) {
        self.problem = problem
        askedAt = nil
        backoff = min(longestBackoff, max(firstBackoff, backoff * 2))
        notBefore = now + backoff
    }

    /// A proposal is weighed; returns whether it is new or was asked for.
    mutating func weigh(_ plan: PlacementPlan, usable: Set<DeviceID>) -> Bool {
        guard isAsking || plan.id != lastProposal else { return false }
        let placed = Set(plan.replicas.flatMap { $0.stages.map(\.device) } + plan.idleDevices)
        // What was excluded from the question must be a reason to ask again once it can be used.
        considered = placed.union(isAsking ? askedFor : []).intersection(usable)
        askedAt = nil
        lastProposal = plan.id
        return true
    }

    /// The proposal was answered, one way or the other: the wish is fulfilled.
    mutating func settle() {
        wish = nil
        problem = nil
    }

    /// A plan came into force.
    mutating func succeed() {
        settle()
        backoff = 0
        notBefore = 0
    }

    /// The fleet changed in a way that makes another attempt worthwhile at once.
    mutating func hurry(at now: Double) { notBefore = min(notBefore, now) }

    /// A restarted scheduler took over a plan that was made for these devices.
    mutating func adopt(_ devices: Set<DeviceID>) { considered = devices }
}
