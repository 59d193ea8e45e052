// Quantised matrix products with 256-bit registers, for AVX2 and AVX-VNNI: one register holds eight outputs times four
// inputs. The file that includes this defines AVX2_VNNI (0 or 1).

enum {
    AVX2_ROWS = 4,
    AVX2_TILES = 4,         // that one or two rows meet at once
    AVX2_UNPACK_ROWS = 12,  // from here on a tile is unpacked before it is used
    AVX2_CHUNK = 16,        // blocks that are unpacked at a time
    AVX2_PANEL = 240,       // rows that use them
};

// Keeps the compiler from moving loads and sums of one step into another, which costs it its registers.
#define AVX2_ORDER __asm__ volatile("" ::: "memory")
#define AVX2_KEEP(x) __asm__ volatile("" : "+x"(x))
// Results lie in memory between blocks, on purpose: sixteen registers do not hold them beside the sums. So that the
// compiler does not try, it must not see where the pointer comes from.
#define AVX2_MEMORY(pointer) __asm__("" : "+r"(pointer) : : "memory")

// Four activations, eight times.
E2_INLINE __m256i avx2_four(const int8_t *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm256_set1_epi32(four);
}

E2_INLINE __m256 avx2_half(const uint8_t *p) { return _mm256_cvtph_ps(_mm_load_si128((const __m128i *)p)); }

// Which bits `mask` of a word lie `shift` bits below bit 4 (above it: negative).
E2_INLINE __m256i avx2_bits(const uint8_t *p, int shift, int mask) {
    __m256i bits = _mm256_load_si256((const __m256i *)p);
    bits = shift > 0 ? _mm256_slli_epi16(bits, shift) : shift < 0 ? _mm256_srli_epi16(bits, -shift) : bits;
    return _mm256_and_si256(bits, _mm256_set1_epi8((char)mask));
}

// The weights of inputs 16 * half + 4 v ..< + 4, as they are stored (Q8 with AVX2: with their sign).
E2_INLINE __m256i avx2_weights(e2_form form, const uint8_t *vectors, int v, int half) {
    if (form == E2_FORM_Q8) {
        __m256i bytes = _mm256_load_si256((const __m256i *)(vectors + (4 * half + v) * 64));
        return AVX2_VNNI ? bytes : _mm256_xor_si256(bytes, _mm256_set1_epi8((char)0x80));
    }
    __m256i weights = avx2_bits(vectors + v * 64, -4 * half, 15);
    if (form == E2_FORM_Q5 || form == E2_FORM_Q5M) {
        weights = _mm256_or_si256(weights, avx2_bits(vectors + 256, half == 0 ? 4 - v : -v, 0x10));
    }
    if (form == E2_FORM_Q6) {
        weights = _mm256_or_si256(weights, avx2_bits(vectors + 256 + half * 64, 4 - 2 * v, 0x30));
    }
    return weights;
}

#if AVX2_VNNI

// Adds the products of step `step` of `steps` to the sum.
E2_INLINE void avx2_add(e2_form form, int step, __m256i weights, __m256i x, __m256i *part, __m256i *sum) {
    (void)form;
    (void)part;
    *sum = _mm256_dpbusd_avx_epi32(step == 0 ? _mm256_setzero_si256() : *sum, weights, x);
    AVX2_KEEP(*sum);
}

#else

// How many products of pairs fit into 16 bits: 2 * 127 * (15, 31, 63, 128) each.
E2_INLINE int avx2_fits(e2_form form) {
    switch (form) {
    case E2_FORM_Q4:
    case E2_FORM_Q4M: return 8;
    case E2_FORM_Q5:
    case E2_FORM_Q5M: return 4;
    case E2_FORM_Q6: return 2;
    default: return 1;
    }
}

// Adds the products of step `step` to `part` (16 bits) and, before that could overflow, `part` to the sum.
E2_INLINE void avx2_add(e2_form form, int step, __m256i weights, __m256i x, __m256i *part, __m256i *sum) {
    int fits = avx2_fits(form);
    __m256i products = form == E2_FORM_Q8
        ? _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights))
        : _mm256_maddubs_epi16(weights, x);
    *part = step % fits == 0 ? products : _mm256_add_epi16(*part, products);
    AVX2_KEEP(*part);
    if (step % fits == fits - 1) {
        products = _mm256_madd_epi16(*part, _mm256_set1_epi16(1));
        *sum = step < fits ? products : _mm256_add_epi32(*sum, products);
    }
}

#endif

