internal import Kernels

/// The instruction set that the kernels use: the best of this processor, or the one that `E2LLM_ISA` names.
public enum InstructionSet {
    /// Chooses the instruction set; to be called at start, so that a wrong `E2LLM_ISA` is reported.
    ///
    /// - Throws: `InferenceError` where `E2LLM_ISA` names one that is unknown or that this processor lacks.
    public static func choose() throws {
        try KernelFailure.check(e2_initialize(), "E2LLM_ISA")
    }

    /// Its name: `scalar`, `avx2`, `avx512vnni`...
    public static var name: String { unsafe String(cString: e2_isa_name()) }

    /// The features of this processor that matter to the kernels, for instance `avx2`, `f16c`.
    public static var processorFeatures: [String] {
        unsafe String(cString: e2_cpu_features()).split(separator: " ").map(String.init)
    }
}
