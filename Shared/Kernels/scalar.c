// The reference: plain C, compiled so that nothing is contracted or reordered.

#pragma STDC FP_CONTRACT OFF

#include "lanes_scalar.h"

#include "vector_operations.h"

#include "attention_operations.h"
#include "matmul_float.h"

static int32_t scalar_weight(const uint8_t *vectors, e2_form form, int row, int k) {
    if (form == E2_FORM_Q8) { return (int32_t)vectors[k / 4 * 64 + row * 4 + k % 4] - 128; }
    int half = k % 16;
    uint8_t byte = vectors[half / 4 * 64 + row * 4 + half % 4];
    return k < 16 ? byte & 15 : byte >> 4;
}

static void matmul_quantised(const matmul_call *m, int32_t begin, int32_t end, int32_t rows) {
    int32_t blocks = m->w->cols / E2_BLOCK;
    e2_form form = m->w->form;
    for (int32_t tile = begin; tile < end; tile++) {
        const uint8_t *base = e2_tile(m->w, tile);
        for (int32_t row = 0; row < rows; row++) {
            const e2_qblock *a = m->input.blocks + (size_t)row * (size_t)blocks;
            v16 y = v_set(0.0f);
            for (int32_t b = 0; b < blocks; b++) {
                size_t block_bytes = form == E2_FORM_Q4 ? E2_Q4_BLOCK_BYTES : E2_Q8_BLOCK_BYTES;
                const uint8_t *vectors = base + (size_t)b * block_bytes;
                const uint8_t *scales = form == E2_FORM_Q4
                    ? vectors + 256
                    : base + (size_t)blocks * E2_Q8_BLOCK_BYTES + (size_t)b * E2_Q8_SCALE_BYTES;
                v16 scale = v_load_half((const uint16_t *)scales), sums;
                for (int i = 0; i < 16; i++) {
                    int32_t sum = 0;
                    for (int k = 0; k < E2_BLOCK; k++) { sum += scalar_weight(vectors, form, i, k) * a[b].values[k]; }
                    sums.f[i] = (float)sum;
                }
                y = v_fma(sums, v_mul(scale, v_set(a[b].scale)), y);
                if (form == E2_FORM_Q4) {
                    y = v_fma(v_load_half((const uint16_t *)(scales + 32)), v_set(a[b].scaled_sum), y);
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
