// Reading the blocks of quantised GGUF types (layouts: the GGUF format and the reference in the Python package gguf).

#ifndef E2_SOURCE_BLOCKS_H
#define E2_SOURCE_BLOCKS_H

#include "internal.h"

// 32 weights: scale * (q - offset of the packed form) + minimum, with scale[1] for the last 16.
typedef struct {
    uint8_t q[32];
    float scale[2];
    float minimum;
} source_block;

E2_INLINE float source_half(const uint8_t *p) { return e2_soft_float_from_half((uint16_t)(p[0] | p[1] << 8)); }

E2_INLINE void source_set(source_block *out, float scale, float minimum) {
    out->scale[0] = out->scale[1] = scale;
    out->minimum = minimum;
}

// Q4_0, Q4_1, Q5_0, Q5_1: scale, minimum (_1), 32 highest bits (Q5), nibbles: low halves first.
E2_INLINE void source_simple(const uint8_t *p, bool minimum, bool five, source_block *out) {
    source_set(out, source_half(p), minimum ? source_half(p + 2) : 0.0f);
    p += minimum ? 4 : 2;
    uint32_t high = 0;
    if (five) {
        memcpy(&high, p, 4);
        p += 4;
    }
    for (int i = 0; i < 16; i++) {
        out->q[i] = p[i] & 15;
        out->q[16 + i] = p[i] >> 4;
    }
    if (five) {
        for (int i = 0; i < 32; i++) { out->q[i] |= (uint8_t)((high >> i & 1) << 4); }
    }
}

E2_INLINE void source_q8(const uint8_t *p, source_block *out) {
    source_set(out, source_half(p), 0.0f);
    for (int i = 0; i < 32; i++) { out->q[i] = p[2 + i] ^ 0x80; }
}

// Q4_K, Q5_K: scale and minimum of 256 weights, 6-bit scales and minimums of each 32 in 12 bytes, highest bits (Q5_K:
// bit `part` of 32 bytes), nibbles: 32 bytes hold two parts.
E2_INLINE void source_k(const uint8_t *p, int part, bool five, source_block *out) {
    const uint8_t *s = p + 4, *high = p + 16, *nibbles = p + (five ? 48 : 16) + part / 2 * 32;
    int scale, minimum;
    if (part < 4) {
        scale = s[part] & 63;
        minimum = s[part + 4] & 63;
    } else {
        scale = (s[part + 4] & 15) | s[part - 4] >> 6 << 4;
        minimum = s[part + 4] >> 4 | s[part] >> 6 << 4;
    }
    source_set(out, source_half(p) * (float)scale, -(source_half(p + 2) * (float)minimum));
    int shift = part % 2 * 4;
    for (int i = 0; i < 32; i++) { out->q[i] = nibbles[i] >> shift & 15; }
    if (five) {
        for (int i = 0; i < 32; i++) { out->q[i] |= (uint8_t)((high[i] >> part & 1) << 4); }
    }
}

// Q6_K: per 128 weights 64 bytes of nibbles and 32 of upper bits; then a signed scale per 16 weights, then the scale of
// all.
E2_INLINE void source_q6(const uint8_t *p, int part, source_block *out) {
    const uint8_t *nibbles = p + part / 4 * 64 + part % 2 * 32, *high = p + 128 + part / 4 * 32;
    const int8_t *scales = (const int8_t *)(p + 192 + part * 2);
    float scale = source_half(p + 208);
    out->scale[0] = scale * (float)scales[0];
    out->scale[1] = scale * (float)scales[1];
    out->minimum = 0.0f;
    int shift = part % 4 / 2 * 4, high_shift = part % 4 * 2;
    for (int i = 0; i < 32; i++) {
        out->q[i] = (uint8_t)((nibbles[i] >> shift & 15) | (high[i] >> high_shift & 3) << 4);
    }
}

// Weights 32 b ..< 32 b + 32 of a row of a quantised type.
E2_INLINE void source_read(e2_type type, const uint8_t *row, int64_t b, source_block *out) {
    switch (type) {
    case E2_TYPE_Q4_0: source_simple(row + b * 18, false, false, out); break;
    case E2_TYPE_Q4_1: source_simple(row + b * 20, true, false, out); break;
    case E2_TYPE_Q5_0: source_simple(row + b * 22, false, true, out); break;
    case E2_TYPE_Q5_1: source_simple(row + b * 24, true, true, out); break;
    case E2_TYPE_Q8_0: source_q8(row + b * 34, out); break;
    case E2_TYPE_Q4_K: source_k(row + b / 8 * 144, (int)(b % 8), false, out); break;
    case E2_TYPE_Q5_K: source_k(row + b / 8 * 176, (int)(b % 8), true, out); break;
    case E2_TYPE_Q6_K: source_q6(row + b / 8 * 210, (int)(b % 8), out); break;
    default: break;
    }
}

#endif
