/// Reads the tensor table of a file and checks it the way llama.cpp does: tensors follow each other in the order of the
/// table, padded to the alignment, so that none overlaps another or leaves the file.
struct GGUFTensorTable {
    private struct Entry {
        let name: String
        let shape: [Int]
        let type: GGUFTensorType
        let offset: UInt64
        let byteCount: Int
    }

    private static let maxNameBytes = 63
    private static let maxDimensions = 4
    /// Name, one dimension, type and offset of the shortest entry.
    static let minEntryBytes = 8 + 1 + 4 + 8 + 4 + 8

    /// Reads `count` entries; `cursor` stands behind the table afterwards.
    static func read(_ cursor: inout GGUFCursor, count: Int, alignment: Int) throws -> [GGUFTensor] {
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var names = Set<String>(minimumCapacity: count)
        for index in 0..<count {
            let entry = try readEntry(&cursor, index: index)
            guard names.insert(entry.name).inserted else {
                throw InferenceError(.invalidFile, "tensor \(entry.name) is in the table twice")
            }
            entries.append(entry)
        }
        guard !entries.isEmpty else { return [] }
        return try place(entries, dataStart: aligned(cursor.offset, alignment), alignment, fileBytes: cursor.map.count)
    }

    private static func readEntry(_ cursor: inout GGUFCursor, index: Int) throws -> Entry {
        let name = try cursor.readName(maxBytes: maxNameBytes, "the name of tensor \(index)")
        let dimensions = try cursor.read(UInt32.self, "tensor \(name)")
        guard (1...maxDimensions).contains(Int(dimensions)) else {
            throw InferenceError(.invalidFile, "tensor \(name) has \(dimensions) dimensions (1 to 4 are possible)")
        }
        var shape: [Int] = []
        for _ in 0..<dimensions {
            let extent = try cursor.read(UInt64.self, "tensor \(name)")
            guard extent > 0, let extent = Int(exactly: extent) else {
                throw InferenceError(.invalidFile, "tensor \(name) has a dimension of \(extent)")
            }
            shape.append(extent)
        }
        let number = try cursor.read(UInt32.self, "tensor \(name)")
        guard let type = GGUFTensorType(rawValue: number) else {
            throw InferenceError(.unsupported, "tensor \(name) has the unknown type \(number)")
        }
        let offset = try cursor.read(UInt64.self, "tensor \(name)")
        return Entry(
            name: name, shape: shape, type: type, offset: offset, byteCount: try size(name, shape, type))
    }

    private static func size(_ name: String, _ shape: [Int], _ type: GGUFTensorType) throws -> Int {
        guard shape[0] % type.blockValues == 0 else {
            throw InferenceError(
                .invalidFile,
                "tensor \(name): rows of \(shape[0]) values are not whole \(type) blocks of \(type.blockValues)")
        }
        var bytes = shape[0] / type.blockValues
        for factor in shape.dropFirst() + [type.blockBytes] {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: factor)
            guard !overflow else {
                throw InferenceError(.invalidFile, "tensor \(name): the shape \(shape) is too large")
            }
            bytes = product
        }
        return bytes
    }

    private static func place(
        _ entries: [Entry], dataStart: Int, _ alignment: Int, fileBytes: Int
    ) throws -> [GGUFTensor] {
        var expected = 0
        return try entries.map { entry in
            guard entry.offset == UInt64(expected) else {
                throw InferenceError(
                    .invalidFile,
                    "tensor \(entry.name) lies at offset \(entry.offset), expected \(expected) (alignment \(alignment))"
                )
            }
            guard dataStart <= fileBytes, entry.byteCount <= fileBytes - dataStart,
                expected <= fileBytes - dataStart - entry.byteCount
            else {
                throw InferenceError(
                    .invalidFile,
                    "tensor \(entry.name) (\(entry.byteCount) bytes) goes beyond the end of the file of \(fileBytes) bytes"
                )
            }
            let tensor = GGUFTensor(
                name: entry.name, shape: entry.shape, type: entry.type, offset: dataStart + expected,
                byteCount: entry.byteCount)
            expected = aligned(expected + entry.byteCount, alignment)
            return tensor
        }
    }

    /// The first multiple of `alignment` (at most 2^31) at or after an offset inside the file.
    private static func aligned(_ offset: Int, _ alignment: Int) -> Int {
        (offset + alignment - 1) / alignment * alignment
    }
}
