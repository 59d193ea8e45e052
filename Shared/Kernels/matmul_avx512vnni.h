// Quantised matrix products with AVX-512 VNNI: one instruction multiplies sixteen outputs by four activations.

enum {
    VNNI_ROWS = 12,
    VNNI_TILES = 4,  // that one or two rows meet at once
};

// Keeps the compiler from moving loads and sums of one step into another, which costs it its registers.
#ifdef E2_EMULATED
#define VNNI_ORDER
#define VNNI_KEEP(x)
#else
#define VNNI_ORDER __asm__ volatile("" ::: "memory")
#define VNNI_KEEP(x) __asm__ volatile("" : "+v"(x))
#endif

// Four activations, sixteen times.
E2_INLINE __m512i vnni_four(const int8_t *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
}

// The bits of bytes that `mask` names, after moving them left (or right: negative).
E2_INLINE __m512i vnni_bits(const uint8_t *p, int shift, int mask) {
    __m512i bits = _mm512_loadu_si512((const void *)p);
    bits = shift > 0 ? _mm512_slli_epi16(bits, (unsigned)shift) : bits;
    bits = shift < 0 ? _mm512_srli_epi16(bits, (unsigned)-shift) : bits;
    return _mm512_and_si512(bits, _mm512_set1_epi8((char)mask));
}

// The weights of inputs 16 * half + 4 v ..< + 4, as they are stored.
E2_INLINE __m512i vnni_weights(e2_form form, const uint8_t *vectors, int v, int half) {
    if (form == E2_FORM_Q8) { return _mm512_loadu_si512((const void *)(vectors + (4 * half + v) * 64)); }
    __m512i weights = vnni_bits(vectors + v * 64, -4 * half, 15);
    if (form == E2_FORM_Q5 || form == E2_FORM_Q5M) {
        weights = _mm512_or_si512(weights, vnni_bits(vectors + 256, half == 0 ? 4 - v : -v, 0x10));
    }
    if (form == E2_FORM_Q6) {
        weights = _mm512_or_si512(weights, vnni_bits(vectors + 256 + half * 64, 4 - 2 * v, 0x30));
    }
    return weights;
}

// What the offset of the weights adds to a sum, where `a_sum` is the sum of the activations.
E2_INLINE __m512i vnni_excess(e2_form form, int32_t a_sum) {
    __m512i sum = _mm512_set1_epi32(a_sum);
    VNNI_KEEP(sum);  // broadcast while loading, then one shift
    return _mm512_slli_epi32(sum, (unsigned)__builtin_ctz((unsigned)e2_weight_offset(form)));
}

// `rows` rows times `tiles` tiles, with rows * tiles <= VNNI_ROWS.
E2_INLINE void vnni_rows(
    const matmul_call *m, e2_form form, int32_t tile, int32_t row, const int rows, const int tiles) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const uint8_t *w[4], *scales[4];
    const e2_qblock *a[VNNI_ROWS];
    v16 y[4][VNNI_ROWS];
#pragma clang loop unroll(full)
    for (int t = 0; t < tiles; t++) {
        w[t] = e2_tile(m->w, tile + t);
        scales[t] = w[t] + e2_scale_offset(form, blocks, 0);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) { y[t][r] = v_set(0.0f); }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) { a[r] = m->input.blocks + (size_t)(row + r) * (size_t)blocks; }
    // Q6 has a sum per half of the inputs.
    const int passes = form == E2_FORM_Q6 ? 2 : 1, steps = 8 / passes;
    for (int32_t b = 0; b < blocks; b++) {
#pragma clang loop unroll(full)
        for (int t = 0; t < tiles; t++) {
            const uint8_t *vectors = w[t] + e2_vector_offset(form, b);
            e2_prefetch_block(
                form, vectors, scales[t] + (size_t)b * e2_scale_bytes(form),
                (size_t)tiles * e2_tile_bytes(form, m->w->cols));
            const uint16_t *scale_words = (const uint16_t *)(scales[t] + (size_t)b * e2_scale_bytes(form));
#pragma clang loop unroll(full)
            for (int pass = 0; pass < passes; pass++) {
                __m512i sums[VNNI_ROWS];
#pragma clang loop unroll(full)
                for (int r = 0; r < rows; r++) { sums[r] = _mm512_setzero_si512(); }
#pragma clang loop unroll(full)
                for (int step = 0; step < steps; step++) {
                    VNNI_ORDER;
                    int v = passes == 2 ? step : step / 2, half = passes == 2 ? pass : step % 2;
                    __m512i weights = vnni_weights(form, vectors, v, half);
#pragma clang loop unroll(full)
                    for (int r = 0; r < rows; r++) {
                        __m512i x = vnni_four(a[r][b].values + 16 * half + 4 * v);
                        sums[r] = _mm512_dpbusd_epi32(sums[r], weights, x);
                        VNNI_KEEP(sums[r]);
                    }
                }
                v16 scale = v_load_half(scale_words + 16 * pass);
#pragma clang loop unroll(full)
                for (int r = 0; r < rows; r++) {
                    if (!e2_has_minimum(form)) {
                        int32_t a_sum = pass == 1 ? a[r][b].sum - a[r][b].first_sum
                            : form == E2_FORM_Q6 ? a[r][b].first_sum : a[r][b].sum;
                        sums[r] = _mm512_sub_epi32(sums[r], vnni_excess(form, a_sum));
                    }
                    y[t][r] = v_fma(v_whole(sums[r]), v_mul(scale, v_set(a[r][b].scale)), y[t][r]);
                }
                if (e2_has_minimum(form)) {
                    v16 minimum = v_load_half(scale_words + 16);
#pragma clang loop unroll(full)
                    for (int r = 0; r < rows; r++) { y[t][r] = v_fma(minimum, v_set(a[r][b].scaled_sum), y[t][r]); }
                }
            }
        }
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < tiles; t++) {
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) { matmul_put(m, tile + t, row + r, y[t][r]); }
    }
}

