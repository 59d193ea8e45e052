// Quantised matrix products with AVX-512 VNNI: one instruction multiplies sixteen outputs by four activations.

enum {
    VNNI_ROWS = 8,  // sixteen sums and results: enough to hide what is not multiplying, and room for the rest
};

#define VNNI_UNROLL _Pragma("clang loop unroll(full)")

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
E2_INLINE __m512i vnni_excess(e2_form form, const int32_t *a_sum) {
    __m512i sum = _mm512_set1_epi32(*a_sum);
    VNNI_KEEP(sum);  // broadcast while loading, then one shift
    return _mm512_slli_epi32(sum, (unsigned)__builtin_ctz((unsigned)e2_weight_offset(form)));
}

// The same for Q6 and one half of the inputs, negative, as what its sum starts with. General registers compute it and
// memory broadcasts it: there the vector units have too much to do already.
E2_INLINE __m512i vnni_start(const e2_qblock *a, int pass, volatile int32_t *place) {
    *place = -32 * (pass == 0 ? a->first_sum : a->sum - a->first_sum);
    return _mm512_set1_epi32(*place);
}

// Asks for weights that are needed a while later. Tiles follow each other in memory, and so do the matrices of a layer:
// reading straight on, in steps of a block, is what the prefetchers of a processor follow too. Q8 has twice the bytes
// for the same work: in the first-level cache they would wait for its few places for misses.
E2_INLINE void vnni_prefetch(e2_form form, const uint8_t *tile, int32_t b) {
    const size_t bytes = e2_vector_bytes(form) + e2_scale_bytes(form);
    const uint8_t *p = tile + (size_t)b * bytes;
    for (size_t i = 0; i < bytes; i += 64) {
        if (form == E2_FORM_Q8) {
            __builtin_prefetch(p + 49152 + i, 0, 2);
        } else {
            __builtin_prefetch(p + 16384 + i, 0, 3);
        }
    }
}

// `rows` rows times a tile. Every loop over a constant is unrolled by name: what the compiler unrolls only after it has
// placed the arrays in memory stays there, and each sum is then loaded and stored again for each product.
E2_INLINE void vnni_rows(const matmul_call *m, e2_form form, int32_t tile, int32_t row, const int rows) {
    const int32_t blocks = m->w->cols / E2_BLOCK;
    const uint8_t *w = e2_tile(m->w, tile), *scales = w + e2_scale_offset(form, blocks, 0);
    const e2_qblock *a[VNNI_ROWS];
    v16 y[VNNI_ROWS];
    VNNI_UNROLL
    for (int r = 0; r < rows; r++) {
        a[r] = m->input.blocks + (size_t)(row + r) * (size_t)blocks;
        y[r] = v_set(0.0f);
    }
    // Q6 has a sum per half of the inputs.
    const int passes = form == E2_FORM_Q6 ? 2 : 1, steps = 8 / passes;
    int32_t starts[VNNI_ROWS];
    for (int32_t b = 0; b < blocks; b++) {
        const uint8_t *vectors = w + e2_vector_offset(form, b);
        const uint16_t *scale_words = (const uint16_t *)(scales + (size_t)b * e2_scale_bytes(form));
        vnni_prefetch(form, w, b);
        VNNI_UNROLL
        for (int pass = 0; pass < passes; pass++) {
            __m512i sums[VNNI_ROWS];
            VNNI_UNROLL
            for (int r = 0; r < rows; r++) {
                sums[r] = form == E2_FORM_Q6 ? vnni_start(&a[r][b], pass, &starts[r]) : _mm512_setzero_si512();
            }
            VNNI_UNROLL
            for (int step = 0; step < steps; step++) {
                VNNI_ORDER;
                int v = passes == 2 ? step : step / 2, half = passes == 2 ? pass : step % 2;
                __m512i weights = vnni_weights(form, vectors, v, half);
                VNNI_UNROLL
                for (int r = 0; r < rows; r++) {
                    __m512i x = vnni_four(a[r][b].values + 16 * half + 4 * v);
                    sums[r] = _mm512_dpbusd_epi32(sums[r], weights, x);
                    VNNI_KEEP(sums[r]);
                }
            }
            v16 scale = v_load_half(scale_words + 16 * pass);
            VNNI_UNROLL
            for (int r = 0; r < rows; r++) {
                if (form != E2_FORM_Q6 && !e2_has_minimum(form)) {
                    sums[r] = _mm512_sub_epi32(sums[r], vnni_excess(form, &a[r][b].sum));
                }
                y[r] = v_fma(v_whole(sums[r]), v_mul(scale, v_set(a[r][b].scale)), y[r]);
                VNNI_KEEP(y[r]);  // not with those of the other half: they would need registers until then
            }
            if (e2_has_minimum(form)) {
                v16 minimum = v_load_half(scale_words + 16);
                VNNI_UNROLL
                for (int r = 0; r < rows; r++) { y[r] = v_fma(minimum, v_set(a[r][b].scaled_sum), y[r]); }
            }
        }
    }
    VNNI_UNROLL
    for (int r = 0; r < rows; r++) { matmul_put(m, tile, row + r, y[r]); }
}

// A function per form and number of rows.
#define VNNI_KERNEL(form, rows)                                                                             \
    static __attribute__((noinline)) void vnni_##form##_##rows(                                             \
        const matmul_call *m, int32_t tile, int32_t row) {                                                  \
        vnni_rows(m, E2_FORM_##form, tile, row, rows);                                                      \
    }
#define VNNI_FORM(form)                                                                                     \
    VNNI_KERNEL(form, 1) VNNI_KERNEL(form, 2) VNNI_KERNEL(form, 3) VNNI_KERNEL(form, 4)                     \
    VNNI_KERNEL(form, 5) VNNI_KERNEL(form, 6) VNNI_KERNEL(form, 7) VNNI_KERNEL(form, 8)
#define VNNI_LIST(form)                                                                                     \
    [E2_FORM_##form] = {                                                                                    \
        vnni_##form##_1, vnni_##form##_2, vnni_##form##_3, vnni_##form##_4,                                 \
        vnni_##form##_5, vnni_##form##_6, vnni_##form##_7, vnni_##form##_8}

VNNI_FORM(Q4)
VNNI_FORM(Q4M)
VNNI_FORM(Q5)
VNNI_FORM(Q5M)
VNNI_FORM(Q6)
VNNI_FORM(Q8)

static void (*const vnni_kernels[][VNNI_ROWS])(const matmul_call *m, int32_t tile, int32_t row) = {
    VNNI_LIST(Q4), VNNI_LIST(Q4M), VNNI_LIST(Q5), VNNI_LIST(Q5M), VNNI_LIST(Q6), VNNI_LIST(Q8)};

static void matmul_quantised(const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {
    int32_t panel = matmul_panel(m->w->cols);
    for (int32_t first = 0; first < rows; first += panel) {
        int32_t last = rows - first < panel ? rows : first + panel;
        for (int32_t tile = begin; tile < end; tile++) {
            for (int32_t row = first, group; row < last; row += group) {
                // Groups of nearly equal size: nine rows are five and four rather than eight and one.
                int32_t groups = (last - row + VNNI_ROWS - 1) / VNNI_ROWS;
                group = (last - row + groups - 1) / groups;
                vnni_kernels[m->w->form][group - 1](m, tile, row);
            }
        }
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
