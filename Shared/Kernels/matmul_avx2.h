// Quantised matrix products with AVX2: products of 4-bit weights and 8-bit activations are summed in 16 bits over a
// block (at most 8 * 2 * 15 * 128 = 30720: no overflow); 8-bit weights are taken as two halves of 4 bits.

// Two weight vectors times four activations of each row.
#define AVX2_STEP(sums, w0, w1, offset)                                                             \
    for (int r = 0; r < rows; r++) {                                                                \
        int32_t four;                                                                               \
        memcpy(&four, a[r][b].values + (offset), 4);                                                \
        __m256i x = _mm256_set1_epi32(four);                                                        \
        sums[r][0] = _mm256_add_epi16(sums[r][0], _mm256_maddubs_epi16(w0, x));                     \
        sums[r][1] = _mm256_add_epi16(sums[r][1], _mm256_maddubs_epi16(w1, x));                     \
    }

enum { AVX2_Q4_ROWS = 4, AVX2_Q8_ROWS = 4 };

E2_INLINE __m256 avx2_half(const uint8_t *p) { return _mm256_cvtph_ps(_mm_load_si128((const __m128i *)p)); }

E2_INLINE void avx2_q4(const matmul_call *m, int32_t tile, int32_t row, const int rows) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const uint8_t *w = e2_tile(m->w, tile);
    const e2_qblock *a[AVX2_Q4_ROWS];
    v16 y[AVX2_Q4_ROWS];
    for (int r = 0; r < rows; r++) {
        a[r] = m->input.blocks + (size_t)(row + r) * (size_t)blocks;
        y[r] = v_set(0.0f);
    }
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    for (int32_t b = 0; b < blocks; b++, w += E2_Q4_BLOCK_BYTES) {
        __m256i sums[AVX2_Q4_ROWS][2];
        for (int r = 0; r < rows; r++) { sums[r][0] = sums[r][1] = _mm256_setzero_si256(); }
#pragma clang loop unroll(full)
        for (int v = 0; v < 4; v++) {
            __m256i p = _mm256_load_si256((const __m256i *)(w + v * 64));
            __m256i q = _mm256_load_si256((const __m256i *)(w + v * 64 + 32));
            __m256i p0 = _mm256_and_si256(p, low), q0 = _mm256_and_si256(q, low);
            AVX2_STEP(sums, p0, q0, v * 4)
            __m256i p1 = _mm256_and_si256(_mm256_srli_epi16(p, 4), low);
            __m256i q1 = _mm256_and_si256(_mm256_srli_epi16(q, 4), low);
            AVX2_STEP(sums, p1, q1, 16 + v * 4)
        }
        __m256 s0 = avx2_half(w + 256), s1 = avx2_half(w + 272), m0 = avx2_half(w + 288), m1 = avx2_half(w + 304);
        for (int r = 0; r < rows; r++) {
            __m256 scale = _mm256_set1_ps(a[r][b].scale), sum = _mm256_set1_ps(a[r][b].scaled_sum);
            __m256 d0 = _mm256_cvtepi32_ps(_mm256_madd_epi16(sums[r][0], ones));
            __m256 d1 = _mm256_cvtepi32_ps(_mm256_madd_epi16(sums[r][1], ones));
            y[r].a = _mm256_fmadd_ps(d0, _mm256_mul_ps(s0, scale), y[r].a);
            y[r].b = _mm256_fmadd_ps(d1, _mm256_mul_ps(s1, scale), y[r].b);
            y[r].a = _mm256_fmadd_ps(m0, sum, y[r].a);
            y[r].b = _mm256_fmadd_ps(m1, sum, y[r].b);
        }
    }
    for (int r = 0; r < rows; r++) { matmul_put(m, tile, row + r, y[r]); }
}

