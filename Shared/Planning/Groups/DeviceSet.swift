/// A set of devices as bits; up to `PlanningInstance.mostDevices`.
struct DeviceSet: Sendable, Hashable {
    private var words: SIMD16<UInt64> = .zero

    init() {}

    init(_ devices: some Sequence<Int>) {
        for device in devices { insert(device) }
    }

    mutating func insert(_ device: Int) { words[device >> 6] |= 1 << UInt64(device & 63) }

    func contains(_ device: Int) -> Bool { words[device >> 6] & 1 << UInt64(device & 63) != 0 }

    func hash(into hasher: inout Hasher) {
        for index in 0..<16 where words[index] != 0 {
            hasher.combine(index)
            hasher.combine(words[index])
        }
    }

    static func == (left: DeviceSet, right: DeviceSet) -> Bool { left.words == right.words }
}
