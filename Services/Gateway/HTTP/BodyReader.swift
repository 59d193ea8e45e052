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
    func json(_ request: Request) async throws(APIError) -> JSONValue {
        if let type = request.headers[.contentType], !Self.isJSON(type) {
            throw APIError(
                status: 415, type: "invalid_request_error", message: "the content type must be application/json")
        }
        let bytes = try await read(request)
        guard !bytes.isEmpty else { throw APIError.invalid("the body is empty") }
        do {
            return try JSONParser.parse(bytes)
        } catch {
            throw APIError.invalid("the body is not acceptable JSON: \(error.message) at byte \(error.offset)")
        }
    }

    private static func isJSON(_ type: String) -> Bool {
        let essence = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        // curl -d without a header says form-urlencoded; other servers take it.
        return essence.hasSuffix("json") || essence == "application/x-www-form-urlencoded" || essence == "text/plain"
    }

    private func read(_ request: Request) async throws(APIError) -> [UInt8] {
        let tooLarge = APIError(
            status: 413, type: "invalid_request_error", message: "the body has more than \(limit) bytes")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
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
