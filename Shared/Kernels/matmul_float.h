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

// The weights of one input.
E2_INLINE v16 matmul_weights(e2_form form, const uint8_t *tile, int32_t k) {
    size_t i = (size_t)k * E2_TILE_ROWS;
    if (form == E2_FORM_F16) { return v_load_half((const uint16_t *)tile + i); }
    return form == E2_FORM_BF16 ? v_load_bf16((const uint16_t *)tile + i) : v_load((const float *)tile + i);
}

E2_INLINE void matmul_float_rows(
    const matmul_call *m, e2_form form, int32_t tile, int32_t row, const int rows, const int tiles) {
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
            v16 w = matmul_weights(form, weights[t], k);
            for (int r = 0; r < rows; r++) { sum[r][t] = v_fma(w, v_set(x[r][k]), sum[r][t]); }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int t = 0; t < tiles; t++) { matmul_put(m, tile + t, row + r, sum[r][t]); }
    }
}

E2_INLINE void matmul_float_form(const matmul_call *m, e2_form form, int32_t begin, int32_t end, int32_t rows) {
    for (int32_t tile = begin; tile < end; tile++) {
        int32_t row = 0;
        for (; row + E2_FLOAT_ROWS <= rows; row += E2_FLOAT_ROWS) {
            matmul_float_rows(m, form, tile, row, E2_FLOAT_ROWS, 1);
        }
        // The rows that are left: four tiles at once hide the latency of the chains.
        bool four = row == 0 && end - tile >= 4;
        for (; row < rows; row++) {
            if (four) {
                matmul_float_rows(m, form, tile, row, 1, 4);
            } else {
                matmul_float_rows(m, form, tile, row, 1, 1);
            }
        }
        tile += four ? 3 : 0;
    }
}

static void matmul_float(const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {
    switch (m->w->form) {
    case E2_FORM_F16: matmul_float_form(m, E2_FORM_F16, begin, end, rows); break;
    case E2_FORM_BF16: matmul_float_form(m, E2_FORM_BF16, begin, end, rows); break;
    default: matmul_float_form(m, E2_FORM_F32, begin, end, rows); break;
    }
}

// Rows whose activations stay in the second-level cache while the tiles pass by.
E2_INLINE int32_t matmul_panel(int32_t cols) {
    int32_t rows = 262144 / (cols / E2_BLOCK * (int32_t)sizeof(e2_qblock));
    return rows < 48 ? 48 : rows / 48 * 48;
}
