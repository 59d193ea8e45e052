import Domain
import Foundation
import Inference
import TestSupport
import Testing

/// The same bits on every instruction set. The set is chosen once per process, so each runs in a process of its own.
@Suite struct ArithmeticTests {
    /// FNV-1a over the logits of a prompt and one decode step, for each storage format.
    static func fingerprint() throws -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for format in TinyModelFormat.allCases {
            let tiny = try TinyStages(TinyModel(format: format, ropeFactors: format == .q8_0))
            let pipeline = Pipeline(stages: [try tiny.executor()])
            try pipeline.open("s")
            let logits =
                try pipeline.feed(tiny.prompt(67), to: "s") + (try pipeline.feed([5], to: "s", from: 67))
            for value in logits {
                hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01B3
            }
        }
        return String(hash, radix: 16)
    }

    @Test func scalarEqualsTheBest() async throws {
        let expected = try Self.fingerprint()
        await #expect(processExitsWith: .success) { [expected = expected as String] in
            setenv("E2LLM_ISA", "scalar", 1)
            try InstructionSet.choose()
            #expect(InstructionSet.name == "scalar")
            let found = try ArithmeticTests.fingerprint()
            #expect(found == expected)
        }
    }

    @Test(.enabled(if: InstructionSet.processorFeatures.contains("avx2"), "this processor has no AVX2"))
    func avx2EqualsTheBest() async throws {
        let expected = try Self.fingerprint()
        await #expect(processExitsWith: .success) { [expected = expected as String] in
            setenv("E2LLM_ISA", "avx2", 1)
            try InstructionSet.choose()
            #expect(InstructionSet.name == "avx2")
            let found = try ArithmeticTests.fingerprint()
            #expect(found == expected)
        }
    }

    @Test func unknownInstructionSetsAreRefused() async {
        await #expect(processExitsWith: .success) {
            setenv("E2LLM_ISA", "vax", 1)
            #expect(throws: InferenceError.self) { try InstructionSet.choose() }
        }
    }
}
