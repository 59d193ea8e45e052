internal import CostModel
internal import Domain

/// The types of an instance's devices, numbered from the one that prefills fastest.
struct DeviceTypes {
    /// The devices of each type, in order of their ids.
    let members: [[Int]]
    /// The type of each device.
    let ofDevice: [Int]

    /// Takes names of types; a device without one is a type of its own.
    init(_ instance: PlanningInstance, names: [DeviceID: String]) {
        var named: [String: [Int]] = [:]
        var all: [[Int]] = []
        for (index, device) in instance.cost.devices.enumerated() {
            if let name = names[device.id], !name.isEmpty {
                named[name, default: []].append(index)
            } else {
                all.append([index])
            }
        }
        // Splitwise orders machine types by their data sheets; here by the mean of what their devices sustain.
        func speed(_ devices: [Int]) -> Double {
            devices.reduce(0) { $0 + 1 / instance.devices[$1].prefill } / Double(devices.count)
        }
        let sorted = (all + named.values).map { (speed: speed($0), devices: $0) }
            .sorted { ($1.speed, $0.devices[0]) < ($0.speed, $1.devices[0]) }
        members = sorted.map(\.devices)
        var ofDevice = [Int](repeating: 0, count: instance.count)
        for (type, devices) in members.enumerated() {
            for device in devices { ofDevice[device] = type }
        }
        self.ofDevice = ofDevice
    }
}
