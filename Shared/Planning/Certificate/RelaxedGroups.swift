internal import Domain

/// All groups of several devices in one role at one size of micro-batch, relaxed as `GroupPricing` says.
struct RelaxedGroups {
    /// Where in the group a device stands; first and last have embedding and LM head besides their layers.
    private enum Place: Int, CaseIterable {
        case inner = 0
        case first = 1
        case last = 2
    }

    private let layers: Int
    private let count: Int
    private let hasSum: Bool
    /// Seconds per layer that bound a device's layers at rate 1.
    private var occupied: [Double] = []
    /// Seconds of the LM head that do so, too.
    private var headOccupied: [Double] = []
    /// Most layers by memory, `device * 3 + place`.
    private var capacity: [Int] = []
    /// A device's part in the sum of stages: fixed, per layer, per squared layer, and the LM head.
    private var fixed: [Double] = []
    private var linear: [Double] = []
    private var squared: [Double] = []
    private var head: [Double] = []
    /// The rate that the device's hops allow.
    private var hopRate: [Double] = []

    init(_ pricing: GroupPricing, role: ReplicaRole, batch: Int) {
        let instance = pricing.instance
        layers = instance.layers
        count = instance.count
        hasSum = role != .prefill
        let output = max(1, instance.demand.outputTokens)
        let tokens = role == .prefill ? instance.prefillTokens : instance.decodeTokens[max(1, batch)]
        // As many micro-batches as the fleet could hold at once, the last of them perhaps smaller.
        let concurrency = Double(batch > 0 ? min(instance.largestBatch, batch * count) : 1)
        for (index, figures) in instance.devices.enumerated() {
            for place in Place.allCases {
                capacity.append(
                    min(
                        layers - 1,
                        instance.capacity(index, tokens: tokens, first: place == .first, last: place == .last)))
            }
            let hop = pricing.leastLatency[index] + pricing.leastTokenHop[index] * Double(batch)
            fixed.append(hop * output / concurrency / 2)
            hopRate.append(role == .decode ? .infinity : 1 / pricing.leastHop[index])
            guard role != .prefill else {
                occupied.append(max(figures.prefill, figures.kvOut))
                // The port carries no head; the larger of both bounds is taken with the smaller head.
                headOccupied.append(figures.kvOut > figures.prefill ? 0 : figures.prefillHead)
                linear.append(0)
                squared.append(0)
                head.append(0)
                continue
            }
            let step = output * figures.decode[batch] / Double(batch)
            let headStep = output * figures.head[batch] / Double(batch)
            linear.append(output * figures.decode[batch] / concurrency)
            head.append(output * figures.head[batch] / concurrency)
            if role == .decode {
                occupied.append(max(step, figures.kvIn))
                headOccupied.append(figures.kvIn > step ? 0 : headStep)
                squared.append(0)
            } else {
                occupied.append(figures.prefill + step)
                headOccupied.append(figures.prefillHead + headStep)
                // The slowest stage of a prompt is at least the mean of the stages, weighted by their layers.
                squared.append(figures.prefill / Double(layers))
            }
        }
    }

    /// More than any group of this kind reaches; `nil` where none holds the model.
    var mostRate: Double? {
        var room = 0
        var speed = 0.0
        for device in 0..<count where occupied[device].isFinite && occupied[device] > 0 {
            room += capacity[3 * device]
            speed += 1 / occupied[device]
        }
        return room >= layers && speed > 0 ? speed / Double(layers) : nil
    }

    /// Devices that cover the model at a rate for the least cost, with the sum of stages priced by a multiplier.
    struct Solution {
        /// No devices that reach the rate cost less.
        var cost: Double
        var devices: [Int]
        /// What their stages take together at least, seconds per request.
        var used: Double
        var multiplier: Double
    }

    /// The least cost at one multiplier: a lower bound whatever the multiplier.
    func cover(_ rate: Double, _ prices: [Double], multiplier: Double) -> Solution {
        cover(counts(rate), prices, multiplier: hasSum ? multiplier : 0, budget: 1 / rate)
    }

    /// The largest lower bound over the multipliers, from one that is known; it need not be better than `enough`.
    func leastCost(_ rate: Double, _ prices: [Double], start: Solution, enough: Double) -> Solution {
        let budget = 1 / rate
        guard hasSum, start.cost.isFinite, start.used != budget else { return start }
        if start.used <= budget, start.multiplier == 0 { return start }
        let counts = counts(rate)
        var best = start
        // The lower bound is concave in the multiplier and grows as long as the devices use more than the budget.
        var low = start.used > budget ? start.multiplier : 0
        var high = start.used > budget ? max(2 * start.multiplier, start.cost / budget) : start.multiplier
        var isBracketed = start.used <= budget
        for _ in 0..<10 where best.cost < enough {
            let multiplier = isBracketed ? (low + high) / 2 : high
            let solution = cover(counts, prices, multiplier: multiplier, budget: budget)
            if solution.cost > best.cost { best = solution }
            if solution.used > budget {
                low = multiplier
                if !isBracketed { high = 4 * multiplier }
            } else {
                high = multiplier
                isBracketed = true
            }
            if isBracketed, high - low < 0.05 * high { break }
        }
        return best
    }

