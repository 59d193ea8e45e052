// The reference: plain C, compiled so that nothing is contracted or reordered.

#pragma STDC FP_CONTRACT OFF

#include "lanes_scalar.h"

#include "vector_operations.h"

#include "attention_operations.h"
#include "matmul_float.h"

// The weight of input `k` of a block as it is stored.
E2_INLINE int32_t scalar_weight(e2_form form, const uint8_t *vectors, int row, int k) {
    if (form == E2_FORM_Q8) { return vectors[k / 4 * 64 + row * 4 + k % 4]; }
    int v = k % 16 / 4, byte = row * 4 + k % 4, half = k / 16;
    int32_t weight = vectors[v * 64 + byte] >> 4 * half & 15;
    if (form == E2_FORM_Q5 || form == E2_FORM_Q5M) { weight |= (vectors[256 + byte] >> (4 * half + v) & 1) << 4; }
    if (form == E2_FORM_Q6) { weight |= (vectors[256 + 64 * half + byte] >> 2 * v & 3) << 4; }
    return weight;
}

// All weights of a block with their sign.
E2_INLINE void scalar_weights(e2_form form, const uint8_t *vectors, int16_t weights[32][16]) {
    for (int k = 0; k < E2_BLOCK; k++) {
        E2_EACH weights[k][i] = (int16_t)(scalar_weight(form, vectors, i, k) - e2_weight_offset(form));
    }
}

// The sums over inputs begin..<end as floats: whole numbers below 2^24.
E2_INLINE v16 scalar_sums(int16_t weights[32][16], const int8_t *values, int begin, int end) {
    int32_t sums[16] = {0};
    v16 result;
    for (int k = begin; k < end; k++) { E2_EACH sums[i] += weights[k][i] * values[k]; }
    E2_EACH result.f[i] = (float)sums[i];
    return result;
}

static void matmul_quantised(const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    e2_form form = m->w->form;
    for (int32_t tile = begin; tile < end; tile++) {
        const uint8_t *base = e2_tile(m->w, tile);
        for (int32_t row = 0; row < rows; row++) {
            const e2_qblock *a = m->input.blocks + (size_t)row * (size_t)blocks;
            v16 y = v_set(0.0f);
            for (int32_t b = 0; b < blocks; b++, a++) {
                int16_t weights[32][16];
                scalar_weights(form, base + e2_vector_offset(form, b), weights);
                const uint16_t *scales = (const uint16_t *)(base + e2_scale_offset(form, blocks, b));
                v16 a_scale = v_set(a->scale), scale = v_mul(v_load_half(scales), a_scale);
                if (form == E2_FORM_Q6) {
                    y = v_fma(scalar_sums(weights, a->values, 0, 16), scale, y);
                    y = v_fma(scalar_sums(weights, a->values, 16, 32), v_mul(v_load_half(scales + 16), a_scale), y);
                } else {
                    y = v_fma(scalar_sums(weights, a->values, 0, 32), scale, y);
                    if (e2_has_minimum(form)) { y = v_fma(v_load_half(scales + 16), v_set(a->scaled_sum), y); }
                }
            }
            matmul_put(m, tile, row, y);
        }
    }
}

static int64_t matmul_peak(int64_t rounds) {
    volatile int32_t result = 0;
    int32_t sum = 0;
    int8_t a[64];
    for (int i = 0; i < 64; i++) { a[i] = (int8_t)(result + i); }
    for (int64_t r = 0; r < rounds; r++) {
        for (int i = 0; i < 64; i++) { sum += a[i] * (int8_t)(r + i); }
    }
    result = sum;
    return 64;
}

#define E2_TABLE e2_isa_scalar
#define E2_NAME "scalar"
#include "isa_table.h"
