// What the files of this target share: tile layouts, half floats, the tables of the instruction sets, phases.

#ifndef E2_INTERNAL_H
#define E2_INTERNAL_H

#include <stdatomic.h>
#include <string.h>

#include "include/e2_kernels.h"

#define E2_INLINE static inline __attribute__((always_inline, unused))

// ------------------------------------------------------------------------------------------------- tile layouts
// All tiles hold 16 output rows; "block" = 32 inputs. A tile of a quantised form is the 64-byte vectors of all blocks
// and behind them the f16 scales of all blocks, padded to 64 bytes. Vectors of a block:
// Q4, Q4M: four of nibbles. Byte 4 * row + j of vector v holds input 4 v + j in its low, input 16 + 4 v + j in its high
//     half.
// Q5, Q5M: the same, and a fifth: bit v of its byte i is the highest bit of the weight in the low half of byte i of
//     vector v, bit 4 + v that of the weight in the high half.
// Q6: the same nibbles, and two: bits 2 v and 2 v + 1 of byte i of the first are the upper two bits of the weight in
//     the low half of byte i of vector v, those of the second belong to the high half.
// Q8: eight of bytes. Byte 4 * row + j of vector v holds input 4 v + j.
// Scales of a block: 16 f16 scales, one per row; then, where the form has them, 16 minimums (Q4M, Q5M) or the 16 scales
// of inputs 16..<32 (Q6). Weights are stored with their offset, without a sign.
// F16, BF16, F32: per input the 16 rows' values.
enum {
    E2_TILE_ROWS = 16,
    E2_BLOCK = 32,
};

