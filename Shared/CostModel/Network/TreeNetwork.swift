internal import Domain

/// A network described as a tree: devices and switches as nodes, links with a bandwidth per direction, and shared media that
/// several links use together.
///
/// Between any two nodes there is exactly one path. A flow's rate alone is the least capacity on it, divided by how often
/// the flow crosses it; its latency is the sum of the links' latencies.
public struct TreeNetwork: Sendable, Hashable {
    /// One link of the description.
    public struct Link: Sendable, Hashable {
        /// Its name, unique.
        public var id: String
        /// One end: a device or a switch.
        public var a: String
        /// The other end.
        public var b: String
        /// Bytes per second in each direction.
        public var bytesPerSecond: Double
        /// One-way latency in seconds.
        public var latencySeconds: Double
        /// The shared medium that it uses in addition, if any.
        public var medium: String?

        /// Makes a link.
        public init(
            id: String, a: String, b: String, bytesPerSecond: Double, latencySeconds: Double, medium: String? = nil
        ) {
            self.id = id
            self.a = a
            self.b = b
            self.bytesPerSecond = bytesPerSecond
            self.latencySeconds = latencySeconds
            self.medium = medium
        }
    }

    private struct Step: Sendable, Hashable {
        var parent: String
        var link: Link
        var depth: Int
    }

    private let steps: [String: Step]
    private let root: String
    private let media: [String: Double]

    /// Makes a network of nodes, links and media (name and bytes per second).
    ///
    /// - Throws: `invalidFigure`, naming the link or node: an unknown end or medium, a figure out of range, a name used
    ///   twice, a cycle, a node that cannot be reached.
    public init(nodes: [String], links: [Link], media: [String: Double]) throws(CostError) {
        let known = Set(nodes)
        guard let root = nodes.first else { throw CostError(.invalidFigure, "network.nodes: there are none") }
        if known.count != nodes.count {
            let twice = Dictionary(grouping: nodes, by: { $0 }).filter { $0.value.count > 1 }.keys.min() ?? ""
            throw CostError(.invalidFigure, "network.nodes: \(twice) is listed twice")
        }
        for (name, rate) in media.sorted(by: { $0.key < $1.key }) where !(rate > 0 && rate.isFinite) {
            throw CostError(.invalidFigure, "network.shared_media \(name): bw_Bps is \(rate), it must be positive")
        }
        var names: Set<String> = []
        var ends: [String: [(to: String, link: Link)]] = [:]
        for link in links {
            if let problem = Self.problem(link, known, media) {
                throw CostError(.invalidFigure, "network.links \(link.id): \(problem)")
            }
            guard names.insert(link.id).inserted else {
                throw CostError(.invalidFigure, "network.links: \(link.id) is listed twice")
            }
            ends[link.a, default: []].append((link.b, link))
            ends[link.b, default: []].append((link.a, link))
        }
        var steps: [String: Step] = [:]
        var open = [(node: root, depth: 0)]
        while let (node, depth) = open.popLast() {
            for (to, link) in ends[node] ?? [] where steps[node]?.link.id != link.id {
                guard to != root, steps[to] == nil else {
                    throw CostError(
                        .invalidFigure, "network.links \(link.id): closes a cycle at \(to); the network must be a tree")
                }
                steps[to] = Step(parent: node, link: link, depth: depth + 1)
                open.append((to, depth + 1))
            }
        }
        if let lost = nodes.first(where: { $0 != root && steps[$0] == nil }) {
            throw CostError(
                .invalidFigure, "network.nodes: \(lost) is not connected with \(root); the network must be a tree")
        }
        self.steps = steps
        self.root = root
        self.media = media
    }

    private static func problem(_ link: Link, _ nodes: Set<String>, _ media: [String: Double]) -> String? {
        for (field, end) in [("a", link.a), ("b", link.b)] where !nodes.contains(end) {
            return "\(field) names \(end), which is not a node"
        }
        if link.a == link.b { return "both ends are \(link.a)" }
        if !(link.bytesPerSecond > 0 && link.bytesPerSecond.isFinite) {
            return "bw_Bps is \(link.bytesPerSecond), it must be positive"
        }
        if !(link.latencySeconds >= 0 && link.latencySeconds.isFinite) {
            return "lat_s is \(link.latencySeconds), it must not be negative"
        }
        if let medium = link.medium, media[medium] == nil {
            return "shared_medium names \(medium), which is not described"
        }
        return nil
    }

    /// Whether a node is part of the network.
    public func contains(_ node: String) -> Bool { node == root || steps[node] != nil }

    func link(from: DeviceID, to: DeviceID) -> LinkCost? {
        guard let path = path(from.rawValue, to.rawValue) else { return nil }
        let rate = uses(path).map { $0.resource.bytesPerSecond / Double($0.crossings) }.min() ?? .infinity
        return LinkCost(
            latencySeconds: path.reduce(0) { $0 + $1.link.latencySeconds }, bytesPerSecond: rate)
    }

    func uses(from: DeviceID, to: DeviceID) -> [ResourceUse] {
        path(from.rawValue, to.rawValue).map(uses) ?? []
    }

    private func uses(_ path: [(link: Link, forward: Bool)]) -> [ResourceUse] {
        var uses: [ResourceUse] = []
        for (link, forward) in path {
            uses.append(
                ResourceUse(
                    resource: NetworkResource(
                        id: .direction(link: link.id, forward: forward), bytesPerSecond: link.bytesPerSecond)))
            guard let medium = link.medium, let rate = media[medium] else { continue }
            let resource = NetworkResource(id: .medium(medium), bytesPerSecond: rate)
            if let index = uses.firstIndex(where: { $0.resource == resource }) {
                uses[index].crossings += 1
            } else {
                uses.append(ResourceUse(resource: resource))
            }
        }
        return uses
    }

    /// The links from one node to another, in order, with their direction.
    private func path(_ from: String, _ to: String) -> [(link: Link, forward: Bool)]? {
        guard contains(from), contains(to) else { return nil }
        var up: [(link: Link, forward: Bool)] = []
        var down: [(link: Link, forward: Bool)] = []
        var (left, right) = (from, to)
        while left != right {
            let (leftDepth, rightDepth) = (steps[left]?.depth ?? 0, steps[right]?.depth ?? 0)
            if leftDepth >= rightDepth, let step = steps[left] {
                up.append((step.link, step.link.a == left))
                left = step.parent
            } else if let step = steps[right] {
                down.append((step.link, step.link.b == right))
                right = step.parent
            }
        }
        return up + down.reversed()
    }
}
