public import Domain

/// One request of a stream.
public struct StreamRequest: Sendable, Hashable {
    /// Its name in the stream.
    public var id: RequestID
    /// When it arrives, in mean times between arrivals; at r requests per second, `arrival / r` seconds.
    public var arrival: Double
    /// Tokens of the prompt.
    public var promptTokens: Int
    /// Tokens to generate; the first is the one that prefill produces.
    public var outputTokens: Int

    /// Tokens of prompt and output together.
    public var totalTokens: Int { promptTokens + outputTokens }

    /// Makes a request.
    public init(id: RequestID, arrival: Double, promptTokens: Int, outputTokens: Int) {
        self.id = id
        self.arrival = arrival
        self.promptTokens = promptTokens
        self.outputTokens = outputTokens
    }
}

/// Requests with their arrival times in units of the mean time between arrivals, so that any rate is reached by scaling time.
public struct RequestStream: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Its requests in order of arrival.
    public var requests: [StreamRequest]
    /// Requests that the source had and this stream has not: rows without tokens, and those above a limit.
    public var droppedRequests: Int

    /// Makes a stream.
    public init(name: String, requests: [StreamRequest], droppedRequests: Int = 0) {
        self.name = name
        self.requests = requests
        self.droppedRequests = droppedRequests
    }

    /// The stream with every length times `factor` (0.25 for models below 1B parameters), rounded, at least 1 token.
    public func scaled(lengthsBy factor: Double) -> RequestStream {
        func scaled(_ tokens: Int) -> Int {
            let tokens = (Double(tokens) * factor).rounded()
            // Also where the factor is not a number.
            return tokens >= 1 ? Int(min(tokens, Double(WorkloadFile.tokenLimit))) : 1
        }
        var stream = self
        for index in stream.requests.indices {
            stream.requests[index].promptTokens = scaled(requests[index].promptTokens)
            stream.requests[index].outputTokens = scaled(requests[index].outputTokens)
        }
        return stream
    }

    /// The stream without requests of more than `limit` tokens of prompt and output together, at a mean rate of 1 again.
    public func limited(totalTokens limit: Int) -> RequestStream {
        let kept = requests.filter { $0.totalTokens <= limit }
        let dropped = droppedRequests + requests.count - kept.count
        return RequestStream(name: name, requests: kept, droppedRequests: dropped).atUnitRate()
    }

    /// The first `count` requests at their own times, so that they are comparable one by one with a run of the whole stream;
    /// their mean rate may differ from 1.
    public func prefix(_ count: Int) -> RequestStream {
        RequestStream(
            name: name, requests: Array(requests.prefix(max(0, count))), droppedRequests: droppedRequests)
    }

    /// The stream from time 0 with a mean time between arrivals of exactly 1. Unchanged in its rate where all requests arrive
    /// at once.
    public func atUnitRate() -> RequestStream {
        guard let first = requests.first?.arrival, let last = requests.last?.arrival else { return self }
        let span = last - first
        let factor = span > 0 ? Double(requests.count - 1) / span : 1
        var stream = self
        for index in stream.requests.indices {
            stream.requests[index].arrival = (requests[index].arrival - first) * factor
        }
        return stream
    }
}
