// Quantised matrix products with NEON: a "quarter" is four of a tile's outputs, whose weights of one block are eight
// registers of four inputs each. The file that includes this defines how they are multiplied (neon_sum16, neon_sum32).

enum { NEON_ROWS = 8, NEON_CHUNK = 4 };

// One block of a tile.
typedef struct {
    const uint8_t *vectors, *scales;
} neon_block;

E2_INLINE neon_block neon_first_block(const matmul_call *m, e2_form form, int32_t tile) {
    const uint8_t *p = m->w->tiles + (size_t)tile * e2_tile_bytes(form, m->w->cols);
    return (neon_block){p, p + e2_scale_offset(form, m->w->cols / E2_BLOCK, 0)};
}

E2_INLINE void neon_next_block(e2_form form, neon_block *block) {
    block->vectors += e2_vector_bytes(form);
    block->scales += e2_scale_bytes(form);
}

// A quarter of a block. Weights of 4 and 5 bits are as stored, those of 6 and 8 bits without their offset.
typedef struct {
    int8x16_t w[8];             // w[v]: inputs 4 v..<4 v + 4 of each output
    float32x4_t scale, second;  // second: the minimums, or the scales of inputs 16..<32
} neon_quarter;

// Each bit of `x` moved to the left, or with a negative count to the right.
E2_INLINE uint8x16_t neon_shift(uint8x16_t x, const int left) {
    return left >= 0 ? x << (uint8_t)left : x >> (uint8_t)-left;
}

E2_INLINE void neon_widen(e2_form form, const uint8_t *p, int8x16_t w[8]) {
    if (form == E2_FORM_Q8) {
        for (int v = 0; v < 8; v++) {
            w[v] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p + v * 64), vdupq_n_u8(128)));
        }
        return;
    }
    bool five = form == E2_FORM_Q5 || form == E2_FORM_Q5M, six = form == E2_FORM_Q6;
    uint8x16_t upper[2];  // the upper bits of w[0...3] and of w[4...7]
    if (five || six) { upper[0] = upper[1] = vld1q_u8(p + 256); }
    if (six) { upper[1] = vld1q_u8(p + 320); }
    for (int v = 0; v < 4; v++) {
        uint8x16_t nibbles = vld1q_u8(p + v * 64);
        uint8x16_t half[2] = {vandq_u8(nibbles, vdupq_n_u8(15)), vshrq_n_u8(nibbles, 4)};
        for (int h = 0; h < 2; h++) {
            if (five) { half[h] = vbslq_u8(vdupq_n_u8(16), neon_shift(upper[h], 4 - v - 4 * h), half[h]); }
            if (six) {
                half[h] = vbslq_u8(vdupq_n_u8(48), neon_shift(upper[h], 4 - 2 * v), half[h]);
                half[h] = vsubq_u8(half[h], vdupq_n_u8(32));
            }
            w[4 * h + v] = vreinterpretq_s8_u8(half[h]);
        }
    }
}

E2_INLINE neon_quarter neon_load(e2_form form, neon_block block, int quarter) {
    neon_quarter q;
    neon_widen(form, block.vectors + quarter * 16, q.w);
    q.scale = q.second = v_half_lanes((const uint16_t *)block.scales + quarter * 4);
    if (e2_scale_bytes(form) == 64) { q.second = v_half_lanes((const uint16_t *)block.scales + 16 + quarter * 4); }
    return q;
}

// y + one block of a quarter times one row.
E2_INLINE float32x4_t neon_add(e2_form form, const neon_quarter *q, const e2_qblock *a, float32x4_t y) {
    uint8x16_t head = vld1q_u8((const uint8_t *)a);
    float32x4_t scales = vreinterpretq_f32_u8(head);  // scale, scale * sum
    int8x16_t low = vld1q_s8(a->values), high = vld1q_s8(a->values + 16);
    float32x4_t scale = vmulq_laneq_f32(q->scale, scales, 0);
    int32x4_t start = vdupq_n_s32(0);
    if (form == E2_FORM_Q6) {
        y = vfmaq_f32(y, vcvtq_f32_s32(neon_sum16(q->w, low)), scale);
        scale = vmulq_laneq_f32(q->second, scales, 0);
        return vfmaq_f32(y, vcvtq_f32_s32(neon_sum16(q->w + 4, high)), scale);
    }
    if (form == E2_FORM_Q4 || form == E2_FORM_Q5) {
        start = vmulq_laneq_s32(vdupq_n_s32(-e2_weight_offset(form)), vreinterpretq_s32_u8(head), 2);
    }
    y = vfmaq_f32(y, vcvtq_f32_s32(neon_sum32(form, q->w, low, high, start)), scale);
    return e2_has_minimum(form) ? vfmaq_laneq_f32(y, q->second, scales, 1) : y;
}

// Lets what is read through `p` from here on wait for `y`: with all loads first the registers would not suffice. It is
// no instruction.
#define NEON_AFTER(p, y) __asm__("" : "+r"(p), "+w"(y))

// Asks for the weights that are needed a chunk of blocks later: while three of four quarters are computed, nothing new
// is read that the processor could follow.
E2_INLINE void neon_prefetch(e2_form form, const neon_block *block, int quarter) {
    size_t bytes = e2_vector_bytes(form);
    const uint8_t *p = block->vectors + NEON_CHUNK * bytes + (size_t)quarter * (bytes / 4);
    __builtin_prefetch(p);
    if (bytes > 256) { __builtin_prefetch(p + 64); }
}