    /// Most layers that each device can take in each place at a rate.
    private func counts(_ rate: Double) -> [Int] {
        var counts = [Int](repeating: 0, count: 3 * count)
        for device in 0..<count where rate <= hopRate[device] {
            for place in Place.allCases {
                let room = 1 / rate - (place == .last ? headOccupied[device] : 0)
                let ratio = room / occupied[device]
                if ratio >= 1 - 1e-9 {
                    counts[3 * device + place.rawValue] = min(
                        capacity[3 * device + place.rawValue], Int(min(1e6, ratio * (1 + 1e-9))))
                }
            }
        }
        return counts
    }

    /// The covering knapsack at one multiplier, over (layers covered, first device chosen, last device chosen).
    ///
    /// A device's cost grows linearly with its layers, so the best number of layers for every end is the minimum over a
    /// sliding window: one pass over the layers for each device and place.
    private func cover(
        _ counts: [Int], _ prices: [Double], multiplier: Double, budget: Double
    ) -> Solution {
        let width = layers + 1
        var least = [Double](repeating: .infinity, count: 4 * width)
        least[0] = 0
        // Layers * 4 + the state before; 0 where the device is not used.
        var choices = [UInt32](repeating: 0, count: 4 * width * count)
        var queue = [Int](repeating: 0, count: width)
        var keys = [Double](repeating: 0, count: width)
        var next = least
        least.withUnsafeMutableBufferPointer { least in
            choices.withUnsafeMutableBufferPointer { choices in
                queue.withUnsafeMutableBufferPointer { queue in
                    keys.withUnsafeMutableBufferPointer { keys in
                        next.withUnsafeMutableBufferPointer { next in
                            for device in 0..<count where counts[3 * device] > 0 || counts[3 * device + 1] > 0 {
                                _ = next.update(fromContentsOf: least)
                                let row = device * 4 * width
                                for place in Place.allCases where counts[3 * device + place.rawValue] > 0 {
                                    let most = counts[3 * device + place.rawValue]
                                    let (start, slope) = line(device, place, most: most, multiplier)
                                    let fixed = prices[device] + start
                                    for state in 0..<4 where state & place.rawValue == 0 || place == .inner {
                                        let target = state | place.rawValue
                                        slide(
                                            from: UnsafeMutableBufferPointer(
                                                rebasing: least[state * width..<(state + 1) * width]),
                                            to: UnsafeMutableBufferPointer(
                                                rebasing: next[target * width..<(target + 1) * width]),
                                            choices: UnsafeMutableBufferPointer(
                                                rebasing: choices[row + target * width..<row + (target + 1) * width]),
                                            queue: queue, keys: keys, most: most, fixed: fixed, slope: slope,
                                            state: state)
                                    }
                                }
                                _ = least.update(fromContentsOf: next)
                            }
                        }
                    }
                }
            }
        }
        let cost = least[4 * width - 1]
        guard cost.isFinite else { return Solution(cost: .infinity, devices: [], used: 0, multiplier: multiplier) }
        var devices: [Int] = []
        var used = 0.0
        var (end, state) = (layers, 3)
        for device in (0..<count).reversed() {
            let choice = Int(choices[device * 4 * width + state * width + end])
            guard choice > 0 else { continue }
            devices.append(device)
            let before = choice & 3
            used += part(device, layers: choice >> 2, isLast: before != state && state & ~before & 2 != 0)
            (end, state) = (end - choice >> 2, before)
        }
        // Never nothing: a cost of nothing would bound nothing.
        return Solution(
            cost: max(cost - multiplier * budget, 1e-300), devices: devices, used: used, multiplier: multiplier)
    }

    /// `to[end] = min(to[end], from[end - n] + fixed + slope * n)` over n in 1...most, for every end.
    @inline(__always)
    private func slide(
        from: UnsafeMutableBufferPointer<Double>, to: UnsafeMutableBufferPointer<Double>,
        choices: UnsafeMutableBufferPointer<UInt32>, queue: UnsafeMutableBufferPointer<Int>,
        keys: UnsafeMutableBufferPointer<Double>, most: Int, fixed: Double, slope: Double, state: Int
    ) {
        // Starts in order of growing keys; a key is the cost without the part that all starts share at one end.
        var (front, back) = (0, 0)
        var offset = 0.0
        for end in 1...layers {
            let start = end - 1
            if from[start] < .infinity {
                let key = from[start] - offset
                while back > front, keys[back - 1] >= key { back -= 1 }
                (queue[back], keys[back]) = (start, key)
                back += 1
            }
            offset += slope
            while front < back, queue[front] < end - most { front += 1 }
            guard front < back else { continue }
            let value = keys[front] + fixed + offset
            if value < to[end] {
                to[end] = value
                choices[end] = UInt32((end - queue[front]) << 2 | state)
            }
        }
    }

    /// A line below the price of a device's part in the sum of stages: the square is replaced by its tangent.
    @inline(__always)
    private func line(
        _ device: Int, _ place: Place, most: Int, _ multiplier: Double
    ) -> (start: Double, slope: Double) {
        guard multiplier > 0 else { return (0, 0) }
        let touch = 0.75 * Double(most)
        let start = fixed[device] + (place == .last ? head[device] : 0) - squared[device] * touch * touch
        return (multiplier * start, multiplier * (linear[device] + 2 * touch * squared[device]))
    }

    private func part(_ device: Int, layers: Int, isLast: Bool) -> Double {
        let touch = 0.75 * Double(layers)
        return fixed[device] + (isLast ? head[device] : 0) + Double(layers) * linear[device]
            + squared[device] * touch * Double(layers)
    }
}
