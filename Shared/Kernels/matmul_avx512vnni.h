// Quantised matrix products with AVX-512 VNNI: one instruction multiplies sixteen outputs by four activations.

enum { VNNI_ROWS = 12 };

E2_INLINE __m512i vnni_four(const int8_t *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
}

// `rows` rows times `tiles` tiles, with rows * tiles <= VNNI_ROWS.
E2_INLINE void vnni_q4(const matmul_call *m, int32_t tile, int32_t row, const int rows, const int tiles) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const uint8_t *w[4];
    const e2_qblock *a[VNNI_ROWS];
    v16 y[4][VNNI_ROWS];
    for (int t = 0; t < tiles; t++) {
        w[t] = e2_tile(m->w, tile + t);
        for (int r = 0; r < rows; r++) { y[t][r] = v_set(0.0f); }
    }
    for (int r = 0; r < rows; r++) { a[r] = m->input.blocks + (size_t)(row + r) * (size_t)blocks; }
    const __m512i low = _mm512_set1_epi8(15);
    for (int32_t b = 0; b < blocks; b++) {
        for (int t = 0; t < tiles; t++) {
            const uint8_t *block = w[t] + (size_t)b * E2_Q4_BLOCK_BYTES;
            __m512i sums[VNNI_ROWS];
            for (int r = 0; r < rows; r++) { sums[r] = _mm512_setzero_si512(); }
#pragma clang loop unroll(full)
            for (int v = 0; v < 4; v++) {
                __m512i nibbles = _mm512_loadu_si512((const void *)(block + v * 64));
                __m512i first = _mm512_and_si512(nibbles, low);
                __m512i second = _mm512_and_si512(_mm512_srli_epi16(nibbles, 4), low);
                for (int r = 0; r < rows; r++) {
                    sums[r] = _mm512_dpbusd_epi32(sums[r], first, vnni_four(a[r][b].values + v * 4));
                }
                for (int r = 0; r < rows; r++) {
                    sums[r] = _mm512_dpbusd_epi32(sums[r], second, vnni_four(a[r][b].values + 16 + v * 4));
                }
            }
            v16 scale = v_load_half((const uint16_t *)(block + 256));
            v16 minimum = v_load_half((const uint16_t *)(block + 288));
            for (int r = 0; r < rows; r++) {
                y[t][r] = v_fma(v_whole(sums[r]), v_mul(scale, v_set(a[r][b].scale)), y[t][r]);
                y[t][r] = v_fma(minimum, v_set(a[r][b].scaled_sum), y[t][r]);
            }
        }
    }
    for (int t = 0; t < tiles; t++) {
        for (int r = 0; r < rows; r++) { matmul_put(m, tile + t, row + r, y[t][r]); }
    }
}

E2_INLINE void vnni_q8(const matmul_call *m, int32_t tile, int32_t row, const int rows, const int tiles) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const uint8_t *w[4], *scales[4];
    const e2_qblock *a[VNNI_ROWS];
    v16 y[4][VNNI_ROWS];
    for (int t = 0; t < tiles; t++) {
        w[t] = e2_tile(m->w, tile + t);
        scales[t] = w[t] + (size_t)blocks * E2_Q8_BLOCK_BYTES;
        for (int r = 0; r < rows; r++) { y[t][r] = v_set(0.0f); }
    }
    for (int r = 0; r < rows; r++) { a[r] = m->input.blocks + (size_t)(row + r) * (size_t)blocks; }
    for (int32_t b = 0; b < blocks; b++) {
        for (int t = 0; t < tiles; t++) {
            const uint8_t *block = w[t] + (size_t)b * E2_Q8_BLOCK_BYTES;
            __m512i sums[VNNI_ROWS];
            for (int r = 0; r < rows; r++) { sums[r] = _mm512_set1_epi32(-128 * a[r][b].sum); }
#pragma clang loop unroll(full)
            for (int v = 0; v < 8; v++) {
                __m512i bytes = _mm512_loadu_si512((const void *)(block + v * 64));
                for (int r = 0; r < rows; r++) {
                    sums[r] = _mm512_dpbusd_epi32(sums[r], bytes, vnni_four(a[r][b].values + v * 4));
                }
            }
            v16 scale = v_load_half((const uint16_t *)(scales[t] + (size_t)b * E2_Q8_SCALE_BYTES));
            for (int r = 0; r < rows; r++) {
                y[t][r] = v_fma(v_whole(sums[r]), v_mul(scale, v_set(a[r][b].scale)), y[t][r]);
            }
        }
    }
    for (int t = 0; t < tiles; t++) {
        for (int r = 0; r < rows; r++) { matmul_put(m, tile + t, row + r, y[t][r]); }
    }
}

