/// Puts the lines of a stream of server-sent events together.
struct EventStreamParser: Sendable {
    /// One event.
    struct Event: Sendable, Hashable {
        var name: String
        var data: String
    }

    private var name = ""
    private var data: [String] = []

    /// Takes a line without its end; an empty one completes an event.
    mutating func take(_ line: String) -> Event? {
        if line.isEmpty {
            defer { (name, data) = ("", []) }
            return data.isEmpty ? nil : Event(name: name, data: data.joined(separator: "\n"))
        }
        guard let colon = line.firstIndex(of: ":") else { return nil }
        var value = line[line.index(after: colon)...]
        if value.first == " " { value = value.dropFirst() }
        switch line[..<colon] {
        case "event": name = String(value)
        case "data": data.append(String(value))
        default: break
        }
        return nil
    }
}

/// What is known of a cluster from its events.
struct ClusterPictureReader: Sendable {
    /// Everything, as `/v1/cluster/events` tells it; `nil` before the first event.
    private(set) var picture: PictureValue?

    /// Takes an event; `true` where the picture has changed.
    ///
    /// - Throws: a `Failure` where its data are no JSON.
    mutating func take(_ event: EventStreamParser.Event) throws -> Bool {
        guard event.name == "snapshot" || event.name == "delta" else { return false }
        let value: PictureValue
        do {
            value = try PictureValue(json: event.data)
        } catch {
            throw Failure(.failed, "the gateway sent an event that is no JSON")
        }
        if event.name == "snapshot" {
            picture = value
        } else {
            // Changes of a picture that nobody has are of no use.
            guard let before = picture else { return false }
            picture = before.merged(value)
        }
        return true
    }
}
