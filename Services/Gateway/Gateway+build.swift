import Domain
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import Messaging

/// The gateway with everything that it consists of; what `main` runs and tests start.
struct GatewayServer: Sendable {
    /// Sockets and decisions.
    let service: GatewayService
    /// HTTP.
    let http: HTTPService
    /// Everything that it answers.
    let routes: RouteTable

    /// Puts the parts together.
    ///
    /// - Parameters:
    ///   - configuration: what it is told.
    ///   - model: the model that it answers for.
    ///   - context: the root of its sockets; one of its own where absent.
    static func build(
        _ configuration: GatewayConfiguration, model: ServedModel, context: MessagingContext? = nil, logger: Logger
    ) -> GatewayServer {
        let metrics = GatewayMetrics()
        let service = GatewayService(
            configuration: configuration, model: model.digest, promise: model.promise, metrics: metrics,
            gateway: told(configuration, model), context: context, logger: logger)
        let routes = routes(configuration, model: model, service: service, metrics: metrics)
        let hosts = HostNames(
            machine: ProcessInfo.processInfo.hostName, listening: configuration.host, further: configuration.hosts)
        let browsers = BrowserPolicy(
            hosts: hosts, origins: configuration.corsOrigins, needsKeys: !configuration.apiKeys.isEmpty)
        let responder = GatewayResponder(
            routes: routes, access: Access(keys: configuration.apiKeys), browsers: browsers, metrics: metrics)
        let http = HTTPService(
            configuration: configuration, responder: responder, gateway: service, metrics: metrics, logger: logger)
        return GatewayServer(service: service, http: http, routes: routes)
    }

    /// What watchers are told once.
    private static func told(_ configuration: GatewayConfiguration, _ model: ServedModel) -> JSONValue {
        [
            "version": .string(ProductVersion.number), "model": .string(model.names.id),
            "trained_context": .integer(model.trainedContext),
            "max_requests": .integer(configuration.limits.sequences),
        ]
    }

    private static func routes(
        _ configuration: GatewayConfiguration, model: ServedModel, service: GatewayService, metrics: GatewayMetrics
    ) -> RouteTable {
        let bodies = BodyReader(limit: configuration.maximumBodyBytes, timeout: configuration.bodyTimeout)
        let reader = RequestReader(model: model, limits: configuration.requestLimits)
        let generation = GenerationHandler(
            service: service, model: model, metrics: metrics, reader: reader, bodies: bodies,
            keepAlive: configuration.keepAlive, writeTimeout: configuration.writeTimeout)
        let status = StatusRoutes(
            service: service, model: model, metrics: metrics, created: Int(Date().timeIntervalSince1970))
        let texts = TokenizeRoutes(model: model, bodies: bodies, reader: reader)
        var routes = RouteTable()
        routes.on(.post, "/v1/chat/completions", "/chat/completions") { request, connection async throws(APIError) in
            try await generation.respond(request, connection, kind: .chat)
        }
        routes.on(.post, "/v1/completions", "/completions") { request, connection async throws(APIError) in
            try await generation.respond(request, connection, kind: .completion)
        }
        routes.on(.get, "/v1/models", "/models") { _, _ in await status.models() }
        routes.below(.get, "/v1/models/", "/models/") { request, _ async throws(APIError) in
            try await status.model(request.uri.path)
        }
        routes.on(.get, "/health", "/v1/health", "/ready", needsKey: false) { _, _ async throws(APIError) in
            try status.health()
        }
        routes.on(.get, "/live", needsKey: false) { _, _ in .json(["status": "ok"]) }
        routes.on(.get, "/metrics", needsKey: false) { _, _ in status.metricsText() }
        routes.on(.get, "/version", needsKey: false) { _, _ in status.versionObject() }
        routes.on(.get, "/v1/cluster") { _, _ in status.cluster() }
        let events = EventRoutes(service: service, writeTimeout: configuration.writeTimeout)
        routes.on(.get, "/v1/cluster/events") { request, connection async throws(APIError) in
            try events.events(request, connection)
        }
        let whatIf = WhatIfRoutes(service: service, bodies: bodies)
        routes.on(.post, "/v1/cluster/what-if") { request, connection async throws(APIError) in
            try await whatIf.answer(request, connection)
        }
        routes.below(.post, "/v1/cancel/") { request, _ async throws(APIError) in
            try events.cancel(request.uri.path)
        }
        PageRoutes.add(to: &routes)
        InterfaceRoutes(
            service: service, model: model, bodies: bodies, reader: reader, generation: generation
        ).add(to: &routes)
        routes.on(.post, "/tokenize", "/v1/tokenize") { request, connection async throws(APIError) in
            try await texts.tokenize(request, connection)
        }
        routes.on(.post, "/detokenize", "/v1/detokenize") { request, connection async throws(APIError) in
            try await texts.detokenize(request, connection)
        }
        DescriptionRoutes.add(to: &routes)
        return routes
    }
}
