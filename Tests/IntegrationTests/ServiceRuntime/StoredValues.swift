/// The stored properties of a value by their paths, as text: configurations are compared by them, whether they are
/// Equatable or not.
enum StoredValues {
    static func of(_ value: Any) -> [String: String] {
        var values: [String: String] = [:]
        collect(value, "", &values)
        return values
    }

    /// The paths at which two values differ, with both texts; nothing is compared below the paths that are left out.
    static func differences(_ left: Any, _ right: Any, leavingOut omitted: Set<String> = []) -> [String] {
        let (left, right) = (of(left), of(right))
        return Set(left.keys).union(right.keys).sorted().compactMap { path in
            guard !omitted.contains(where: { path == $0 || path.hasPrefix($0 + ".") }) else { return nil }
            return left[path] == right[path]
                ? nil : "\(path): \(left[path] ?? "nothing"), \(right[path] ?? "nothing")"
        }
    }

    private static func collect(_ value: Any, _ path: String, _ values: inout [String: String]) {
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .set {
            values[path] = mirror.children.map { String(reflecting: $0.value) }.sorted().joined(separator: ", ")
            return
        }
        guard mirror.displayStyle == .struct, !mirror.children.isEmpty else {
            values[path] = String(reflecting: value)
            return
        }
        for (label, child) in mirror.children {
            let name = label ?? "?"
            collect(child, path.isEmpty ? name : "\(path).\(name)", &values)
        }
    }
}
