import Domain
import Testing

@testable import Gateway

/// Differences of objects, and the window of the last ones.
struct MergePatchTests {
    /// Applies a patch as RFC 7396 says.
    private func apply(_ patch: JSONValue, to target: JSONValue) -> JSONValue {
        guard let changes = patch.members else { return patch }
        var members = target.members ?? []
        for change in changes {
            let place = members.firstIndex { $0.key == change.key }
            if change.value.isNull {
                if let place { members.remove(at: place) }
            } else if let place {
                members[place].value = apply(change.value, to: members[place].value)
            } else {
                members.append(JSONValue.Member(key: change.key, value: apply(change.value, to: .object([]))))
            }
        }
        return .object(members)
    }

    /// The value with all keys in order.
    private func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(
                members.map { JSONValue.Member(key: $0.key, value: sorted($0.value)) }.sorted { $0.key < $1.key })
        case .array(let elements): .array(elements.map(sorted))
        default: value
        }
    }

    private func random(_ depth: Int, _ numbers: inout SeededRandom) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 6 : 3), using: &numbers) {
        case 0: return .integer(Int.random(in: 0..<4, using: &numbers))
        case 1: return .string(["a", "b", "null", ""].randomElement(using: &numbers) ?? "")
        case 2: return .array((0..<Int.random(in: 0..<3, using: &numbers)).map { .integer($0) })
        default:
            var members: [JSONValue.Member] = []
            for key in ["a", "b", "c", "__proto__", "1"].shuffled(using: &numbers)
            where Bool.random(using: &numbers) {
                members.append(JSONValue.Member(key: key, value: random(depth - 1, &numbers)))
            }
            return .object(members)
        }
    }

    @Test func aPatchTurnsAnyObjectIntoAnyOther() throws {
        var numbers = SeededRandom(state: 7)
        var changed = 0
        for _ in 0..<3000 {
            let (old, new) = (object(&numbers), object(&numbers))
            guard let patch = MergePatch.from(old, to: new) else {
                #expect(sorted(old) == sorted(new))
                continue
            }
            changed += 1
            #expect(sorted(apply(patch, to: old)) == sorted(new), "\(old.written) to \(new.written): \(patch.written)")
        }
        #expect(changed > 1000)
    }

    private func object(_ numbers: inout SeededRandom) -> JSONValue {
        .object(["x", "y", "z"].map { JSONValue.Member(key: $0, value: random(3, &numbers)) })
    }

    @Test func onlyWhatChangedIsSaid() {
        let old: JSONValue = ["kept": ["a": 1, "b": 2], "gone": 1, "list": [1, 2], "same": "x"]
        let new: JSONValue = ["same": "x", "kept": ["b": 3, "a": 1], "list": [1], "new": ["c": 1]]
        #expect(
            MergePatch.from(old, to: new)?.written == #"{"kept":{"b":3},"list":[1],"new":{"c":1},"gone":null}"#)
        #expect(MergePatch.from(["a": 1, "b": 2], to: ["b": 2, "a": 1]) == nil, "order does not matter")
    }

    @Test func aWindowKnowsWhatAClientMissed() {
        var window = EventWindow(session: "s", mostChanges: 3, mostBytes: 100)
        #expect(window.changes(after: 0)?.isEmpty == true && window.changes(after: 1) == nil)
        for number in 1...5 { window.append([UInt8(number)]) }
        #expect(window.last == 5)
        #expect(window.changes(after: 5)?.isEmpty == true)
        #expect(window.changes(after: 2)?.map(\.change) == [[3], [4], [5]])
        #expect(window.changes(after: 3)?.map(\.id.description) == ["s-4", "s-5"])
        #expect(window.changes(after: 1) == nil, "the second change is not kept any more")
        #expect(window.changes(after: 6) == nil && window.changes(after: .max) == nil)
        window.append(Array(repeating: 0, count: 99))
        #expect(window.changes(after: 4)?.map(\.change.count) == [1, 99], "by bytes as well")
        window.append(Array(repeating: 0, count: 101))
        #expect(window.changes(after: 6) == nil && window.changes(after: 7)?.isEmpty == true)
    }

    @Test(arguments: [
        "", "s", "s-", "-", "s-x", "s-1x", "s-99999999999999999999", String(repeating: "a", count: 200) + "-1",
    ])
    func whatIsNoIdIsNone(text: String) { #expect(EventID(text).map(\.number) == nil) }

    @Test func idsAreRead() {
        #expect(EventID("0af3-17") == EventID(session: "0af3", number: 17))
        #expect(EventID("a-b-3") == EventID(session: "a-b", number: 3))
        #expect(EventID(session: "x", number: 9).description == "x-9")
    }
}
