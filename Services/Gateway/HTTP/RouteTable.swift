import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Paths and their handlers.
struct RouteTable: Sendable {
    /// Answers one request.
    typealias Handler = @Sendable (Request, ClientConnection) async throws(APIError) -> Response

    /// What a path does for one method.
    struct Route: Sendable {
        let handler: Handler
        let needsKey: Bool
        /// How errors are written.
        var errors = ErrorForm.openAI
    }

    private var routes: [String: [HTTPRequest.Method: Route]] = [:]
    private var prefixes: [String: [HTTPRequest.Method: Route]] = [:]

    /// Adds a handler under several paths.
    mutating func on(
        _ method: HTTPRequest.Method, _ paths: String..., needsKey: Bool = true, errors: ErrorForm = .openAI,
        handler: @escaping Handler
    ) {
        for path in paths {
            routes[path, default: [:]][method] = Route(handler: handler, needsKey: needsKey, errors: errors)
        }
    }

    /// Adds a handler for everything below several paths, which end with a slash.
    mutating func below(_ method: HTTPRequest.Method, _ paths: String..., handler: @escaping Handler) {
        for path in paths { prefixes[path, default: [:]][method] = Route(handler: handler, needsKey: true) }
    }

    /// The handler of a path.
    ///
    /// - Throws: 404 for unknown paths, 405 with the known methods otherwise.
    func find(path: String, method: HTTPRequest.Method) throws(APIError) -> Route {
        guard let methods = methods(of: path) else {
            throw APIError.notFound("there is nothing at \(path.prefix(128))")
        }
        // HEAD is answered like GET, without the body.
        if let route = methods[method] ?? (method == .head ? methods[.get] : nil) { return route }
        throw APIError(
            status: 405, type: "invalid_request_error", message: "\(method.rawValue) is not possible here",
            allow: Self.list(methods))
    }

    /// The methods that are possible at a path; `nil` where nothing is.
    func allow(path: String) -> String? { methods(of: path).map(Self.list) }

    private static func list(_ methods: [HTTPRequest.Method: Route]) -> String {
        (methods.keys.map(\.rawValue) + ["OPTIONS"]).sorted().joined(separator: ", ")
    }

    /// How the errors of a path are written, whatever the method.
    func errorForm(of path: String) -> ErrorForm {
        methods(of: path)?.values.first?.errors ?? ErrorForm(path: path)
    }

    /// All paths with their methods; those that go on end with a slash.
    var all: [String: Set<String>] {
        routes.merging(prefixes) { $1 }.mapValues { Set($0.keys.map(\.rawValue)) }
    }

    private func methods(of path: String) -> [HTTPRequest.Method: Route]? {
        var path = path
        if path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return routes[path] ?? prefixes.first { path.hasPrefix($0.key) && path.count > $0.key.count }?.value
    }
}
