internal import Kernels

/// Turns a status of the kernels into an error.
enum KernelFailure {
    static func check(_ status: e2_status, _ subject: @autoclosure () -> String) throws {
        guard status != E2_OK else { return }
        throw InferenceError(.kernel, unsafe "\(subject()): \(String(cString: e2_status_text(status)))")
    }
}
