import Kernels

/// Memory aligned to 64 bytes, as the kernels want it.
final class AlignedMemory {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        bytes = .allocate(byteCount: max(byteCount, 64), alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0xFF)
    }

    deinit { bytes.deallocate() }

    var base: UnsafeMutablePointer<UInt8>? {
        bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    }
}

/// A random matrix of a GGUF type, packed, with its values as f32.
final class TestMatrix {
    let type: e2_type
    let rows: Int
    let cols: Int
    /// The bytes as a file holds them.
    let source: [UInt8]
    private let packed: AlignedMemory

    /// With `fill`, every weight of a quantised type has this byte and every scale is 1.
    init(
        type: e2_type, rows: Int, cols: Int, using random: inout RandomNumbers, scale: Float = 0.05, fill: UInt8? = nil
    ) {
        self.type = type
        self.rows = rows
        self.cols = cols
        if let fill {
            let one: [UInt8] = [0x00, 0x3C]
            let values = [UInt8](repeating: fill, count: Int(e2_type_block_bytes(type)) - 2)
            let block = type == E2_TYPE_Q6_K ? values + one : one + values
            source = (0..<rows * cols / Int(e2_type_block_values(type))).flatMap { _ in block }
        } else {
            source = Self.randomSource(type, count: rows * cols, scale: scale, using: &random)
        }
        packed = AlignedMemory(byteCount: e2_packed_bytes(type, Int64(rows), Int64(cols)))
        // Backwards and tile by tile: the order must not matter.
        for tile in (0..<e2_tile_count(Int64(rows))).reversed() {
            let status = source.withUnsafeBytes {
                e2_pack_rows(type, $0.baseAddress, Int64(rows), Int64(cols), packed.base, tile, tile + 1)
            }
            precondition(status == E2_OK)
        }
    }

    var matrix: e2_matrix {
        e2_matrix(form: e2_packed_form(type), rows: Int32(rows), cols: Int32(cols), tiles: packed.base)
    }

    /// The values, row after row.
    func values() -> [Float] {
        let rowBytes = e2_type_row_bytes(type, Int64(cols))
        var out = [Float](repeating: 0, count: rows * cols)
        source.withUnsafeBytes { source in
            out.withUnsafeMutableBufferPointer { out in
                for row in 0..<rows {
                    _ = e2_dequantize_row(
                        type, source.baseAddress?.advanced(by: row * rowBytes), Int64(cols),
                        out.baseAddress?.advanced(by: row * cols))
                }
            }
        }
        return out
    }

    private static func randomSource(
        _ type: e2_type, count: Int, scale: Float, using random: inout RandomNumbers
    ) -> [UInt8] {
        func half(_ x: Float) -> [UInt8] { withUnsafeBytes(of: Float16(x).bitPattern) { Array($0) } }
        var source: [UInt8] = []
        for _ in 0..<count / Int(e2_type_block_values(type)) {
            let x = Float.random(in: -scale...scale, using: &random)
            func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
            switch type {
            case E2_TYPE_F32: source += withUnsafeBytes(of: x.bitPattern) { Array($0) }
            case E2_TYPE_F16: source += half(x)
            case E2_TYPE_Q4_0: source += half(x / 8) + noise(16)
            case E2_TYPE_BF16: source += withUnsafeBytes(of: x.bitPattern >> 16) { Array($0.prefix(2)) }
            case E2_TYPE_Q4_1: source += half(x / 8) + half(-abs(x)) + noise(16)
            case E2_TYPE_Q5_0: source += half(x / 16) + noise(20)
            case E2_TYPE_Q5_1: source += half(x / 16) + half(-abs(x)) + noise(20)
            case E2_TYPE_Q4_K: source += half(abs(x) / 256) + half(abs(x) / 32) + noise(140)
            case E2_TYPE_Q5_K: source += half(abs(x) / 512) + half(abs(x) / 32) + noise(172)
            case E2_TYPE_Q6_K: source += noise(208) + half(x / 2048)
            default: source += half(x / 127) + noise(32)
            }
        }
        return source
    }
}

let allTypes: [e2_type] = [
    E2_TYPE_F32, E2_TYPE_F16, E2_TYPE_BF16, E2_TYPE_Q4_0, E2_TYPE_Q4_1, E2_TYPE_Q5_0, E2_TYPE_Q5_1, E2_TYPE_Q8_0,
    E2_TYPE_Q4_K, E2_TYPE_Q5_K, E2_TYPE_Q6_K,
]

/// The types whose rows may have any multiple of 32 values.
let types32 = allTypes.filter { e2_type_block_values($0) <= 32 }

/// The number of inputs that a matrix of the type has at least.
func smallestColumns(_ type: e2_type) -> Int { max(32, Int(e2_type_block_values(type))) }
