import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Reads whole bodies, bounded in size and time.
struct BodyReader: Sendable {
    /// Most bytes.
    let limit: Int
    /// Time for the whole body.
    let timeout: Duration

    /// The JSON of the body.
    func json(_ request: Request, _ connection: ClientConnection) async throws(APIError) -> JSONValue {
        // Pages of other sites can send every type but JSON without being asked for permission.
        guard Self.isJSON(request.headers) else {
            throw APIError(
                status: 415, type: "invalid_request_error", message: "the content type must be application/json")
        }
        let isPacked = try Self.isPacked(request.headers[.contentEncoding])
        var bytes = try await read(request, connection)
        if isPacked, !bytes.isEmpty { bytes = try unpacked(bytes) }
        guard !bytes.isEmpty else { throw APIError.invalid("the body is empty") }
        do {
            return try JSONParser.parse(bytes)
        } catch {
            throw APIError.invalid("the body is not acceptable JSON: \(error.message) at byte \(error.offset)")
        }
    }

    private static func isJSON(_ headers: HTTPFields) -> Bool {
        guard let type = headers[.contentType] else {
            // Some libraries name no type for Ollama. Pages can do so as well, but browsers tell who asks.
            return headers[.origin] == nil && headers[.secFetchSite] == nil
        }
        let essence = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return essence == "application/json" || essence.hasPrefix("application/") && essence.hasSuffix("+json")
    }

    /// Whether a body is packed with gzip.
    private static func isPacked(_ encoding: String?) throws(APIError) -> Bool {
        switch encoding?.lowercased().filter({ $0 != " " }) {
        case nil, "", "identity": return false
        case "gzip", "x-gzip": return true
        case .some(let other):
            throw APIError(
                status: 415, type: "invalid_request_error",
                message: "the content encoding \(other.prefix(64)) is not supported, but gzip is",
                code: "unsupported_content_encoding")
        }
    }

    private var tooLarge: APIError {
        APIError(status: 413, type: "invalid_request_error", message: "the body has more than \(limit) bytes")
    }

    private func unpacked(_ bytes: [UInt8]) throws(APIError) -> [UInt8] {
        do {
            return try Inflate.gunzip(bytes, limit: limit)
        } catch .tooLarge {
            throw tooLarge
        } catch {
            throw APIError.invalid("the body is not sound gzip")
        }
    }

    private func read(_ request: Request, _ connection: ClientConnection) async throws(APIError) -> [UInt8] {
        let tooLarge = tooLarge
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
        if request.headers[.expect] != nil { connection.wantBody() }
        let limit = limit
        let timeout = timeout
        let result: Result<[UInt8], APIError> = await withTaskGroup(of: Result<[UInt8], APIError>?.self) { group in
            group.addTask {
                var bytes: [UInt8] = []
                do {
                    for try await buffer in request.body {
                        guard bytes.count + buffer.readableBytes <= limit else { return .failure(tooLarge) }
                        bytes.append(contentsOf: buffer.readableBytesView)
                    }
                } catch {
                    return Task.isCancelled ? nil : .failure(APIError.invalid("the body could not be read"))
                }
                return Task.isCancelled ? nil : .success(bytes)
            }
            group.addTask {
                do { try await Task.sleep(for: timeout) } catch { return nil }
                return .failure(
                    APIError(status: 408, type: "invalid_request_error", message: "the body did not come in time"))
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? .failure(APIError.invalid("the body could not be read"))
        }
        return try result.get()
    }
}
