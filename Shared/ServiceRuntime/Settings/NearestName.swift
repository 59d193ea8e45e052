/// Finds what somebody who misspelt a name meant.
public enum NearestName {
    /// The known name that differs least, where it differs in no more than a third; of equal ones the first by
    /// alphabet.
    public static func find(_ name: String, among known: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased())
        var best: (distance: Int, name: String)?
        for candidate in known {
            let letters = Array(candidate.lowercased())
            guard abs(letters.count - wanted.count) * 3 <= max(letters.count, wanted.count) else { continue }
            let distance = distance(wanted, letters)
            guard distance * 3 <= max(letters.count, wanted.count) else { continue }
            if let best, (best.distance, best.name) <= (distance, candidate) { continue }
            best = (distance, candidate)
        }
        return best?.name
    }

    /// The end of a message about an unknown name: ` (did you mean gateway?)`; empty where nothing is near.
    public static func question(_ name: String, among known: some Sequence<String>) -> String {
        find(name, among: known).map { " (did you mean \($0)?)" } ?? ""
    }

    /// Letters to insert, remove, replace or swap with their neighbour (Damerau and Levenshtein, in its restricted
    /// form).
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var before: [Int] = []
        var previous = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(
                    previous[column] + (letter == other ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    cost = min(cost, before[column - 1] + 1)
                }
                current.append(cost)
            }
            (before, previous) = (previous, current)
        }
        return previous[right.count]
    }
}
