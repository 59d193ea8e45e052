internal import Crypto

/// A GGUF file (version 2 or 3), mapped and checked.
///
/// Opening reads the header, the metadata and the tensor table; weights stay in the file. A file without tensors, such
/// as one that holds only a vocabulary, opens. Everything is immutable, so that threads can share it.
public final class GGUFFile: Sendable {
    /// Version of the format.
    public let version: Int
    /// The metadata.
    public let metadata: GGUFMetadata
    /// The tensors in the order of the file.
    public let tensors: [GGUFTensor]
    /// Size of the file.
    public let fileBytes: Int
    /// Identifies the model: SHA-256, in hexadecimal, of everything before the weights and of the file's size.
    public let digest: String

    private let map: FileMap
    private let byName: [String: Int]

    /// Opens a file.
    ///
    /// - Throws: `InferenceError` where the file cannot be read or is damaged; the message names the key or tensor.
    public init(path: String) throws {
        map = try FileMap(path: path)
        fileBytes = map.count
        var cursor = GGUFCursor(map)
        version = try Self.readVersion(&cursor)
        let tensorCount = try cursor.readCount(unit: GGUFTensorTable.minEntryBytes, "the number of tensors")
        let keyCount = try cursor.readCount(unit: GGUFMetadataReader.minEntryBytes, "the number of keys")
        metadata = try GGUFMetadataReader.read(&cursor, count: keyCount)
        try Self.refuseSplit(metadata)
        let tensors = try GGUFTensorTable.read(&cursor, count: tensorCount, alignment: try Self.alignment(metadata))
        self.tensors = tensors
        byName = Dictionary(tensors.indices.map { (tensors[$0].name, $0) }, uniquingKeysWith: { first, _ in first })
        digest = Self.digest(map, headerBytes: cursor.offset)
    }

    /// Names of all tensors in the order of the file.
    public var tensorNames: [String] { tensors.map(\.name) }

    /// The tensor of a name, `nil` where the file has none.
    public func tensor(_ name: String) -> GGUFTensor? { byName[name].map { tensors[$0] } }

    /// The bytes of a tensor of this file, unaligned; valid as long as this object lives.
    public func bytes(of tensor: GGUFTensor) -> UnsafeRawBufferPointer {
        unsafe map.bytes(tensor.offset..<tensor.offset + tensor.byteCount)
    }

    /// Gives the pages of a tensor, or of a part of its bytes, back to the system; reading them again loads them from the
    /// file.
    public func releasePages(of tensor: GGUFTensor, bytes: Range<Int>? = nil) {
        let part = (bytes ?? 0..<tensor.byteCount).clamped(to: 0..<tensor.byteCount)
        map.releasePages(tensor.offset + part.lowerBound..<tensor.offset + part.upperBound)
    }

    private static func readVersion(_ cursor: inout GGUFCursor) throws -> Int {
        let magic = try cursor.read(UInt32.self, "the magic number")
        guard magic == 0x4655_4747 else { throw InferenceError(.invalidFile, "this is not a GGUF file") }
        let version = try cursor.read(UInt32.self, "the version")
        switch version {
        case 2, 3: return Int(version)
        case 1...0xFFFF:
            throw InferenceError(.unsupported, "GGUF version \(version) is not supported (2 and 3 are)")
        case _ where version & 0xFFFF == 0 && version != 0:
            throw InferenceError(.unsupported, "big-endian GGUF files are not supported")
        default:
            throw InferenceError(.invalidFile, "GGUF version \(version) does not exist")
        }
    }

    private static func alignment(_ metadata: GGUFMetadata) throws -> Int {
        let key = "general.alignment"
        guard let value = metadata[key] else { return 32 }
        guard case .unsigned(let alignment, .uint32) = value else {
            throw InferenceError(.invalidFile, "\(key): expected uint32, found \(value.typeName)")
        }
        guard alignment > 0, alignment & (alignment - 1) == 0 else {
            throw InferenceError(.invalidFile, "\(key): \(alignment) is not a power of two")
        }
        return Int(alignment)
    }

    private static func refuseSplit(_ metadata: GGUFMetadata) throws {
        let key = "split.count"
        guard let parts = try metadata.optionalUInt(key), parts > 1 else { return }
        throw InferenceError(
            .unsupported, "\(key): the model is split into \(parts) files, which is not supported; merge them first")
    }

    private static func digest(_ map: FileMap, headerBytes: Int) -> String {
        var hash = SHA256()
        unsafe hash.update(bufferPointer: map.bytes(0..<headerBytes))
        unsafe withUnsafeBytes(of: UInt64(map.count).littleEndian) { unsafe hash.update(bufferPointer: $0) }
        return hash.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
