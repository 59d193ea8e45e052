// Matrix products of F16 and F32 weights with f32 activations, and the storing of results: once over the sixteen lanes.

// Stores sixteen outputs of one row, or fewer in the last tile.
E2_INLINE void matmul_store(v16 y, int32_t count, e2_store store, const float *bias, float *out) {
    if (count >= 16) {
        if (store == E2_STORE_BIAS) { y = v_add(y, v_load(bias)); }
        if (store == E2_STORE_ADD) { y = v_add(v_load(out), y); }
        v_store(out, y);
        return;
    }
    if (store == E2_STORE_BIAS) { y = v_add(y, v_load_part(bias, count)); }
    if (store == E2_STORE_ADD) { y = v_add(v_load_part(out, count), y); }
    v_store_part(out, y, count);
}

// The call's arguments, as the micro-kernels get them.
typedef struct {
    const e2_matrix *w;
    e2_input input;
    e2_store store;
    const float *bias;
    float *out;
    size_t out_stride;
} matmul_call;

E2_INLINE void matmul_put(const matmul_call *m, int32_t tile, int32_t row, v16 y) {
    int32_t column = tile * E2_TILE_ROWS;
    matmul_store(
        y, m->w->rows - column, m->store, m->bias + (m->store == E2_STORE_BIAS ? column : 0),
        m->out + (size_t)row * m->out_stride + column);
}

E2_INLINE void matmul_float_rows(
    const matmul_call *m, int32_t tile, int32_t row, const int rows, const int tiles, bool half) {
    const uint8_t *weights[4];
    const float *x[E2_FLOAT_ROWS];
    v16 sum[E2_FLOAT_ROWS][4];
    for (int t = 0; t < tiles; t++) { weights[t] = e2_tile(m->w, tile + t); }
    for (int r = 0; r < rows; r++) {
        x[r] = m->input.values + (size_t)(row + r) * (size_t)m->w->cols;
        for (int t = 0; t < tiles; t++) { sum[r][t] = v_set(0.0f); }
    }
    for (int32_t k = 0; k < m->w->cols; k++) {
        for (int t = 0; t < tiles; t++) {
            v16 w = half ? v_load_half((const uint16_t *)weights[t] + (size_t)k * 16)
                         : v_load((const float *)weights[t] + (size_t)k * 16);
            for (int r = 0; r < rows; r++) { sum[r][t] = v_fma(w, v_set(x[r][k]), sum[r][t]); }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int t = 0; t < tiles; t++) { matmul_put(m, tile + t, row + r, sum[r][t]); }
    }
}

static void matmul_float(const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {
    bool half = m->w->form == E2_FORM_F16;
    for (int32_t tile = begin; tile < end; tile++) {
        int32_t row = 0;
        for (; row + E2_FLOAT_ROWS <= rows; row += E2_FLOAT_ROWS) {
            if (half) { matmul_float_rows(m, tile, row, E2_FLOAT_ROWS, 1, true); }
            else { matmul_float_rows(m, tile, row, E2_FLOAT_ROWS, 1, false); }
        }
        if (row == rows) { continue; }
        // The rows that are left: four tiles at once hide the latency of the chains.
        int32_t tiles = end - tile >= 4 && rows < E2_FLOAT_ROWS ? 4 : 1;
        for (; row < rows; row++) {
            if (tiles == 4) {
                if (half) { matmul_float_rows(m, tile, row, 1, 4, true); }
                else { matmul_float_rows(m, tile, row, 1, 4, false); }
            } else {
                if (half) { matmul_float_rows(m, tile, row, 1, 1, true); }
                else { matmul_float_rows(m, tile, row, 1, 1, false); }
            }
        }
        tile += tiles - 1;
    }
}

// Rows whose activations stay in the second-level cache while the tiles pass by.
E2_INLINE int32_t matmul_panel(int32_t cols) {
    int32_t rows = 262144 / (cols / E2_BLOCK * (int32_t)sizeof(e2_qblock));
    return rows < 48 ? 48 : rows / 48 * 48;
}
