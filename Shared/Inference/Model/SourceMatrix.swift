internal import Kernels

/// A matrix in the model file, of a type that the kernels can read, with the shape that was asked for.
@safe struct SourceMatrix {
    let name: String
    let type: e2_type
    /// Outputs.
    let rows: Int
    /// Inputs.
    let columns: Int
    /// The bytes in the mapped file.
    let bytes: UnsafeRawBufferPointer

    /// Bytes once packed, checked when the matrix was found.
    let packedBytes: Int
}
