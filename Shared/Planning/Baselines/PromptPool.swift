/// Splitwise-literal's pools: whole types, the fastest in prefill first, are the prompt pool until it holds its share of
/// the groups.
struct PromptPool {
    let classes: GroupClasses
    /// Prefill groups of each class.
    let counts: [Int]

    init(_ groups: [BaselineGroup], types: DeviceTypes, share: Double) {
        classes = GroupClasses(groups)
        let sizes = classes.members.map(\.count)
        let needed = share * Double(groups.count)
        var counts = sizes.map { _ in 0 }
        if sizes.count == 1 {
            counts[0] = max(1, min(groups.count - 1, Int(needed.rounded(.up))))
        } else {
            var pool = 0
            // The slowest type is never asked: one side would be left without a group.
            for type in sizes.indices.dropLast() where Double(pool) < needed {
                counts[type] = sizes[type]
                pool += sizes[type]
            }
        }
        self.counts = counts
    }
}
