internal import Domain

/// Amounts of memory as text.
enum Memory {
    /// `12 MB`, rounded up, with one decimal below 10 MB.
    static func text(_ bytes: Int) -> String {
        let megabytes = Double(bytes) / 1e6
        guard megabytes < 10 else { return "\(Int(megabytes.rounded(.up))) MB" }
        return "\((megabytes * 10).rounded(.up) / 10) MB"
    }
}

/// Whether devices can hold a model together, each a whole number of layers and at least one.
struct MemoryFit {
    /// Layers of the model.
    let layers: Int
    /// Bytes that each layer takes, its KV cache included.
    let bytesPerLayer: Int
    let bytesEmbedding: Int
    let bytesHead: Int
    /// Bytes that every device offers.
    let memoryBytes: [Int]

    init(_ model: ModelDescription, kvTokens: Int, memoryBytes: [Int]) {
        layers = model.layers
        bytesPerLayer = model.bytesPerLayer + model.kvBytesPerTokenPerLayer * kvTokens
        bytesEmbedding = model.bytesEmbedding
        bytesHead = model.bytesHead
        self.memoryBytes = memoryBytes
    }

    /// Most layers that a device can hold as first and / or last stage.
    func capacity(_ device: Int, first: Bool, last: Bool) -> Int {
        let room = self.room(device, first: first, last: last)
        return room < 0 ? 0 : min(layers, room / bytesPerLayer)
    }

    /// Least bytes that the devices would need in addition; 0 where they hold the model. Over the given order, or over
    /// choices of first and last device (all of them for up to twelve devices, otherwise the six with most memory).
    func missingBytes(ordered: Bool) -> Int {
        let members = Array(memoryBytes.indices)
        guard let start = members.first, let end = members.last else { return 0 }
        if ordered || members.count == 1 { return missingBytes(first: start, last: end) }
        let largest = members.sorted { (memoryBytes[$0], $1) > (memoryBytes[$1], $0) }
        let ends = members.count <= 12 ? members : Array(largest.prefix(6))
        var least = Int.max
        for first in ends {
            for last in ends where last != first && least > 0 {
                least = min(least, missingBytes(first: first, last: last))
            }
        }
        return least
    }

    private func room(_ device: Int, first: Bool, last: Bool) -> Int {
        memoryBytes[device] - (first ? bytesEmbedding : 0) - (last ? bytesHead : 0)
    }

    private func missingBytes(first: Int, last: Int) -> Int {
        var missing = 0
        var placed = 0
        var spare: [Int] = []
        for device in memoryBytes.indices {
            let room = room(device, first: device == first, last: device == last)
            if room < bytesPerLayer {
                missing += bytesPerLayer - room
                placed += 1
                spare.append(0)
            } else {
                placed += min(layers, room / bytesPerLayer)
                spare.append(room % bytesPerLayer)
            }
        }
        // Each further layer goes where the most room is left over; beyond one per device each costs a whole layer.
        spare.sort(by: >)
        for index in 0..<max(0, layers - placed) {
            missing += bytesPerLayer - (index < spare.count ? spare[index] : 0)
        }
        return missing
    }
}