// Eight of a tile's outputs (`half` 0 or 1), so that the sums of both halves of the weights stay in registers.
E2_INLINE void avx2_q8(const matmul_call *m, int32_t tile, int32_t row, const int rows, int half, v16 *out) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const uint8_t *w = e2_tile(m->w, tile), *scales = w + (size_t)blocks * E2_Q8_BLOCK_BYTES + half * 16;
    const e2_qblock *a[AVX2_Q8_ROWS];
    __m256 y[AVX2_Q8_ROWS];
    w += half * 32;
    for (int r = 0; r < rows; r++) {
        a[r] = m->input.blocks + (size_t)(row + r) * (size_t)blocks;
        y[r] = _mm256_setzero_ps();
    }
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1), sixteens = _mm256_set1_epi16(16);
    for (int32_t b = 0; b < blocks; b++, w += E2_Q8_BLOCK_BYTES, scales += E2_Q8_SCALE_BYTES) {
        __m256i sums[AVX2_Q8_ROWS][2];
        for (int r = 0; r < rows; r++) { sums[r][0] = sums[r][1] = _mm256_setzero_si256(); }
#pragma clang loop unroll(full)
        for (int v = 0; v < 8; v++) {
            __m256i p = _mm256_load_si256((const __m256i *)(w + v * 64));
            __m256i lows = _mm256_and_si256(p, low), highs = _mm256_and_si256(_mm256_srli_epi16(p, 4), low);
            AVX2_STEP(sums, lows, highs, v * 4)
        }
        __m256 s = avx2_half(scales);
        for (int r = 0; r < rows; r++) {
            __m256i d = _mm256_madd_epi16(sums[r][0], ones);
            d = _mm256_add_epi32(d, _mm256_madd_epi16(sums[r][1], sixteens));
            d = _mm256_add_epi32(d, _mm256_set1_epi32(-128 * a[r][b].sum));
            y[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(d), _mm256_mul_ps(s, _mm256_set1_ps(a[r][b].scale)), y[r]);
        }
    }
    for (int r = 0; r < rows; r++) {
        if (half == 0) { out[r].a = y[r]; } else { out[r].b = y[r]; }
    }
}

E2_INLINE void avx2_q8_rows(const matmul_call *m, int32_t tile, int32_t row, const int rows) {
    v16 y[AVX2_Q8_ROWS];
    avx2_q8(m, tile, row, rows, 0, y);
    avx2_q8(m, tile, row, rows, 1, y);
    for (int r = 0; r < rows; r++) { matmul_put(m, tile, row + r, y[r]); }
}

static void avx2_tile(const matmul_call *m, int32_t tile, int32_t row, int32_t end) {
    if (m->w->form == E2_FORM_Q4) {
        for (; row + AVX2_Q4_ROWS <= end; row += AVX2_Q4_ROWS) { avx2_q4(m, tile, row, AVX2_Q4_ROWS); }
        switch (end - row) {
        case 3: avx2_q4(m, tile, row, 3); break;
        case 2: avx2_q4(m, tile, row, 2); break;
        case 1: avx2_q4(m, tile, row, 1); break;
        default: break;
        }
    } else {
        for (; row + AVX2_Q8_ROWS <= end; row += AVX2_Q8_ROWS) { avx2_q8_rows(m, tile, row, AVX2_Q8_ROWS); }
        switch (end - row) {
        case 3: avx2_q8_rows(m, tile, row, 3); break;
        case 2: avx2_q8_rows(m, tile, row, 2); break;
        case 1: avx2_q8_rows(m, tile, row, 1); break;
        default: break;
        }
    }
}

static void matmul_quantised(const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {
    int32_t panel = matmul_panel(m->w->cols);
    for (int32_t row = 0; row < rows; row += panel) {
        int32_t last = rows - row < panel ? rows : row + panel;
        for (int32_t tile = begin; tile < end; tile++) { avx2_tile(m, tile, row, last); }
    }
}

static int64_t matmul_peak(int64_t rounds) {
    __m256i w = _mm256_set1_epi8(3), sums[8];
    for (int i = 0; i < 8; i++) { sums[i] = _mm256_set1_epi16((int16_t)i); }
    for (int64_t n = 0; n < rounds; n++) {
        __m256i x = _mm256_set1_epi32((int32_t)n);
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++) {
            __asm__ volatile("" : "+x"(x));
            sums[i] = _mm256_add_epi16(sums[i], _mm256_maddubs_epi16(w, x));
        }
    }
    for (int i = 1; i < 8; i++) { sums[0] = _mm256_xor_si256(sums[0], sums[i]); }
    volatile int32_t result = _mm256_extract_epi32(sums[0], 0);
    (void)result;
    return 8 * 32;
}
