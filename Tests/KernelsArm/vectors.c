// Operations on vectors, and the half floats: all of them, and floats of every kind.

#pragma STDC FP_CONTRACT OFF

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

static const int32_t lengths[] = {1, 7, 8, 15, 16, 17, 31, 32, 48, 64, 100, 576, 1537};
enum { LENGTHS = sizeof lengths / sizeof *lengths, LONGEST = 2048 };
static const float limits[] = {1.0f, 100.0f, 1e20f, 1e-35f, 1e-41f};
enum { LIMITS = sizeof limits / sizeof *limits };

static void compare_length(tables t, int32_t n, float limit) {
    static float x[LONGEST], y[LONGEST], p[LONGEST], q[LONGEST];
    size_t count = (size_t)n;
    random_floats(count, limit, x);
    random_floats(count, 1.0f, y);
    if (limit == 100.0f && n > 8) {
        const float special[] = {NAN, INFINITY, -INFINITY, -0.0f, 88.0f, -87.0f};
        memcpy(x + random_between(0, n - 6), special, sizeof special);
    }
    describe("%d values within %g", n, (double)limit);
    t.scalar->exp(n, x, p);
    t.other->exp(n, x, q);
    same_floats(KIND_EXP, count, p, q);
    t.scalar->rmsnorm(n, x, y, 1e-5f, p);
    t.other->rmsnorm(n, x, y, 1e-5f, q);
    same_floats(KIND_RMSNORM, count, p, q);
    memcpy(p, x, count * 4);
    memcpy(q, x, count * 4);
    t.scalar->silu_mul(n, p, y);
    t.other->silu_mul(n, q, y);
    same_floats(KIND_SILU_MUL, count, p, q);
    memcpy(p, x, count * 4);
    memcpy(q, x, count * 4);
    t.scalar->gelu_mul(n, p, y);
    t.other->gelu_mul(n, q, y);
    same_floats(KIND_GELU_MUL, count, p, q);
    float expected = t.scalar->sum(n, x), result = t.other->sum(n, x);
    same_floats(KIND_SUM, 1, &expected, &result);
    for (int pairing = 0; pairing < 2 && n % 2 == 0; pairing++) {
        describe("%d values within %g, pairing %d", n, (double)limit, pairing);
        memcpy(p, x, count * 4);
        memcpy(q, x, count * 4);
        t.scalar->rope(n, (e2_rope_pairing)pairing, y, p);
        t.other->rope(n, (e2_rope_pairing)pairing, y, q);
        same_floats(KIND_ROPE, count, p, q);
    }
}

static void compare_quantize(tables t, float limit) {
    enum { BLOCKS = 40 };
    static float x[BLOCKS * 32];
    static e2_qblock p[BLOCKS], q[BLOCKS];
    random_floats(BLOCKS * 32, limit, x);
    for (int i = 0; i < 32; i++) {
        x[i] = (float)(i - 16) * limit;                        // equal steps
        x[32 + i] = ((float)i + 0.5f) * (limit / 127.0f);      // ties
        x[64 + i] = 0.0f;
    }
    x[63] = limit;
    x[100] = NAN;
    x[150] = INFINITY;
    x[170] = -INFINITY;
    describe("blocks within %g", (double)limit);
    t.scalar->quantize(x, BLOCKS, p);
    t.other->quantize(x, BLOCKS, q);
    for (int b = 0; b < BLOCKS; b++) {
        same_floats(KIND_QUANTIZE, 2, &p[b].scale, &q[b].scale);
        same_bytes(KIND_QUANTIZE, sizeof(e2_qblock) - 8, &p[b].sum, &q[b].sum);
    }
}

static void compare_all_halves(tables t) {
    enum { COUNT = 65536 };
    uint16_t *halves = memory(COUNT * 2);
    float *p = memory(COUNT * 4), *q = memory(COUNT * 4);
    for (int i = 0; i < COUNT; i++) { halves[i] = (uint16_t)i; }
    describe("all halves");
    t.scalar->float_from_half(COUNT, halves, p);
    t.other->float_from_half(COUNT, halves, q);
    same_bytes(KIND_FLOAT_FROM_HALF, COUNT * 4, p, q);  // NaNs too: they may end in the KV cache
    t.scalar->float_from_half(11, halves + 1020, p);
    t.other->float_from_half(11, halves + 1020, q);
    same_bytes(KIND_FLOAT_FROM_HALF, 11 * 4, p, q);
    free(halves);
    free(p);
    free(q);
}

// Every exponent and the bits around the places where a half ends: neighbours, ties, ties plus or minus one.
static void compare_floats_to_halves(tables t) {
    static const uint32_t ends[] = {0x0000, 0x0001, 0x0fff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x2fff, 0x3000, 0x3001};
    enum { ENDS = sizeof ends / sizeof *ends, TOPS = 1 << 13, COUNT = ENDS * TOPS + 200000 + 11 };
    float *x = memory(COUNT * 4);
    uint16_t *p = memory(COUNT * 2), *q = memory(COUNT * 2);
    size_t count = 0;
    for (uint32_t top = 0; top < TOPS; top++) {  // sign, exponent, four bits of the fraction
        uint32_t middle = (uint32_t)random_bits() & 0x78000;
        for (size_t e = 0; e < ENDS; e++) {
            uint32_t bits = top << 19 | middle | ends[e];
            memcpy(x + count++, &bits, 4);
        }
    }
    for (; count < COUNT; count++) {
        uint32_t bits = (uint32_t)random_bits();
        if (count % 2 == 0) { bits = (bits & 0x81ffffffu) + 0x32000000u + (bits >> 25 & 0x17) * 0x1000000u; }
        memcpy(x + count, &bits, 4);
    }
    describe("floats of every exponent");
    t.scalar->half_from_float(COUNT, x, p);
    t.other->half_from_float(COUNT, x, q);
    same_bytes(KIND_HALF_FROM_FLOAT, COUNT * 2, p, q);
    free(x);
    free(p);
    free(q);
}

void compare_vectors(tables t) {
    random_seed(1);
    for (int l = 0; l < LENGTHS; l++) {
        for (int k = 0; k < LIMITS; k++) { compare_length(t, lengths[l], limits[k]); }
    }
    // exp over its whole range.
    enum { STEPS = 20000 };
    static float x[STEPS], p[STEPS], q[STEPS];
    for (int i = 0; i < STEPS; i++) { x[i] = -95.0f + (float)i * (190.0f / STEPS); }
    describe("steps from -95 to 95");
    t.scalar->exp(STEPS, x, p);
    t.other->exp(STEPS, x, q);
    same_floats(KIND_EXP, STEPS, p, q);
    for (int k = 0; k < LIMITS; k++) { compare_quantize(t, limits[k]); }
    compare_quantize(t, 1e-29f);
    compare_all_halves(t);
    compare_floats_to_halves(t);
}
