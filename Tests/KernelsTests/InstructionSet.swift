import Kernels
import KernelsEmulated

/// The tables of operations that this machine can run, the emulated ones too.
struct InstructionSet: Sendable, CustomStringConvertible {
    let description: String
    private let find: @Sendable () -> UnsafePointer<e2_isa_ops>?

    var table: UnsafePointer<e2_isa_ops>? { find() }

    /// Looks the table up; fails the test where it is missing.
    var operations: e2_isa_ops { get throws { try pointer.pointee } }

    var pointer: UnsafePointer<e2_isa_ops> {
        get throws {
            guard let found = table else { throw MissingInstructionSet(name: description) }
            return found
        }
    }

    static let scalar = InstructionSet(description: "scalar") { e2_isa("scalar") }

    static var all: [InstructionSet] { [scalar] + others }

    /// All but the scalar reference.
    static let others: [InstructionSet] = [
        InstructionSet(description: "avx2") { e2_isa("avx2") },
        InstructionSet(description: "avxvnni") { e2_isa("avxvnni") },
        InstructionSet(description: "avx512vnni") { e2_isa("avx512vnni") },
        InstructionSet(description: "avxvnni emulated") { e2_emulated_avxvnni() },
        InstructionSet(description: "avx512vnni emulated") { e2_emulated_avx512vnni() },
    ].filter { $0.table != nil }
}

struct MissingInstructionSet: Error {
    let name: String
}
