// NEON of every 64-bit Arm CPU, for instance Cortex-A53 and A72 (Raspberry Pi 3 and 4).

#if defined(__aarch64__)

#pragma STDC FP_CONTRACT OFF

#include "lanes_neon.h"

#include "vector_operations.h"

#include "attention_operations.h"
#include "matmul_float.h"

// Sums in 16 bits: four of each output, which neon_fold adds up; two outputs in `first`, two in `second`. Each takes
// one product per vector of weights. Exact over eight vectors of weights below 32, four of weights of 6 bits with a
// sign and two of 8 bits: 8 * 31 * 127, 4 * 32 * 127 and 2 * 128 * 127 are below 2^15.
typedef struct {
    int16x8_t first, second;
} neon_words;

// Products of the weights and four activations, which `a` holds four times.
E2_INLINE neon_words neon_multiply(int8x16_t w, int8x16_t a) {
    return (neon_words){vmull_s8(vget_low_s8(w), vget_low_s8(a)), vmull_high_s8(w, a)};
}

E2_INLINE neon_words neon_multiply_add(neon_words sums, int8x16_t w, int8x16_t a) {
    return (neon_words){vmlal_s8(sums.first, vget_low_s8(w), vget_low_s8(a)), vmlal_high_s8(sums.second, w, a)};
}

#define NEON_FOUR(a, lane) vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(a), lane))

// Sums over 16 inputs.
E2_INLINE neon_words neon_words16(const int8x16_t w[4], int8x16_t a) {
    neon_words sums = neon_multiply(w[0], NEON_FOUR(a, 0));
    sums = neon_multiply_add(sums, w[1], NEON_FOUR(a, 1));
    sums = neon_multiply_add(sums, w[2], NEON_FOUR(a, 2));
    return neon_multiply_add(sums, w[3], NEON_FOUR(a, 3));
}

E2_INLINE int32x4_t neon_fold(neon_words sums) {
    return vpaddq_s32(vpaddlq_s16(sums.first), vpaddlq_s16(sums.second));
}

E2_INLINE int32x4_t neon_sum16(const int8x16_t w[4], int8x16_t a) { return neon_fold(neon_words16(w, a)); }

// The same for 8-bit weights and 32 inputs.
E2_INLINE int32x4_t neon_sum_bytes(const int8x16_t w[8], int8x16_t low, int8x16_t high) {
    const int8x16_t a[8] = {
        NEON_FOUR(low, 0), NEON_FOUR(low, 1), NEON_FOUR(low, 2), NEON_FOUR(low, 3),
        NEON_FOUR(high, 0), NEON_FOUR(high, 1), NEON_FOUR(high, 2), NEON_FOUR(high, 3)};
    int32x4_t first = vdupq_n_s32(0), second = vdupq_n_s32(0);
    for (int v = 0; v < 8; v += 2) {
        neon_words sums = neon_multiply_add(neon_multiply(w[v], a[v]), w[v + 1], a[v + 1]);
        first = vpadalq_s16(first, sums.first);
        second = vpadalq_s16(second, sums.second);
    }
    return vpaddq_s32(first, second);
}

// start + the sums over 32 inputs.
E2_INLINE int32x4_t neon_sum32(e2_form form, const int8x16_t w[8], int8x16_t low, int8x16_t high, int32x4_t start) {
    if (form == E2_FORM_Q8) { return vaddq_s32(start, neon_sum_bytes(w, low, high)); }
    neon_words sums = neon_words16(w, low);
    sums = neon_multiply_add(sums, w[4], NEON_FOUR(high, 0));
    sums = neon_multiply_add(sums, w[5], NEON_FOUR(high, 1));
    sums = neon_multiply_add(sums, w[6], NEON_FOUR(high, 2));
    return vaddq_s32(start, neon_fold(neon_multiply_add(sums, w[7], NEON_FOUR(high, 3))));
}

enum { NEON_CHAINS = 1 };  // rows that are multiplied at the same time

#include "matmul_neon.h"

static int64_t matmul_peak(int64_t rounds) {
    int8x16_t w = vdupq_n_s8(3), x = vdupq_n_s8(5);
    neon_words sums[8];
    for (int i = 0; i < 8; i++) { sums[i].first = sums[i].second = vdupq_n_s16((int16_t)i); }
    for (int64_t n = 0; n < rounds; n++) {
        __asm__ volatile("" : "+w"(x));
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++) { sums[i] = neon_multiply_add(sums[i], w, x); }
    }
    int16x8_t all = vdupq_n_s16(0);
    for (int i = 0; i < 8; i++) { all = veorq_s16(all, veorq_s16(sums[i].first, sums[i].second)); }
    volatile int32_t result = vaddvq_s16(all);
    (void)result;
    return 8 * 16;
}

#define E2_TABLE e2_isa_neon
#define E2_NAME "neon"
#include "isa_table.h"

#endif
