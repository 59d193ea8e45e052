// NEON with the dot products of Armv8.2: Cortex-A55 and A76 (Raspberry Pi 5) and newer.

#if defined(__aarch64__)

#pragma STDC FP_CONTRACT OFF

#include <arm_neon.h>

#include "internal.h"

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

#include "lanes_neon.h"

#include "vector_operations.h"

#include "attention_operations.h"
#include "matmul_float.h"

// start + the sums over 16 inputs for four outputs: exact.
E2_INLINE int32x4_t neon_sum_from(int32x4_t start, const int8x16_t w[4], int8x16_t a) {
    start = vdotq_laneq_s32(start, w[0], a, 0);
    start = vdotq_laneq_s32(start, w[1], a, 1);
    start = vdotq_laneq_s32(start, w[2], a, 2);
    return vdotq_laneq_s32(start, w[3], a, 3);
}

E2_INLINE int32x4_t neon_sum16(const int8x16_t w[4], int8x16_t a) { return neon_sum_from(vdupq_n_s32(0), w, a); }

E2_INLINE int32x4_t neon_sum32(e2_form form, const int8x16_t w[8], int8x16_t low, int8x16_t high, int32x4_t start) {
    (void)form;
    return neon_sum_from(neon_sum_from(start, w, low), w + 4, high);
}

enum { NEON_CHAINS = 2 };  // rows that are multiplied at the same time

#include "matmul_neon.h"

static int64_t matmul_peak(int64_t rounds) {
    int8x16_t w = vdupq_n_s8(3), x = vdupq_n_s8(5);
    int32x4_t sums[16];
    for (int i = 0; i < 16; i++) { sums[i] = vdupq_n_s32(i); }
    for (int64_t n = 0; n < rounds; n++) {
        __asm__ volatile("" : "+w"(x));
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) { sums[i] = vdotq_laneq_s32(sums[i], w, x, 1); }
    }
    for (int i = 1; i < 16; i++) { sums[0] = veorq_s32(sums[0], sums[i]); }
    volatile int32_t result = vaddvq_s32(sums[0]);
    (void)result;
    return 16 * 16;
}

#define E2_TABLE e2_isa_neondot
#define E2_NAME "neondot"
#include "isa_table.h"

#pragma clang attribute pop

#endif
