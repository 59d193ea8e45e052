// What the files of this target share: tile layouts, half floats, the tables of the instruction sets, phases.

#ifndef E2_INTERNAL_H
#define E2_INTERNAL_H

#include <stdatomic.h>
#include <string.h>

#include "include/e2_kernels.h"

#define E2_INLINE static inline __attribute__((always_inline, unused))

// ------------------------------------------------------------------------------------------------- tile layouts
// All tiles hold 16 output rows. "Block" = 32 inputs.
// Q4: per block four 64-byte vectors of nibbles, then 16 f16 scales and 16 f16 minimums. Byte 4 * row + j of vector v
//     holds input 4 v + j in its low and input 16 + 4 v + j in its high half.
// Q8: all blocks' eight 64-byte vectors (byte 4 * row + j of vector v: input 4 v + j, plus 128), then all blocks'
//     16 f16 scales, padded to 64 bytes.
// F16, F32: per input the 16 rows' values.
enum {
    E2_TILE_ROWS = 16,
    E2_BLOCK = 32,
    E2_Q4_BLOCK_BYTES = 320,
    E2_Q8_BLOCK_BYTES = 512,
    E2_Q8_SCALE_BYTES = 32,
};

E2_INLINE size_t e2_round_up(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Bytes of one tile; `cols` is a positive multiple of 32.
E2_INLINE size_t e2_tile_bytes(e2_form form, int64_t cols) {
    size_t blocks = (size_t)cols / E2_BLOCK;
    switch (form) {
    case E2_FORM_Q4: return blocks * E2_Q4_BLOCK_BYTES;
    case E2_FORM_Q8: return e2_round_up(blocks * (E2_Q8_BLOCK_BYTES + E2_Q8_SCALE_BYTES), 64);
    case E2_FORM_F16: return (size_t)cols * E2_TILE_ROWS * 2;
    default: return (size_t)cols * E2_TILE_ROWS * 4;
    }
}

E2_INLINE const uint8_t *e2_tile(const e2_matrix *w, int32_t tile) {
    return w->tiles + (size_t)tile * e2_tile_bytes(w->form, w->cols);
}

E2_INLINE bool e2_quantised(e2_form form) { return form == E2_FORM_Q4 || form == E2_FORM_Q8; }

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
extern const e2_isa_ops e2_isa_avx512vnni;
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

// --------------------------------------------------------------------------------------------------------- rope

// Cosines and sines of one position: [dimensions / 2] each.
void e2_rope_turn(int32_t dimensions, const double *frequencies, int32_t position, float *turn);

#endif
