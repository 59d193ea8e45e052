import Domain

/// The course of one sequence, for people who watch. It holds no tokens and no text.
struct RequestCourse: Sendable, Hashable {
    /// Where it is.
    enum State: Sendable, Hashable {
        /// Handed to the scheduler, not routed yet.
        case waiting
        /// Routed.
        case running
        /// Lost; is submitted again soon.
        case lost
        /// It has ended.
        case ended(FinishReason, at: Double)
    }

    /// The sequence.
    var id: RequestID
    /// Where it is.
    var state: State
    /// Its moments, in seconds of the gateway's clock.
    var times: SequenceTimes
    /// Why it failed.
    var problem: String?
}

/// The last sequences that have ended.
struct EndedCourses: Sendable {
    /// Oldest first.
    private(set) var courses: [RequestCourse] = []
    private let most: Int

    /// Keeps so many.
    init(most: Int = 64) { self.most = max(1, most) }

    /// Keeps one more.
    mutating func append(_ course: RequestCourse) {
        courses.append(course)
        if courses.count > most { courses.removeFirst(courses.count - most) }
    }
}
