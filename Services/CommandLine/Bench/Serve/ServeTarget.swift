import Domain
import Foundation

/// The server that is measured.
struct ServeTarget: Sendable, Hashable {
    /// The address of the requests.
    var url: String
    /// The headers of every request.
    var headers: [String: String]
    /// The shape of the requests.
    var interface: ServeInterface
    /// The model's name.
    var model: String
    /// Token ids are below; `nil` where the server does not say so.
    var vocabulary: Int?
    /// Most tokens of prompt and output; `nil` where the server does not say so.
    var context: Int?
}

/// What servers tell of a model in `/v1/models`; only the name is common to all.
struct ServeModelCard: Decodable, Sendable, Hashable {
    /// Its name.
    var id: String
    /// Most tokens of prompt and output, as vLLM and our gateway say.
    var context: Int?
    /// How many token ids there are, as llama-server and our gateway say.
    var vocabulary: Int?

    private enum CodingKeys: String, CodingKey {
        case id, meta
        case context = "max_model_len"
    }
    private enum MetaKeys: String, CodingKey { case vocabulary = "n_vocab" }

    init(id: String, context: Int? = nil, vocabulary: Int? = nil) {
        self.id = id
        self.context = context
        self.vocabulary = vocabulary
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        id = try values.decode(String.self, forKey: .id)
        context = try values.decodeIfPresent(Int.self, forKey: .context)
        // Other servers keep something else below this name, or nothing.
        let meta = try? values.nestedContainer(keyedBy: MetaKeys.self, forKey: .meta)
        vocabulary = (try? meta?.decodeIfPresent(Int.self, forKey: .vocabulary)) ?? nil
    }

    /// The model that is asked for.
    ///
    /// - Parameters:
    ///   - name: the name that was given; `nil` takes the first one.
    ///   - response: the answer to `/v1/models`; a server that has none wants a name.
    static func choose(_ name: String?, from response: HTTPClient.Response) throws -> ServeModelCard {
        struct Models: Decodable { var data: [ServeModelCard] }
        guard response.status == 200 else {
            // A refused key is refused for requests, too.
            guard let name, response.status == 404 else {
                throw Failure(
                    response.status == 503 ? .notReady : .failed,
                    "/v1/models: the server answered \(response.status)"
                        + (response.errorMessage.map { ": \($0)" } ?? "")
                        + (response.status == 404 ? "; give the model's name with --model" : ""))
            }
            return ServeModelCard(id: name)
        }
        let cards: [ServeModelCard]
        do {
            cards = try JSONDecoder().decode(Models.self, from: Data(response.body.utf8)).data
        } catch let error as DecodingError {
            throw Failure(.failed, "/v1/models: \(DecodingText.text(error))")
        }
        guard let first = cards.first else {
            guard let name else { throw Failure(.failed, "/v1/models: the server serves no model") }
            return ServeModelCard(id: name)
        }
        guard let name else { return first }
        if let card = cards.first(where: { $0.id == name }) { return card }
        // A server of one model may know it by more names than it tells.
        return cards.count == 1
            ? ServeModelCard(id: name, context: first.context, vocabulary: first.vocabulary) : ServeModelCard(id: name)
    }
}