// `count` blocks of a quarter times some rows, of which `a` is the first: weights and results stay in registers.
E2_INLINE void neon_chunk(
    e2_form form, neon_block block, int quarter, int32_t count, const e2_qblock *a, int32_t stride, const int rows,
    v16 *out) {
    const int chains = form == E2_FORM_Q6 ? 1 : NEON_CHAINS;
    float32x4_t y[NEON_ROWS];
    for (int r = 0; r < rows; r++) { y[r] = out[r].q[quarter]; }
#pragma clang loop unroll(disable)
    for (int32_t b = 0; b < count; b++, a++) {
        neon_quarter q = neon_load(form, block, quarter);
        neon_prefetch(form, &block, quarter);
        neon_next_block(form, &block);
        const e2_qblock *next = a;
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++, next += stride) {
            y[r] = neon_add(form, &q, next, y[r]);
            if (r % chains == chains - 1) { NEON_AFTER(next, y[r]); }
        }
    }
    for (int r = 0; r < rows; r++) { out[r].q[quarter] = y[r]; }
}

// Several rows: the quarters one after the other, a few blocks at a time, so that the weights come from the nearest
// cache after the first quarter.
E2_INLINE void neon_rows(const matmul_call *m, e2_form form, int32_t tile, int32_t row, const int rows) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const e2_qblock *a = m->input.blocks + (size_t)row * (size_t)blocks;
    neon_block block = neon_first_block(m, form, tile);
    v16 out[NEON_ROWS];
    for (int r = 0; r < rows; r++) { out[r] = v_set(0.0f); }
    for (int32_t b = 0; b < blocks; b += NEON_CHUNK) {
        int32_t count = blocks - b < NEON_CHUNK ? blocks - b : NEON_CHUNK;
#pragma clang loop unroll(disable)
        for (int quarter = 0; quarter < 4; quarter++) {
            neon_chunk(form, block, quarter, count, a + b, blocks, rows, out);
        }
        block.vectors += NEON_CHUNK * e2_vector_bytes(form);
        block.scales += NEON_CHUNK * e2_scale_bytes(form);
    }
    for (int r = 0; r < rows; r++) { matmul_put(m, tile, row + r, out[r]); }
}

// One row: the weights pass by once.
E2_INLINE void neon_one(const matmul_call *m, e2_form form, int32_t tile, int32_t row) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    const e2_qblock *a = m->input.blocks + (size_t)row * (size_t)blocks;
    neon_block block = neon_first_block(m, form, tile);
    v16 y = v_set(0.0f);
    for (int32_t b = 0; b < blocks; b++, a++) {
#pragma clang loop unroll(full)
        for (int quarter = 0; quarter < 4; quarter++) {
            neon_quarter q = neon_load(form, block, quarter);
            y.q[quarter] = neon_add(form, &q, a, y.q[quarter]);
            NEON_AFTER(block.vectors, y.q[quarter]);
        }
        neon_next_block(form, &block);
    }
    matmul_put(m, tile, row, y);
}

// A function per form and number of rows.
#define NEON_KERNEL(form, rows)                                                                  \
    static void neon_##form##_##rows(const matmul_call *m, int32_t tile, int32_t row) {          \
        if (rows == 1) { neon_one(m, E2_FORM_##form, tile, row); }                               \
        else { neon_rows(m, E2_FORM_##form, tile, row, rows); }                                  \
    }
#define NEON_FORM(form)                                                                          \
    NEON_KERNEL(form, 1) NEON_KERNEL(form, 2) NEON_KERNEL(form, 3) NEON_KERNEL(form, 4)          \
    NEON_KERNEL(form, 5) NEON_KERNEL(form, 6) NEON_KERNEL(form, 7) NEON_KERNEL(form, 8)
#define NEON_LIST(form)                                                                          \
    [E2_FORM_##form] = {                                                                         \
        neon_##form##_1, neon_##form##_2, neon_##form##_3, neon_##form##_4,                      \
        neon_##form##_5, neon_##form##_6, neon_##form##_7, neon_##form##_8}

NEON_FORM(Q4)
NEON_FORM(Q4M)
NEON_FORM(Q5)
NEON_FORM(Q5M)
NEON_FORM(Q6)
NEON_FORM(Q8)

static void (*const neon_kernels[][NEON_ROWS])(const matmul_call *m, int32_t tile, int32_t row) = {
    NEON_LIST(Q4), NEON_LIST(Q4M), NEON_LIST(Q5), NEON_LIST(Q5M), NEON_LIST(Q6), NEON_LIST(Q8)};

static void neon_tile(const matmul_call *m, int32_t tile, int32_t row, int32_t end) {
    while (row < end) {
        // Groups of equal size: nine rows are five and four rather than eight and one.
        int32_t groups = (end - row + NEON_ROWS - 1) / NEON_ROWS, rows = (end - row + groups - 1) / groups;
        neon_kernels[m->w->form][rows - 1](m, tile, row);
        row += rows;
    }
}

static void matmul_quantised(const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {
    int32_t panel = matmul_panel(m->w->cols);
    for (int32_t row = 0; row < rows; row += panel) {
        int32_t last = rows - row < panel ? rows : row + panel;
        for (int32_t tile = begin; tile < end; tile++) { neon_tile(m, tile, row, last); }
    }
}
