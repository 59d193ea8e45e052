extension Fleet {
    /// The kinds of hardware: devices of one fingerprint are of one type, which has the name of its first device.
    public var deviceTypes: [DeviceID: String] {
        var first: [String: String] = [:]
        var types: [DeviceID: String] = [:]
        for device in devices {
            let type = first[device.fingerprint] ?? device.id.rawValue
            first[device.fingerprint] = type
            types[device.id] = type
        }
        return types
    }
}
