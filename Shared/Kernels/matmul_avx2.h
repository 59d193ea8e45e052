// Quantised matrix products with AVX2: products of 4-bit weights and 8-bit activations are summed in 16 bits over a
// block (at most 8 * 2 * 15 * 128 = 30720: no overflow); 8-bit weights are taken as two halves of 4 bits.

enum { AVX2_ROWS = 4 };

// Four activations, eight times.
E2_INLINE __m256i avx2_four(const int8_t *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm256_set1_epi32(four);
}

E2_INLINE __m256 avx2_half(const uint8_t *p) { return _mm256_cvtph_ps(_mm_load_si128((const __m128i *)p)); }

// One row: the weights pass by once.
E2_INLINE void avx2_q4_one(const matmul_call *m, int32_t tile, int32_t row) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const uint8_t *w = e2_tile(m->w, tile);
    const e2_qblock *a = m->input.blocks + (size_t)row * (size_t)blocks;
    v16 y = v_set(0.0f);
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    for (int32_t b = 0; b < blocks; b++, a++, w += E2_Q4_BLOCK_BYTES) {
        __m256i sum0 = _mm256_setzero_si256(), sum1 = _mm256_setzero_si256();
#pragma clang loop unroll(full)
        for (int v = 0; v < 4; v++) {
            __m256i p = _mm256_load_si256((const __m256i *)(w + v * 64));
            __m256i q = _mm256_load_si256((const __m256i *)(w + v * 64 + 32));
            __m256i first = avx2_four(a->values + v * 4), second = avx2_four(a->values + 16 + v * 4);
            sum0 = _mm256_add_epi16(sum0, _mm256_maddubs_epi16(_mm256_and_si256(p, low), first));
            sum1 = _mm256_add_epi16(sum1, _mm256_maddubs_epi16(_mm256_and_si256(q, low), first));
            p = _mm256_and_si256(_mm256_srli_epi16(p, 4), low);
            q = _mm256_and_si256(_mm256_srli_epi16(q, 4), low);
            sum0 = _mm256_add_epi16(sum0, _mm256_maddubs_epi16(p, second));
            sum1 = _mm256_add_epi16(sum1, _mm256_maddubs_epi16(q, second));
        }
        __m256 scale = _mm256_set1_ps(a->scale), sum = _mm256_set1_ps(a->scaled_sum);
        __m256 d0 = _mm256_cvtepi32_ps(_mm256_madd_epi16(sum0, ones));
        __m256 d1 = _mm256_cvtepi32_ps(_mm256_madd_epi16(sum1, ones));
        y.a = _mm256_fmadd_ps(d0, _mm256_mul_ps(avx2_half(w + 256), scale), y.a);
        y.b = _mm256_fmadd_ps(d1, _mm256_mul_ps(avx2_half(w + 272), scale), y.b);
        y.a = _mm256_fmadd_ps(avx2_half(w + 288), sum, y.a);
        y.b = _mm256_fmadd_ps(avx2_half(w + 304), sum, y.b);
    }
    matmul_put(m, tile, row, y);
}

// Eight of a tile's outputs (`half` 0 or 1): everything stays in registers.
E2_INLINE void avx2_q4_half(const matmul_call *m, int32_t tile, int32_t row, const int rows, int half, v16 *out) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const uint8_t *w = e2_tile(m->w, tile) + half * 32, *scales = e2_tile(m->w, tile) + 256 + half * 16;
    const e2_qblock *a[AVX2_ROWS];
    __m256 y[AVX2_ROWS];
    for (int r = 0; r < rows; r++) {
        a[r] = m->input.blocks + (size_t)(row + r) * (size_t)blocks;
        y[r] = _mm256_setzero_ps();
    }
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    for (int32_t b = 0; b < blocks; b++, w += E2_Q4_BLOCK_BYTES, scales += E2_Q4_BLOCK_BYTES) {
        __m256i sums[AVX2_ROWS];
        for (int r = 0; r < rows; r++) { sums[r] = _mm256_setzero_si256(); }
#pragma clang loop unroll(full)
        for (int v = 0; v < 4; v++) {
            __m256i p = _mm256_load_si256((const __m256i *)(w + v * 64));
            __m256i p0 = _mm256_and_si256(p, low), p1 = _mm256_and_si256(_mm256_srli_epi16(p, 4), low);
            for (int r = 0; r < rows; r++) {
                __m256i first = _mm256_maddubs_epi16(p0, avx2_four(a[r][b].values + v * 4));
                __m256i second = _mm256_maddubs_epi16(p1, avx2_four(a[r][b].values + 16 + v * 4));
                sums[r] = _mm256_add_epi16(sums[r], _mm256_add_epi16(first, second));
            }
        }
        __m256 scale = avx2_half(scales), minimum = avx2_half(scales + 32);
        for (int r = 0; r < rows; r++) {
            __m256 d = _mm256_cvtepi32_ps(_mm256_madd_epi16(sums[r], ones));
            y[r] = _mm256_fmadd_ps(d, _mm256_mul_ps(scale, _mm256_set1_ps(a[r][b].scale)), y[r]);
            y[r] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(a[r][b].scaled_sum), y[r]);
        }
    }
    for (int r = 0; r < rows; r++) {
        if (half == 0) { out[r].a = y[r]; } else { out[r].b = y[r]; }
    }
}

