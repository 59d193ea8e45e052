import Domain
import Foundation
import Protocol

/// What a gateway says about the fleet behind it.
struct ServedFleet: Sendable {
    /// The model by which requests are made.
    struct Model: Sendable, Hashable {
        /// Its name in the interface.
        var name: String
        /// Most tokens of prompt and output.
        var context: Int
        /// Token ids are below.
        var vocabulary: Int
    }

    /// The scheduler's state, with the plan in force.
    var state: SchedulerState
    /// The epoch of that plan.
    var epoch: Epoch
    /// Devices, links, profiles.
    var fleet: Fleet

    /// The plan in force.
    var plan: PlacementPlan? { state.plan }

    /// Reads the body of `/v1/cluster`.
    ///
    /// - Throws: `Failure` naming what is missing.
    init(_ body: String) throws {
        struct Cluster: Decodable {
            var epoch: Epoch?
            var scheduler: SchedulerState?
            var fleet: Fleet?
        }
        let cluster: Cluster
        do {
            cluster = try JSONDecoder().decode(Cluster.self, from: Data(body.utf8))
        } catch let error as DecodingError {
            throw Failure(.failed, "/v1/cluster: \(DecodingText.text(error))")
        }
        guard let state = cluster.scheduler, let fleet = cluster.fleet else {
            throw Failure(.notReady, "/v1/cluster: the gateway does not know plan and fleet yet")
        }
        self.state = state
        self.fleet = fleet
        epoch = cluster.epoch ?? 0
    }
}

extension ServedFleet.Model {
    /// Reads the body of `/v1/models`.
    init(_ body: String) throws {
        struct Models: Decodable {
            struct Card: Decodable {
                struct Meta: Decodable {
                    var vocabulary: Int
                    enum CodingKeys: String, CodingKey { case vocabulary = "n_vocab" }
                }
                var id: String
                var context: Int?
                var meta: Meta
                enum CodingKeys: String, CodingKey {
                    case id, meta
                    case context = "max_model_len"
                }
            }
            var data: [Card]
        }
        do {
            guard let card = try JSONDecoder().decode(Models.self, from: Data(body.utf8)).data.first else {
                throw Failure(.failed, "/v1/models: the server serves no model")
            }
            guard let context = card.context else {
                throw Failure(.notReady, "/v1/models: the server does not promise a context yet")
            }
            self.init(name: card.id, context: context, vocabulary: card.meta.vocabulary)
        } catch let error as DecodingError {
            throw Failure(.failed, "/v1/models: \(DecodingText.text(error))")
        }
    }
}
