/// Devices that are priced together in the relaxation of a large fleet, because they are much alike.
///
/// Prices per class keep the relaxation small; within a class a device's price is its `scale` times that of the class. Any
/// prices prove a bound, those of classes a slightly weaker one.
struct DeviceClasses {
    /// Most classes; smaller fleets have a class for every device.
    static let most = 64

    /// The class of each device.
    let ofDevice: [Int]
    /// What a device is worth beside the mean of its class.
    let scale: [Double]
    /// Sum of the scales of each class: what it has to give.
    let size: [Double]

    /// Divides a fleet; `contributions` is what every device is worth at most.
    init(_ instance: PlanningInstance, contributions: [Double]) {
        let devices = Array(0..<instance.count)
        let parts = devices.count <= Self.most ? devices.map { [$0] } : Self.divided(instance, devices)
        var ofDevice = [Int](repeating: 0, count: devices.count)
        var scale = [Double](repeating: 1, count: devices.count)
        for (index, part) in parts.enumerated() {
            let mean = part.reduce(0) { $0 + contributions[$1] } / Double(part.count)
            for device in part {
                ofDevice[device] = index
                if mean > 0, mean.isFinite { scale[device] = max(0.05, contributions[device] / mean) }
            }
        }
        self.ofDevice = ofDevice
        self.scale = scale
        size = parts.map { part in part.reduce(0) { $0 + scale[$1] } }
    }

    /// Halves the part with the largest spread of a figure until there are enough parts.
    private static func divided(_ instance: PlanningInstance, _ devices: [Int]) -> [[Int]] {
        // Ratios count, so figures are compared as exponents of two.
        let figures: [(Int) -> Double] = [
            { exponent(Double(instance.devices[$0].memoryBytes)) },
            { exponent(instance.devices[$0].decode[1]) },
            { exponent(instance.devices[$0].decode[instance.largestBatch]) },
            { exponent(instance.devices[$0].prefill) },
        ]
        func widest(_ part: [Int]) -> (spread: Double, figure: Int) {
            var widest = (spread: 0.0, figure: 0)
            for (index, figure) in figures.enumerated() {
                let values = part.map(figure)
                let spread = (values.max() ?? 0) - (values.min() ?? 0)
                if spread > widest.spread { widest = (spread, index) }
            }
            return widest
        }
        var parts = [(devices: devices, widest: widest(devices))]
        while parts.count < most {
            guard let index = parts.indices.max(by: { parts[$0].widest.spread < parts[$1].widest.spread }),
                parts[index].widest.spread > 0
            else { break }
            let (part, cut) = parts[index]
            let figure = figures[cut.figure]
            let values = part.map(figure)
            let middle = ((values.max() ?? 0) + (values.min() ?? 0)) / 2
            let halves = [part.filter { figure($0) <= middle }, part.filter { figure($0) > middle }]
            parts[index] = (halves[0], widest(halves[0]))
            parts.append((halves[1], widest(halves[1])))
        }
        return parts.map(\.devices)
    }

    /// About the logarithm to the base of two.
    private static func exponent(_ value: Double) -> Double {
        guard value.isFinite, value > 0 else { return 0 }
        return Double(value.exponent) + value.significand - 1
    }
}
