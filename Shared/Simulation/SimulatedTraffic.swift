public import Domain
public import Scenarios

/// Requests with their arrival times in seconds.
public struct SimulatedTraffic: Sendable, Hashable {
    /// One request.
    public struct Request: Sendable, Hashable {
        /// Its name.
        public var id: RequestID
        /// Seconds from the start.
        public var arrival: Double
        /// Tokens of its prompt.
        public var promptTokens: Int
        /// Tokens that it will generate, the one that prefill produces included.
        public var outputTokens: Int

        /// Makes a request.
        public init(id: RequestID, arrival: Double, promptTokens: Int, outputTokens: Int) {
            self.id = id
            self.arrival = arrival
            self.promptTokens = promptTokens
            self.outputTokens = outputTokens
        }
    }

    /// Its name.
    public var name: String
    /// Requests per second that were asked for.
    public var rate: Double
    /// The requests in order of arrival.
    public var requests: [Request]

    /// Makes traffic.
    public init(name: String, rate: Double, requests: [Request]) {
        self.name = name
        self.rate = rate
        self.requests = requests
    }

    /// A stream at a rate: its times divided by the rate.
    ///
    /// - Throws: `invalidTraffic` for a rate that is not positive, for a stream without requests.
    public init(_ stream: RequestStream, rate: Double) throws(SimulationError) {
        guard rate > 0, rate.isFinite else {
            throw SimulationError(.invalidTraffic, "the rate is \(rate) requests/s, it must be positive")
        }
        guard !stream.requests.isEmpty else {
            throw SimulationError(.invalidTraffic, "the stream \(stream.name) has no requests")
        }
        self.init(
            name: stream.name, rate: rate,
            requests: stream.requests.map {
                Request(
                    id: $0.id, arrival: $0.arrival / rate, promptTokens: $0.promptTokens,
                    outputTokens: max(1, $0.outputTokens))
            })
    }

    /// The same requests in the same order at equal intervals. Whether queues are bounded in the long run depends on the rate
    /// alone; bursts would hide it in a stream of some thousand requests.
    public var evenlySpaced: SimulatedTraffic {
        var traffic = self
        for number in traffic.requests.indices { traffic.requests[number].arrival = Double(number) / rate }
        return traffic
    }

    /// Checks that the requests can be.
    ///
    /// - Throws: `invalidTraffic`, naming the request.
    func check() throws(SimulationError) {
        var ids: Set<RequestID> = []
        var last = 0.0
        for request in requests {
            guard request.promptTokens > 0, request.outputTokens > 0 else {
                throw SimulationError(.invalidTraffic, "request \(request.id): its tokens must be positive")
            }
            guard request.arrival >= last, request.arrival.isFinite else {
                throw SimulationError(.invalidTraffic, "request \(request.id) arrives before the one ahead of it")
            }
            guard ids.insert(request.id).inserted else {
                throw SimulationError(.invalidTraffic, "request \(request.id) is there twice")
            }
            last = request.arrival
        }
    }
}
