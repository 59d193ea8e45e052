// Sixteen f32 lanes in plain C: the reference for the other lanes_*.h, operation by operation.

#include <math.h>

#include "internal.h"

typedef struct { float f[16]; } v16;

#define E2_EACH for (int i = 0; i < 16; i++)

E2_INLINE v16 v_set(float x) { v16 r; E2_EACH r.f[i] = x; return r; }
E2_INLINE v16 v_load(const float *p) { v16 r; memcpy(r.f, p, 64); return r; }
E2_INLINE void v_store(float *p, v16 x) { memcpy(p, x.f, 64); }
E2_INLINE v16 v_load_half(const uint16_t *p) { v16 r; E2_EACH r.f[i] = e2_soft_float_from_half(p[i]); return r; }
E2_INLINE v16 v_load_bf16(const uint16_t *p) { v16 r; E2_EACH r.f[i] = e2_float((uint32_t)p[i] << 16); return r; }
E2_INLINE void v_store_half(uint16_t *p, v16 x) { E2_EACH p[i] = e2_soft_half_from_float(x.f[i]); }
E2_INLINE v16 v_load_int8(const int8_t *p) { v16 r; E2_EACH r.f[i] = (float)p[i]; return r; }
// The lanes must be whole numbers within -128...127.
E2_INLINE void v_store_int8(int8_t *p, v16 x) { E2_EACH p[i] = (int8_t)x.f[i]; }
E2_INLINE v16 v_add(v16 a, v16 b) { v16 r; E2_EACH r.f[i] = a.f[i] + b.f[i]; return r; }
E2_INLINE v16 v_sub(v16 a, v16 b) { v16 r; E2_EACH r.f[i] = a.f[i] - b.f[i]; return r; }
E2_INLINE v16 v_mul(v16 a, v16 b) { v16 r; E2_EACH r.f[i] = a.f[i] * b.f[i]; return r; }
E2_INLINE v16 v_div(v16 a, v16 b) { v16 r; E2_EACH r.f[i] = a.f[i] / b.f[i]; return r; }
E2_INLINE v16 v_fma(v16 a, v16 b, v16 c) { v16 r; E2_EACH r.f[i] = fmaf(a.f[i], b.f[i], c.f[i]); return r; }
// b where either is NaN.
E2_INLINE v16 v_max(v16 a, v16 b) { v16 r; E2_EACH r.f[i] = a.f[i] > b.f[i] ? a.f[i] : b.f[i]; return r; }
// x < limit ? a : b.
E2_INLINE v16 v_where_less(v16 x, v16 limit, v16 a, v16 b) {
    v16 r;
    E2_EACH r.f[i] = x.f[i] < limit.f[i] ? a.f[i] : b.f[i];
    return r;
}
// Lanes first... get `other`.
E2_INLINE v16 v_replace_from(v16 x, int first, float other) {
    E2_EACH if (i >= first) { x.f[i] = other; }
    return x;
}
// (bits of x << 23) + bits of 1.0.
E2_INLINE v16 v_exponent(v16 x) { v16 r; E2_EACH r.f[i] = e2_float((e2_bits(x.f[i]) << 23) + 0x3f800000u); return r; }
// Bits of the largest magnitude of both, as unsigned numbers (NaN is above infinity).
E2_INLINE uint32_t v_largest_bits(v16 a, v16 b) {
    uint32_t largest = 0;
    E2_EACH {
        uint32_t x = e2_bits(a.f[i]) & 0x7fffffffu, y = e2_bits(b.f[i]) & 0x7fffffffu;
        largest = x > largest ? x : largest;
        largest = y > largest ? y : largest;
    }
    return largest;
}
E2_INLINE float v_sum(v16 x) {
    for (int width = 8; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) { x.f[i] = x.f[i] + x.f[i + width]; }
    }
    return x.f[0];
}
E2_INLINE float v_largest(v16 x) {
    for (int width = 8; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) { x.f[i] = x.f[i] > x.f[i + width] ? x.f[i] : x.f[i + width]; }
    }
    return x.f[0];
}

#define E2_FMAF fmaf
#define E2_FLOAT_ROWS 2
#define E2_ATTENTION_BLOCK 2
#define E2_ATTENTION_DIRECT 4