E2_INLINE size_t e2_round_up(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

E2_INLINE bool e2_quantised(e2_form form) { return form <= E2_FORM_Q8; }

E2_INLINE bool e2_has_minimum(e2_form form) { return form == E2_FORM_Q4M || form == E2_FORM_Q5M; }

// What is stored of a weight of zero, for forms without a minimum.
E2_INLINE int32_t e2_weight_offset(e2_form form) {
    switch (form) {
    case E2_FORM_Q4: return 8;
    case E2_FORM_Q5: return 16;
    case E2_FORM_Q6: return 32;
    case E2_FORM_Q8: return 128;
    default: return 0;
    }
}

// Bytes of the vectors of a block of a quantised form.
E2_INLINE size_t e2_vector_bytes(e2_form form) {
    switch (form) {
    case E2_FORM_Q4:
    case E2_FORM_Q4M: return 4 * 64;
    case E2_FORM_Q5:
    case E2_FORM_Q5M: return 5 * 64;
    case E2_FORM_Q6: return 6 * 64;
    default: return 8 * 64;
    }
}

// Bytes of the scales of a block of a quantised form.
E2_INLINE size_t e2_scale_bytes(e2_form form) { return e2_has_minimum(form) || form == E2_FORM_Q6 ? 64 : 32; }

// Bytes from the start of a tile of `blocks` blocks to the vectors and to the scales of block `b`.
E2_INLINE size_t e2_vector_offset(e2_form form, int64_t b) { return (size_t)b * e2_vector_bytes(form); }
E2_INLINE size_t e2_scale_offset(e2_form form, int64_t blocks, int64_t b) {
    return (size_t)blocks * e2_vector_bytes(form) + (size_t)b * e2_scale_bytes(form);
}

// Bytes of one tile; `cols` is a positive multiple of 32.
E2_INLINE size_t e2_tile_bytes(e2_form form, int64_t cols) {
    switch (form) {
    case E2_FORM_F16:
    case E2_FORM_BF16: return (size_t)cols * E2_TILE_ROWS * 2;
    case E2_FORM_F32: return (size_t)cols * E2_TILE_ROWS * 4;
    default: return e2_round_up(e2_scale_offset(form, cols / E2_BLOCK, cols / E2_BLOCK), 64);
    }
}

// Asks for what lies `ahead` bytes after a block of a quantised form, where the next tiles are: the prefetchers of a
// processor stop where a page ends.
E2_INLINE void e2_prefetch_block(e2_form form, const uint8_t *vectors, const uint8_t *scales, size_t ahead) {
    for (size_t i = 0; i < e2_vector_bytes(form); i += 64) { __builtin_prefetch(vectors + ahead + i, 0, 3); }
    __builtin_prefetch(scales + ahead, 0, 3);
}

E2_INLINE const uint8_t *e2_tile(const e2_matrix *w, int32_t tile) {
    return w->tiles + (size_t)tile * e2_tile_bytes(w->form, w->cols);
}

// -------------------------------------------------------------------------------------------------- half floats
// The same bits as the F16C instructions, also for subnormal numbers and NaN.

E2_INLINE uint32_t e2_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

E2_INLINE float e2_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

E2_INLINE float e2_soft_float_from_half(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
    if (rest >= 0x7c00) {
        return e2_float(sign | 0x7f800000u | (rest & 0x3ff) << 13 | (rest > 0x7c00 ? 0x400000u : 0));
    }
    if (rest < 0x400) {  // subnormal or zero: rest * 2^-24, exact
        return e2_float(sign | e2_bits((float)rest * 0x1p-24f));
    }
    return e2_float(sign | ((rest << 13) + 0x38000000u));
}

E2_INLINE uint16_t e2_soft_half_from_float(float x) {
    uint32_t bits = e2_bits(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) { return (uint16_t)(sign | 0x7e00 | (rest >> 13 & 0x3ff)); }
    if (rest >= 0x477ff000u) { return (uint16_t)(sign | 0x7c00); }
    if (rest < 0x38800000u) {  // subnormal: adding 0.5 rounds to multiples of 2^-24
        return (uint16_t)(sign | (e2_bits(e2_float(rest) + 0.5f) - 0x3f000000u));
    }
    return (uint16_t)(sign | (rest + 0xfffu + (rest >> 13 & 1) - 0x38000000u) >> 13);
}

// ------------------------------------------------------------------------------------------------------- tables

extern const e2_isa_ops e2_isa_scalar;
#if defined(__x86_64__)
extern const e2_isa_ops e2_isa_avx2;
extern const e2_isa_ops e2_isa_avxvnni;
extern const e2_isa_ops e2_isa_avx512vnni;
#elif defined(__aarch64__)
extern const e2_isa_ops e2_isa_neon;
extern const e2_isa_ops e2_isa_neondot;
#endif

// The process-wide table.
const e2_isa_ops *e2_current_isa(void);
// The table that a pool's runs use.
const e2_isa_ops *e2_pool_isa(const e2_pool *pool);

// ------------------------------------------------------------------------------------------------------- phases
// A run is a sequence of phases; each has items that any thread may take. A phase is over when all its items are done,
// even if some thread never came: a thread that the system has put aside delays the others only while it holds an item.

typedef struct e2_phase {
    _Atomic int32_t next;
    _Atomic uint32_t done;
    _Atomic int32_t sleepers;
    int32_t count;
    char padding[48];
} e2_phase;

void e2_phase_reset(e2_phase *phase, int32_t count);
// The next item of the phase, or -1.
E2_INLINE int32_t e2_phase_take(e2_phase *phase) {
    if (atomic_load_explicit(&phase->next, memory_order_relaxed) >= phase->count) { return -1; }
    int32_t item = atomic_fetch_add_explicit(&phase->next, 1, memory_order_relaxed);
    return item < phase->count ? item : -1;
}
// Reports `items` as done and waits until the phase is over.
void e2_phase_finish(e2_phase *phase, int32_t items);

// Runs program(context, thread) on the threads of the pool; returns when the caller's call has returned and no other
// thread is inside. Each call must return only after all phases are over.
void e2_pool_run(e2_pool *pool, void (*program)(void *context, int32_t thread), void *context);

// ----------------------------------------------------------------------------------------------------- KV cache

// One layer's areas in a Q8_0 block.
typedef struct {
    uint8_t *key, *value;
    int32_t kv_heads, head_dim;
} e2_kv_areas;

// Bytes from the start of an area of Q8_0 to the scales of a head.
E2_INLINE size_t e2_kv_scale_offset(int32_t kv_heads, int32_t head_dim, int32_t head) {
    return (size_t)kv_heads * 32 * (size_t)head_dim + (size_t)head * (size_t)head_dim * 2;
}

// Writes a quantised key or value (head_dim / 32 blocks) of one head at one position of a block.
void e2_kv_put_key(const e2_kv_areas *areas, int32_t head, int32_t position, const e2_qblock *blocks);
void e2_kv_put_value(const e2_kv_areas *areas, int32_t head, int32_t position, const e2_qblock *blocks);

// --------------------------------------------------------------------------------------------------------- rope

// Cosines and sines of one position: [dimensions / 2] each.
void e2_rope_turn(int32_t dimensions, const double *frequencies, int32_t position, float *turn);

#endif
