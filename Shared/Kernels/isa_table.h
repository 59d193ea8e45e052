// The table of one instruction set, after its operations: E2_TABLE is its variable, E2_NAME its name.

static void e2_matmul(
    const e2_matrix *w, int32_t tile_begin, int32_t tile_end, e2_input input, int32_t rows, e2_store store,
    const float *bias, float *out, size_t out_stride) {
    matmul_call m = {w, input, store, bias, out, out_stride};
    if (e2_quantised(w->form)) {
        matmul_quantised(&m, tile_begin, tile_end, rows);
    } else {
        matmul_float(&m, tile_begin, tile_end, rows);
    }
}

const e2_isa_ops E2_TABLE = {
    .name = E2_NAME,
    .quantize = e2_quantize,
    .matmul = e2_matmul,
    .rmsnorm = e2_rmsnorm,
    .rope = e2_rope,
    .silu_mul = e2_silu_mul,
    .gelu_mul = e2_gelu_mul,
    .exp = e2_exp,
    .sum = e2_sum,
    .attend = e2_attend,
    .attend_span = e2_attend_span,
    .attend_merge = e2_attend_merge,
    .half_from_float = e2_half_from_float,
    .float_from_half = e2_float_from_half,
    .peak = matmul_peak,
};
