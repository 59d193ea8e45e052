/// How fast the counters of stages grow: over some seconds, since workers report about once a second.
struct TopRates: Sendable {
    /// A stage of a replica.
    struct Place: Hashable, Sendable {
        var replica: String
        var stage: Int
    }

    /// Tokens a second.
    struct Rate: Hashable, Sendable {
        var prefill: Double
        var decode: Double
    }

    private struct Sample: Sendable {
        var second: Double
        var prefill: Double
        var decode: Double
    }

    private var samples: [Place: [Sample]] = [:]
    private let window: Double

    /// Makes an empty one.
    ///
    /// - Parameter window: seconds that rates are taken over.
    init(window: Double = 5) { self.window = window }

    /// Takes the counters of all stages of a picture.
    mutating func take(_ picture: PictureValue) {
        guard let now = picture["status"]?["now_s"]?.number else { return }
        var next: [Place: [Sample]] = [:]
        for (replica, load) in picture["loads"]?.members ?? [:] {
            for (number, stage) in load["stages"]?.members ?? [:] {
                guard let index = Int(number), let counters = stage["status"]?["counters"],
                    let prefill = counters["prefill_tokens"]?.number, let decode = counters["decode_rows"]?.number
                else { continue }
                let place = Place(replica: replica, stage: index)
                var list = samples[place] ?? []
                // A counter that fell belongs to another process, a clock that did to another gateway.
                if let last = list.last, last.prefill > prefill || last.decode > decode || last.second > now {
                    list = []
                }
                list.append(Sample(second: now, prefill: prefill, decode: decode))
                // One sample from before the window stays, so that rates are over all of it.
                while list.count > 2, list[1].second <= now - window { list.removeFirst() }
                next[place] = list
            }
        }
        samples = next
    }

    /// The rate of a stage; `nil` before there are two samples.
    func rate(_ place: Place) -> Rate? {
        guard let list = samples[place], let first = list.first, let last = list.last, last.second > first.second
        else { return nil }
        let time = last.second - first.second
        return Rate(prefill: (last.prefill - first.prefill) / time, decode: (last.decode - first.decode) / time)
    }
}
