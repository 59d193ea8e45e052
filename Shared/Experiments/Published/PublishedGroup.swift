/// Predictions of one kind.
public enum PublishedGroup: String, Codable, Sendable, Hashable, CaseIterable {
    /// A board or laptop decodes a second model.
    case boards
    /// The same, a third model from two.
    case boardsFromTwo = "boards_from_two"
    /// A graphics card or Apple processor decodes a second model in the same form of weights.
    case accelerators
    /// The same, a third model from two.
    case acceleratorsFromTwo = "accelerators_from_two"
    /// The same model in another form of weights.
    case otherForm = "other_form"
    /// Computing on several nodes, from one node alone.
    case clusterFromOne = "cluster_from_one"
    /// Computing on four and eight nodes, from one and two.
    case cluster
    /// Computing of other models on any number of nodes, from one model on one and two.
    case clusterOtherModel = "cluster_other_model"
    /// Bytes that tensor parallel nodes exchange.
    case transferBytes = "transfer_bytes"
    /// Time of that exchange.
    case transferTime = "transfer_time"
    /// Computing and exchange together.
    case clusterToken = "cluster_token"
    /// Cards of one machine, each with a part of the layers.
    case pipeline
    /// prima.cpp's home.
    case home

    /// Its heading.
    public var title: String {
        switch self {
        case .boards: "Boards and laptops: the second model from the first"
        case .boardsFromTwo: "Boards and laptops: the third model from two"
        case .accelerators: "Graphics cards and Apple processors: the second model from the first"
        case .acceleratorsFromTwo: "Graphics cards and Apple processors: the third model from two"
        case .otherForm: "The same model in f16, from four bits"
        case .clusterFromOne: "Clusters, computing: several nodes from one"
        case .cluster: "Clusters, computing: four and eight nodes from one and two"
        case .clusterOtherModel: "Clusters, computing: other models from one model on one and two nodes"
        case .transferBytes: "Clusters, bytes of a token"
        case .transferTime: "Clusters, transfer of a token"
        case .clusterToken: "Clusters, a whole token"
        case .pipeline: "Cards of one machine in a pipeline"
        case .home: "prima.cpp's home"
        }
    }

    /// The largest mean error that is aimed at; `nil` where none was set.
    public var target: Double? {
        switch self {
        case .boards, .boardsFromTwo, .accelerators, .acceleratorsFromTwo: 0.10
        case .otherForm, .transferBytes: nil
        default: 0.15
        }
    }

    /// How the figures are predicted.
    public var method: String {
        switch self {
        case .boards, .accelerators, .otherForm:
            "Bytes per second from the first model (weights and KV cache that a token reads, over its time), no fixed times; "
                + "then `RooflineCost` of the other model."
        case .boardsFromTwo, .acceleratorsFromTwo:
            "Bytes per second and a fixed time per layer from two models, then `RooflineCost` of the third."
        case .clusterFromOne:
            "Bytes per second from one node; every node then reads its part of the layers, the root all of the LM head."
        case .cluster:
            "Bytes per second and a fixed time per layer from the same model on one and two nodes."
        case .clusterOtherModel:
            "The same two figures of the first model, applied to every other one, with its own number of layers."
        case .transferBytes:
            "`TensorParallelEstimate`, whose forms follow from Llama 2 7B (0.1.0) and Llama 3 8B (0.7.1) on two devices."
        case .transferTime:
            "Rounds times a latency, which follows from the first model on two nodes, and bytes over the root's port."
        case .clusterToken: "Computing and transfer of the groups above, added."
        case .pipeline:
            "`FleetCost` and `DecodeEstimate`: speed from one card's two figures, stages of equal layers, hops without time."
        case .home:
            "The card's part from its own time; the other three devices' layers from the first model, by bytes of a layer."
        }
    }

    /// Why figures differ, as far as can be said from here.
    public var causes: String {
        switch self {
        case .boards, .boardsFromTwo:
            "Forms of weights cost more or less computing for a byte (Q4_0 and Q4_K_M differ), and small models leave more to "
                + "fixed times. The MS-R1's figures stand in a table without dates: cores and clocks may differ."
        case .accelerators:
            "Fixed times per layer (kernel launches) weigh on small models and are not seen in one figure; so larger models "
                + "come out too slow."
        case .acceleratorsFromTwo:
            "Kernels reach more of the memory's speed on wide matrices."
        case .otherForm:
            "Taking four-bit weights apart costs time on fast memory; a speed holds for one form of weights, as the profiler "
                + "measures it."
        case .clusterFromOne:
            "What is not cut (attention, norms, quantising, waiting of threads at every step) stays as long on every number of "
                + "nodes; one node's figure cannot tell it from reading."
        case .cluster, .clusterOtherModel:
            "The fixed time grows with the width of a layer, which is not modelled. The root's work on the logits grows with "
                + "the vocabulary: Llama 3 8B takes longer than Llama 2 7B says."
        case .transferBytes: "The forms of exchange are exact."
        case .transferTime:
            "The figures contradict each other: on the Pis 13B takes less time than 7B, and four nodes less than two. Their "
                + "author calls the switch non-deterministic, and the time holds waiting for slower nodes, which grows with "
                + "computing. With eight nodes the switch is congested. No figure of one cluster predicts another one's."
        case .clusterToken:
            "Transfer, as above. Where it is small beside computing, the sum is right; for eight Raspberry Pis, which spend half of "
                + "the time in it, it is not, and the mean hides that."
        case .pipeline:
            "Hops between cards are not published and taken as nothing; llama.cpp's own work per card adds up."
        case .home:
            "Layers and hops of the three slow devices cannot be told apart in one figure; more layers also mean more of "
                + "the fixed times. Published times are whole milliseconds. Larger models do not fit beside each other in "
                + "memory, or their division is not published."
        }
    }
}