#define VNNI_CASE(kernel, rows, tiles) \
    case rows: kernel(m, tile, row, rows, tiles); break;

// The rows that are left after the full blocks of twelve.
#define VNNI_REST(kernel)                                                                                      \
    switch (end - row) {                                                                                       \
        VNNI_CASE(kernel, 1, 1) VNNI_CASE(kernel, 2, 1) VNNI_CASE(kernel, 3, 1) VNNI_CASE(kernel, 4, 1)        \
        VNNI_CASE(kernel, 5, 1) VNNI_CASE(kernel, 6, 1) VNNI_CASE(kernel, 7, 1) VNNI_CASE(kernel, 8, 1)        \
        VNNI_CASE(kernel, 9, 1) VNNI_CASE(kernel, 10, 1) VNNI_CASE(kernel, 11, 1)                              \
    default: break;                                                                                            \
    }

static void vnni_tile(const matmul_call *m, int32_t tile, int32_t row, int32_t end) {
    bool q4 = m->w->form == E2_FORM_Q4;
    // Sixteen rows are two equal halves rather than twelve and four.
    while (end - row >= VNNI_ROWS && end - row != 16 && end - row != 13) {
        if (q4) { vnni_q4(m, tile, row, VNNI_ROWS, 1); } else { vnni_q8(m, tile, row, VNNI_ROWS, 1); }
        row += VNNI_ROWS;
    }
    if (end - row > VNNI_ROWS) {
        if (q4) { vnni_q4(m, tile, row, 8, 1); } else { vnni_q8(m, tile, row, 8, 1); }
        row += 8;
    }
    if (q4) { VNNI_REST(vnni_q4) } else { VNNI_REST(vnni_q8) }
}

// One or two rows: several tiles at once, so that their chains of multiply-adds overlap.
static int32_t vnni_few(const matmul_call *m, int32_t tile, int32_t end, int32_t rows) {
    bool q4 = m->w->form == E2_FORM_Q4;
    for (; tile + 2 <= end; tile += 2) {
        if (rows == 1) {
            if (q4) { vnni_q4(m, tile, 0, 1, 2); } else { vnni_q8(m, tile, 0, 1, 2); }
        } else {
            if (q4) { vnni_q4(m, tile, 0, 2, 2); } else { vnni_q8(m, tile, 0, 2, 2); }
        }
    }
    return tile;
}

static void matmul_quantised(const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {
    if (rows == 1 || rows == 2) { begin = vnni_few(m, begin, end, rows); }
    int32_t panel = matmul_panel(m->w->cols);
    for (int32_t row = 0; row < rows; row += panel) {
        int32_t last = rows - row < panel ? rows : row + panel;
        for (int32_t tile = begin; tile < end; tile++) { vnni_tile(m, tile, row, last); }
    }
}

static int64_t matmul_peak(int64_t rounds) {
    __m512i w = _mm512_set1_epi8(3), x = _mm512_set1_epi8(5), sums[12];
    for (int i = 0; i < 12; i++) { sums[i] = _mm512_set1_epi32(i); }
    for (int64_t n = 0; n < rounds; n++) {
#ifndef E2_EMULATED
        __asm__ volatile("" : "+v"(x));
#endif
#pragma clang loop unroll(full)
        for (int i = 0; i < 12; i++) { sums[i] = _mm512_dpbusd_epi32(sums[i], w, x); }
    }
    for (int i = 1; i < 12; i++) { sums[0] = _mm512_xor_si512(sums[0], sums[i]); }
    volatile int32_t result = _mm_cvtsi128_si32(_mm256_castsi256_si128(_mm512_castsi512_si256(sums[0])));
    (void)result;
    return 12 * 64;
}
