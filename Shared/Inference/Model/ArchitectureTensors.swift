/// What may follow `blk.N.` in the names of tensors, by what architectures share.
enum ArchitectureTensors {
    /// Norms and matrices of every decoder.
    static let decoder: Set<String> = [
        "attn_norm.weight", "attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_output.weight", "ffn_norm.weight",
        "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight",
    ]
    /// Norms of query and key heads.
    static let headNorms: Set<String> = ["attn_q_norm.weight", "attn_k_norm.weight"]
}