// What the offset of the weights adds to a sum, where `a_sum` is the sum of the activations.
E2_INLINE __m256i avx2_excess(e2_form form, int32_t a_sum) {
    __m256i sum = _mm256_set1_epi32(a_sum);
    AVX2_KEEP(sum);  // broadcast while loading, then one shift
    return _mm256_slli_epi32(sum, __builtin_ctz((unsigned)e2_weight_offset(form)));
}

E2_INLINE bool avx2_signed(e2_form form) { return form == E2_FORM_Q8 && !AVX2_VNNI; }

// Weights as bytes and scales as f32: for many rows it pays to unpack a tile once.
typedef struct {
    _Alignas(64) uint8_t weights[AVX2_CHUNK][8][64];  // vector 4 * half + v
    _Alignas(64) float scales[AVX2_CHUNK][2][16];
} avx2_unpacked;

// Where a kernel finds its weights: `unpacked` or, where that is NULL, the tile.
typedef struct {
    const uint8_t *vectors, *scales;
    const avx2_unpacked *unpacked;
} avx2_source;

E2_INLINE __m256i avx2_load(e2_form form, avx2_source w, bool unpacked, int32_t b, int v, int half, int side) {
    if (unpacked) { return _mm256_load_si256((const __m256i *)&w.unpacked->weights[b][4 * half + v][32 * side]); }
    return avx2_weights(form, w.vectors + e2_vector_offset(form, b) + 32 * side, v, half);
}

E2_INLINE __m256 avx2_scale(e2_form form, avx2_source w, bool unpacked, int32_t b, int which, int side) {
    if (unpacked) { return _mm256_load_ps(&w.unpacked->scales[b][which][8 * side]); }
    return avx2_half(w.scales + (size_t)b * e2_scale_bytes(form) + 32 * which + 16 * side);
}

// Steps `step` and `step + 1` of Q6, which fill the 16 bits: a row takes both at once, so that no row's part waits in a
// register for the second.
E2_INLINE void avx2_pair(
    e2_form form, avx2_source w, bool unpacked, int32_t b, int half, int step, const e2_qblock *a, size_t stride,
    const int rows, __m256i sums[][2]) {
    __m256i left = avx2_load(form, w, unpacked, b, step, half, 0);
    __m256i right = avx2_load(form, w, unpacked, b, step, half, 1);
    __m256i next_left = avx2_load(form, w, unpacked, b, step + 1, half, 0);
    __m256i next_right = avx2_load(form, w, unpacked, b, step + 1, half, 1);
    for (int r = 0; r < rows; r++) {
        __m256i part[2], x = avx2_four(a[(size_t)r * stride].values + 16 * half + 4 * step);
        avx2_add(form, step, left, x, &part[0], &sums[r][0]);
        avx2_add(form, step, right, x, &part[1], &sums[r][1]);
        x = avx2_four(a[(size_t)r * stride].values + 16 * half + 4 * step + 4);
        avx2_add(form, step + 1, next_left, x, &part[0], &sums[r][0]);
        avx2_add(form, step + 1, next_right, x, &part[1], &sums[r][1]);
        AVX2_KEEP(sums[r][0]);
        AVX2_KEEP(sums[r][1]);
    }
}

