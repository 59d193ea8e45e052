/// Differences of JSON objects in the form of RFC 7396: the members that changed, `null` for those that went. Arrays and
/// plain values are replaced as a whole, so whatever should change piece by piece is an object with keys.
enum MergePatch {
    /// What turns `old` into `new`; `nil` where they are equal. Neither may contain `null`, which means "gone" in a patch.
    static func from(_ old: JSONValue, to new: JSONValue) -> JSONValue? {
        if old == new { return nil }
        guard let before = old.members, let after = new.members else { return new }
        var left: [String: JSONValue] = [:]
        for member in before { left[member.key] = member.value }
        var changes: [JSONValue.Member] = []
        for member in after {
            guard let value = left.removeValue(forKey: member.key) else {
                changes.append(member)
                continue
            }
            if let change = from(value, to: member.value) {
                changes.append(JSONValue.Member(key: member.key, value: change))
            }
        }
        for key in left.keys.sorted() { changes.append(JSONValue.Member(key: key, value: .null)) }
        // The same members in another order are the same object.
        return changes.isEmpty ? nil : .object(changes)
    }
}