E2_INLINE void avx2_q4_rows(const matmul_call *m, int32_t tile, int32_t row, const int rows) {
    v16 y[AVX2_ROWS];
    avx2_q4_half(m, tile, row, rows, 0, y);
    avx2_q4_half(m, tile, row, rows, 1, y);
    for (int r = 0; r < rows; r++) { matmul_put(m, tile, row + r, y[r]); }
}

// Eight of a tile's outputs (`half` 0 or 1), so that the sums of both halves of the weights stay in registers.
E2_INLINE void avx2_q8(const matmul_call *m, int32_t tile, int32_t row, const int rows, int half, v16 *out) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const uint8_t *w = e2_tile(m->w, tile), *scales = w + (size_t)blocks * E2_Q8_BLOCK_BYTES + half * 16;
    const e2_qblock *a[AVX2_ROWS];
    __m256 y[AVX2_ROWS];
    w += half * 32;
    for (int r = 0; r < rows; r++) {
        a[r] = m->input.blocks + (size_t)(row + r) * (size_t)blocks;
        y[r] = _mm256_setzero_ps();
    }
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1), sixteens = _mm256_set1_epi16(16);
    for (int32_t b = 0; b < blocks; b++, w += E2_Q8_BLOCK_BYTES, scales += E2_Q8_SCALE_BYTES) {
        __m256i sums[AVX2_ROWS][2];
        for (int r = 0; r < rows; r++) { sums[r][0] = sums[r][1] = _mm256_setzero_si256(); }
#pragma clang loop unroll(full)
        for (int v = 0; v < 8; v++) {
            __m256i p = _mm256_load_si256((const __m256i *)(w + v * 64));
            __m256i lows = _mm256_and_si256(p, low), highs = _mm256_and_si256(_mm256_srli_epi16(p, 4), low);
            for (int r = 0; r < rows; r++) {
                __m256i x = avx2_four(a[r][b].values + v * 4);
                sums[r][0] = _mm256_add_epi16(sums[r][0], _mm256_maddubs_epi16(lows, x));
                sums[r][1] = _mm256_add_epi16(sums[r][1], _mm256_maddubs_epi16(highs, x));
            }
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
    v16 y[AVX2_ROWS];
    avx2_q8(m, tile, row, rows, 0, y);
    avx2_q8(m, tile, row, rows, 1, y);
    for (int r = 0; r < rows; r++) { matmul_put(m, tile, row + r, y[r]); }
}

#define AVX2_CASES(kernel, one)                                                                      \
    for (; row + AVX2_ROWS <= end; row += AVX2_ROWS) { kernel(m, tile, row, AVX2_ROWS); }            \
    switch (end - row) {                                                                             \
    case 3: kernel(m, tile, row, 3); break;                                                          \
    case 2: kernel(m, tile, row, 2); break;                                                          \
    case 1: one; break;                                                                              \
    default: break;                                                                                  \
    }

static void avx2_tile(const matmul_call *m, int32_t tile, int32_t row, int32_t end) {
    if (m->w->form == E2_FORM_Q4) {
        AVX2_CASES(avx2_q4_rows, avx2_q4_one(m, tile, row))
    } else {
        AVX2_CASES(avx2_q8_rows, avx2_q8_rows(m, tile, row, 1))
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
