import Domain
import Testing

@testable import Planning

@Suite("Names of groups") struct GroupNamesTests {
    @Test func namesCountByRole() {
        func group(_ role: ReplicaRole) -> GroupOption {
            GroupOption(role: role, order: [0], layers: [1])
        }
        let roles: [ReplicaRole] = [.prefill, .decode, .prefill, .mixed]
        #expect(GroupNames(roles.map(group)).names == ["prefill-1", "decode-1", "prefill-2", "mixed-1"])
        let many = GroupNames(Array(repeating: group(.mixed), count: 12)).names
        #expect(many.first == "mixed-01" && many.last == "mixed-12" && many.sorted() == many)
    }
}
