import Domain
import Synchronization

/// Whether the next request would be served; HTTP asks it, and those who watch the cluster are told.
final class Admission: Sendable {
    private let requests: OpenRequests
    private let view: CurrentView
    private let mostRequests: Int
    private let draining = Mutex(false)

    /// Requests beyond `mostRequests` are refused.
    init(requests: OpenRequests, view: CurrentView, mostRequests: Int) {
        self.requests = requests
        self.view = view
        self.mostRequests = mostRequests
    }

    /// From now on new requests are refused; what runs goes on.
    func startDraining() { draining.withLock { $0 = true } }

    /// Why no request would be served now; `nil` where one would.
    func obstacle(at now: Double) -> String? {
        draining.withLock { $0 } ? "the server is shutting down" : view.value.obstacle(at: now)
    }

    /// Why the next request would not be served, because of those that there are as well; `nil` where it would.
    func nextObstacle(at now: Double) -> String? {
        if let obstacle = obstacle(at: now) { return obstacle }
        let count = requests.count
        return count < mostRequests ? nil : "\(count) requests are running or waiting"
    }
}