#define VNNI_CASE(rows) case rows: vnni_rows(m, form, tile, row, rows, 1); break;

// How many rows the next kernel takes where so many are left: nearly equal groups of a few sizes.
static int32_t vnni_group(int32_t left) {
    static const uint8_t groups[24] = {0, 1, 2, 3, 4, 3, 6, 4, 8, 6, 6, 8, 12, 6, 8, 12, 8, 8, 12, 12, 12, 12, 12, 12};
    return left < 24 ? groups[left] : VNNI_ROWS;
}

E2_INLINE void vnni_tile(const matmul_call *m, e2_form form, int32_t tile, int32_t row, int32_t end) {
    for (int32_t group; row < end; row += group) {
        group = vnni_group(end - row);
        switch (group) {
            VNNI_CASE(1) VNNI_CASE(2) VNNI_CASE(3) VNNI_CASE(4) VNNI_CASE(6) VNNI_CASE(8) VNNI_CASE(12)
        default: break;
        }
    }
}

E2_INLINE void vnni_form(const matmul_call *m, e2_form form, int32_t begin, int32_t end, int32_t rows) {
    // One or two rows: several tiles at once, so that their chains overlap and memory is read in several streams.
    for (; rows == 1 && begin + VNNI_TILES <= end; begin += VNNI_TILES) { vnni_rows(m, form, begin, 0, 1, VNNI_TILES); }
    for (; rows == 2 && begin + VNNI_TILES <= end; begin += VNNI_TILES) { vnni_rows(m, form, begin, 0, 2, VNNI_TILES); }
    int32_t panel = matmul_panel(m->w->cols);
    for (int32_t row = 0; row < rows; row += panel) {
        int32_t last = rows - row < panel ? rows : row + panel;
        for (int32_t tile = begin; tile < end; tile++) { vnni_tile(m, form, tile, row, last); }
    }
}

#define VNNI_FORM(form) case form: vnni_form(m, form, begin, end, rows); break;

static void matmul_quantised(const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {
    switch (m->w->form) {
        VNNI_FORM(E2_FORM_Q4)
        VNNI_FORM(E2_FORM_Q4M)
        VNNI_FORM(E2_FORM_Q5)
        VNNI_FORM(E2_FORM_Q5M)
        VNNI_FORM(E2_FORM_Q6)
        VNNI_FORM(E2_FORM_Q8)
    default: break;
    }
}

// The multiplying instruction alone, which no product can outrun.
static int64_t matmul_peak(int64_t rounds) {
    __m512i w = _mm512_set1_epi8(3), x = _mm512_set1_epi8(5), sums[16];
    for (int i = 0; i < 16; i++) { sums[i] = _mm512_set1_epi32(i); }
    for (int64_t n = 0; n < rounds; n++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
            sums[i] = _mm512_dpbusd_epi32(sums[i], w, x);
            VNNI_KEEP(sums[i]);
        }
    }
    for (int i = 1; i < 16; i++) { sums[0] = _mm512_xor_si512(sums[0], sums[i]); }
    volatile int32_t result = _mm_cvtsi128_si32(_mm256_castsi256_si128(_mm512_castsi512_si256(sums[0])));
    (void)result;
    return 16 * 64;
}