// Adds `blocks` blocks of a tile times `rows` rows to y; row r's blocks start at a + r * stride.
E2_INLINE void avx2_rows(
    e2_form form, avx2_source w, bool unpacked, int32_t blocks, const e2_qblock *a, size_t stride, const int rows,
    float y[][16]) {
    // Q6 has a sum per half of the inputs.
    const int passes = form == E2_FORM_Q6 ? 2 : 1, steps = 8 / passes;
    const bool pairs = !AVX2_VNNI && form == E2_FORM_Q6;
    for (int32_t b = 0; b < blocks; b++, a++) {
#pragma clang loop unroll(full)
        for (int pass = 0; pass < passes; pass++) {
            __m256i part[AVX2_ROWS][2], sums[AVX2_ROWS][2];
            if (pairs) {
#pragma clang loop unroll(full)
                for (int step = 0; step < steps; step += 2) {
                    AVX2_ORDER;
                    avx2_pair(form, w, unpacked, b, pass, step, a, stride, rows, sums);
                }
            }
#pragma clang loop unroll(full)
            for (int step = pairs ? steps : 0; step < steps; step++) {
                AVX2_ORDER;
                int v = passes == 2 ? step : step / 2, half = passes == 2 ? pass : step % 2;
                __m256i left = avx2_load(form, w, unpacked, b, v, half, 0);
                __m256i right = avx2_load(form, w, unpacked, b, v, half, 1);
                for (int r = 0; r < rows; r++) {
                    __m256i x = avx2_four(a[(size_t)r * stride].values + 16 * half + 4 * v);
                    avx2_add(form, step, left, x, &part[r][0], &sums[r][0]);
                    avx2_add(form, step, right, x, &part[r][1], &sums[r][1]);
                }
            }
            __m256 left = avx2_scale(form, w, unpacked, b, pass, 0), right = avx2_scale(form, w, unpacked, b, pass, 1);
            for (int r = 0; r < rows; r++) {
                const e2_qblock *x = a + (size_t)r * stride;
                if (!e2_has_minimum(form) && !avx2_signed(form)) {
                    int32_t sum = pass == 1 ? x->sum - x->first_sum : form == E2_FORM_Q6 ? x->first_sum : x->sum;
                    __m256i excess = avx2_excess(form, sum);
                    sums[r][0] = _mm256_sub_epi32(sums[r][0], excess);
                    sums[r][1] = _mm256_sub_epi32(sums[r][1], excess);
                }
                __m256 scale = _mm256_set1_ps(x->scale), p = _mm256_load_ps(y[r]), q = _mm256_load_ps(y[r] + 8);
                p = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r][0]), _mm256_mul_ps(left, scale), p);
                q = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r][1]), _mm256_mul_ps(right, scale), q);
                if (e2_has_minimum(form)) {
                    __m256 sum = _mm256_set1_ps(x->scaled_sum);
                    p = _mm256_fmadd_ps(avx2_scale(form, w, unpacked, b, 1, 0), sum, p);
                    q = _mm256_fmadd_ps(avx2_scale(form, w, unpacked, b, 1, 1), sum, q);
                }
                _mm256_store_ps(y[r], p);
                _mm256_store_ps(y[r] + 8, q);
            }
        }
    }
}

// All inputs of `rows` rows times some tiles, with the weights from the tiles: several tiles at once are several
// streams from memory.
E2_INLINE void avx2_packed_rows(
    const matmul_call *m, e2_form form, int32_t tile, const int tiles, int32_t row, const int rows) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const e2_qblock *a = m->input.blocks + (size_t)row * (size_t)blocks;
    const uint8_t *base = e2_tile(m->w, tile);
    size_t tile_bytes = e2_tile_bytes(form, m->w->cols);
    _Alignas(64) float results[AVX2_TILES * AVX2_ROWS][16];
    memset(results, 0, (size_t)(tiles * rows) * sizeof *results);
    float(*y)[16] = results;
    AVX2_MEMORY(y);
    for (int32_t b = 0; b < blocks; b++, a++) {
        for (int t = 0; t < tiles; t++) {
            const uint8_t *from = base + (size_t)t * tile_bytes;
            avx2_source w = {
                .vectors = from + e2_vector_offset(form, b), .scales = from + e2_scale_offset(form, blocks, b)};
            e2_prefetch_block(form, w.vectors, w.scales, (size_t)tiles * tile_bytes);
            avx2_rows(form, w, false, 1, a, (size_t)blocks, rows, y + t * rows);
        }
    }
    for (int t = 0; t < tiles; t++) {
        for (int r = 0; r < rows; r++) { matmul_put(m, tile + t, row + r, v_load(y[t * rows + r])); }
    }
}

E2_INLINE void avx2_unpack(
    e2_form form, avx2_source w, int32_t blocks, size_t ahead, avx2_unpacked *out) {
    for (int32_t b = 0; b < blocks; b++) {
        e2_prefetch_block(
            form, w.vectors + e2_vector_offset(form, b), w.scales + (size_t)b * e2_scale_bytes(form), ahead);
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
            __m256i weights = avx2_load(form, w, false, b, i / 2 % 4, i / 8, i % 2);
            _mm256_store_si256((__m256i *)&out->weights[b][i / 2][i % 2 * 32], weights);
        }
        for (int i = 0; i < (e2_scale_bytes(form) == 64 ? 4 : 2); i++) {
            _mm256_store_ps(&out->scales[b][i / 2][i % 2 * 8], avx2_scale(form, w, false, b, i / 2, i % 2));
        }
    }
}

