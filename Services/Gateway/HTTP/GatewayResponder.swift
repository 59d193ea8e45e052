import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import ServiceRuntime

/// Answers every request: finds the handler, checks the key, gives errors their shape and every answer its headers.
struct GatewayResponder: HTTPResponder {
    let routes: RouteTable
    let access: Access
    let browsers: BrowserPolicy
    let metrics: GatewayMetrics
    private let start = ContinuousClock.now

    init(routes: RouteTable, access: Access, browsers: BrowserPolicy, metrics: GatewayMetrics) {
        (self.routes, self.access, self.browsers, self.metrics) = (routes, access, browsers, metrics)
    }

    func respond(to request: Request, context: ClientConnection) async throws -> Response {
        var permission = BrowserPolicy.Permission.plain
        var response: Response
        do throws(APIError) {
            permission = try browsers.judge(host: request.head.authority, origin: request.headers[.origin])
            response = try await answer(request, context, permission)
        } catch {
            response = refusal(error, request, context)
        }
        metrics.responded(status: response.status.code, path: request.uri.path)
        let id = Self.requestID(request)
        response.headers[.requestID] = id
        if routes.errorForm(of: request.uri.path) == .anthropic { response.headers[.anthropicRequestID] = id }
        if case .shared(let origin) = permission {
            response.headers[.accessControlAllowOrigin] = origin
            response.headers[.accessControlExposeHeaders] = "x-request-id, x-should-retry, retry-after"
        }
        // Answers to pages depend on where they come from; whoever keeps answers has to know.
        if !browsers.origins.isEmpty { response.headers[.vary] = "Origin" }
        response.headers[HTTPField.Name.xContentTypeOptions] = "nosniff"
        if request.method == .head { return response.createHeadResponse() }
        return response
    }

    private func answer(
        _ request: Request, _ connection: ClientConnection, _ permission: BrowserPolicy.Permission
    ) async throws(APIError) -> Response {
        if request.method == .options { return preflight(request, permission) }
        let route = try routes.find(path: request.uri.path, method: request.method)
        if route.needsKey { try admit(request.headers) }
        return try await route.handler(request, connection)
    }

    private func refusal(_ error: APIError, _ request: Request, _ connection: ClientConnection) -> Response {
        let form = routes.errorForm(of: request.uri.path)
        var response = Response.json(form.body(error), status: HTTPResponse.Status(code: error.status))
        if error == .clientClosed {
            // A client may close its side alone; this status is for logs and figures.
            connection.abort()
            return response
        }
        if !error.mayPass { response.headers[.shouldRetry] = "false" }
        if let seconds = error.retryAfter { response.headers[.retryAfter] = "\(seconds)" }
        if let allow = error.allow { response.headers[.allow] = allow }
        if error.status == 401 { response.headers[.wwwAuthenticate] = "Bearer" }
        if error.status == 415 { response.headers[.acceptEncoding] = "gzip" }
        if error.status == 413 || error.status == 408 || request.headers[.expect] != nil {
            // The rest of the body is not waited for; nobody knows whether a client that asked first sends it.
            response.headers[.connection] = "close"
            response.closesConnection(connection)
        }
        return response
    }

    private func admit(_ headers: HTTPFields) throws(APIError) {
        let now = start.duration(to: .now) / .seconds(1)
        switch access.judge(headers, at: now) {
        case .allowed(let name): if let name { metrics.used(key: name) }
        case .unauthorized:
            metrics.rejected("unauthorized")
            throw .unauthorized
        case .limited(let name, let seconds):
            metrics.rejected("rate_limit")
            throw .rateLimited(key: name, seconds: seconds)
        }
    }

    /// What browsers ask before a request; without credentials, because keys travel in a header.
    private func preflight(_ request: Request, _ permission: BrowserPolicy.Permission) -> Response {
        var headers = HTTPFields()
        headers[.allow] = routes.allow(path: request.uri.path) ?? "GET, POST, OPTIONS"
        guard case .shared = permission else { return Response(status: .noContent, headers: headers) }
        if request.headers[.accessControlRequestPrivateNetwork] == "true" {
            headers[.accessControlAllowPrivateNetwork] = "true"
        }
        headers[.accessControlAllowMethods] = "GET, POST, OPTIONS"
        headers[.accessControlAllowHeaders] =
            request.headers[.accessControlRequestHeaders] ?? "authorization, content-type"
        headers[.accessControlMaxAge] = "86400"
        return Response(status: .noContent, headers: headers)
    }

    /// The caller's id where it is harmless, else a new one.
    private static func requestID(_ request: Request) -> String {
        if let given = request.headers[.requestID], (1...128).contains(given.utf8.count),
            given.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        {
            return given
        }
        return Session.randomName(bytes: 12)
    }
}

extension Response {
    /// A JSON answer.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        bytes(value.serialized(), type: "application/json", status: status)
    }

    /// An answer of bytes.
    static func bytes(_ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = type
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// Closes the connection once this answer is sent.
    mutating func closesConnection(_ connection: ClientConnection) {
        let inner = body
        body = ResponseBody(contentLength: inner.contentLength) { writer in
            try await inner.write(writer)
            connection.closeAfterAnswer()
        }
    }
}
