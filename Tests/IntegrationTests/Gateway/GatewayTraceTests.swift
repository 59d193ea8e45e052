import Domain
import Messaging
import Protocol
import ServiceRuntime
import Testing

@testable import Gateway

/// What the gateway remembers of a request.
@Suite(.serialized) struct GatewayTraceTests {
    @Test func theIdOfAnAnswerNamesItsSequences() async throws {
        try await GatewayFixture.run { fixture in
            let (_, value) = try await fixture.json(
                "/v1/chat/completions", #"{"messages":[{"role":"user","content":"a secret"}],"n":2}"#)
            let id = try #require(value["id"]?.text)
            let name = String(id.dropFirst("chatcmpl-".count))
            #expect(fixture.fleet.seen.map(\.id).sorted() == [RequestID("\(name)-0"), RequestID("\(name)-1")])

            let context = try MessagingContext()
            let client = try await ClientSocket.connect(
                to: try #require(fixture.gateway.service.tokensEndpoint), on: try context.makeThread(name: "ask"),
                session: Session())
            func trace(_ question: TraceQuestion) async throws -> ServiceTrace {
                try await client.request(Outgoing(.traceGet, body: question), timeout: .seconds(3)).body()
            }
            let newest = try await trace(TraceQuestion())
            #expect(newest.request == name && newest.service == "gateway")
            let moments = try await trace(TraceQuestion(request: "\(name)-1")).moments
            let kinds = moments.map(\.kind).filter { $0 != .accepted }
            #expect(
                kinds == [.received, .submitted, .firstToken] + Array(repeating: .token, count: 6) + [.ended])
            #expect(moments.contains { $0.kind == .accepted && $0.replica != nil })
            #expect(moments.filter { $0.kind == .token }.compactMap(\.position) == Array(1...6))
            await client.close()
            await context.terminate()
        }
    }
}