// Full groups of rows; some blocks of the tile are unpacked at a time and meet all rows of the panel.
E2_INLINE void avx2_unpacked_panel(const matmul_call *m, e2_form form, int32_t tile, int32_t row, int32_t rows) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const uint8_t *base = e2_tile(m->w, tile);
    avx2_unpacked chunk, *unpacked = &chunk;
    _Alignas(64) float results[AVX2_PANEL][16], (*y)[16] = results;
    memset(results, 0, (size_t)rows * sizeof *results);
    AVX2_MEMORY(unpacked);
    AVX2_MEMORY(y);
    for (int32_t b = 0; b < blocks; b += AVX2_CHUNK) {
        int32_t count = blocks - b < AVX2_CHUNK ? blocks - b : AVX2_CHUNK;
        avx2_source w = {
            .vectors = base + e2_vector_offset(form, b), .scales = base + e2_scale_offset(form, blocks, b),
            .unpacked = unpacked};
        avx2_unpack(form, w, count, e2_tile_bytes(form, m->w->cols), unpacked);
        for (int32_t r = 0; r < rows; r += AVX2_ROWS) {
            const e2_qblock *a = m->input.blocks + (size_t)(row + r) * (size_t)blocks + b;
            avx2_rows(form, w, true, count, a, (size_t)blocks, AVX2_ROWS, y + r);
        }
    }
    for (int32_t r = 0; r < rows; r++) { matmul_put(m, tile, row + r, v_load(y[r])); }
}

E2_INLINE void avx2_form(const matmul_call *m, e2_form form, int32_t begin, int32_t end, int32_t rows) {
    int32_t panel = matmul_panel(m->w->cols);
    panel = panel < AVX2_PANEL ? panel : AVX2_PANEL;
    for (int32_t first = 0; first < rows; first += panel) {
        int32_t last = rows - first < panel ? rows : first + panel;
        int32_t tile = begin;
        for (; last - first == 1 && tile + AVX2_TILES <= end; tile += AVX2_TILES) {
            avx2_packed_rows(m, form, tile, AVX2_TILES, first, 1);
        }
        for (; last - first == 2 && tile + AVX2_TILES <= end; tile += AVX2_TILES) {
            avx2_packed_rows(m, form, tile, AVX2_TILES, first, 2);
        }
        for (; tile < end; tile++) {
            int32_t row = first, many = (last - first) / AVX2_ROWS * AVX2_ROWS;
            if (many >= AVX2_UNPACK_ROWS) {
                avx2_unpacked_panel(m, form, tile, row, many);
                row += many;
            }
            for (; row + AVX2_ROWS <= last; row += AVX2_ROWS) { avx2_packed_rows(m, form, tile, 1, row, AVX2_ROWS); }
            switch (last - row) {
            case 3: avx2_packed_rows(m, form, tile, 1, row, 3); break;
            case 2: avx2_packed_rows(m, form, tile, 1, row, 2); break;
            case 1: avx2_packed_rows(m, form, tile, 1, row, 1); break;
            default: break;
            }
        }
    }
}

// A function per form.
#define AVX2_FORM(form)                                                                                    \
    static __attribute__((noinline)) void avx2_##form(                                                     \
        const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {                                  \
        avx2_form(m, E2_FORM_##form, begin, end, rows);                                                    \
    }

AVX2_FORM(Q4)
AVX2_FORM(Q4M)
AVX2_FORM(Q5)
AVX2_FORM(Q5M)
AVX2_FORM(Q6)
AVX2_FORM(Q8)

static void matmul_quantised(const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {
    switch (m->w->form) {
    case E2_FORM_Q4: avx2_Q4(m, begin, end, rows); break;
    case E2_FORM_Q4M: avx2_Q4M(m, begin, end, rows); break;
    case E2_FORM_Q5: avx2_Q5(m, begin, end, rows); break;
    case E2_FORM_Q5M: avx2_Q5M(m, begin, end, rows); break;
    case E2_FORM_Q6: avx2_Q6(m, begin, end, rows); break;
    case E2_FORM_Q8: avx2_Q8(m, begin, end, rows); break;
    default: break;
    }
}

// The multiplying instruction alone, which no product can outrun; AVX2 needs one more to add.
static int64_t matmul_peak(int64_t rounds) {
    __m256i w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(5), sums[12];
    for (int i = 0; i < 12; i++) { sums[i] = _mm256_set1_epi16((int16_t)i); }
    for (int64_t n = 0; n < rounds; n++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 12; i++) {
#if AVX2_VNNI
            sums[i] = _mm256_dpbusd_avx_epi32(sums[i], w, x);
#else
            AVX2_KEEP(x);  // else it would be the same product every time
            sums[i] = _mm256_maddubs_epi16(w, x);
#endif
            AVX2_KEEP(sums[i]);
        }
    }
    for (int i = 1; i < 12; i++) { sums[0] = _mm256_xor_si256(sums[0], sums[i]); }
    volatile int32_t result = _mm256_extract_epi32(sums[0], 0);
    (void)result;
    return 12 * 32;
}
