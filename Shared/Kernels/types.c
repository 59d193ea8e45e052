// The GGUF types: sizes and conversion to f32.

#pragma STDC FP_CONTRACT OFF

#include "source_blocks.h"

bool e2_type_supported(e2_type type) { return e2_type_block_values(type) != 0; }

int32_t e2_type_block_values(e2_type type) {
    switch (type) {
    case E2_TYPE_F32:
    case E2_TYPE_F16:
    case E2_TYPE_BF16: return 1;
    case E2_TYPE_Q4_0:
    case E2_TYPE_Q4_1:
    case E2_TYPE_Q5_0:
    case E2_TYPE_Q5_1:
    case E2_TYPE_Q8_0: return 32;
    case E2_TYPE_Q4_K:
    case E2_TYPE_Q5_K:
    case E2_TYPE_Q6_K: return 256;
    }
    return 0;
}

int32_t e2_type_block_bytes(e2_type type) {
    switch (type) {
    case E2_TYPE_F32: return 4;
    case E2_TYPE_F16:
    case E2_TYPE_BF16: return 2;
    case E2_TYPE_Q4_0: return 18;   // f16 scale, 16 bytes of nibbles
    case E2_TYPE_Q4_1: return 20;   // and f16 minimum
    case E2_TYPE_Q5_0: return 22;   // as Q4_0 and Q4_1, and 4 bytes of highest bits
    case E2_TYPE_Q5_1: return 24;
    case E2_TYPE_Q8_0: return 34;   // f16 scale, 32 bytes
    case E2_TYPE_Q4_K: return 144;  // f16 scale and minimum, 12 bytes of scales and minimums, 128 of nibbles
    case E2_TYPE_Q5_K: return 176;  // and 32 bytes of highest bits
    case E2_TYPE_Q6_K: return 210;  // 128 bytes of nibbles, 64 of upper bits, 16 scales, f16 scale
    }
    return 0;
}

size_t e2_type_row_bytes(e2_type type, int64_t cols) {
    int32_t values = e2_type_block_values(type);
    if (values == 0 || cols < 0 || cols % values != 0 || cols > INT64_MAX / 64) { return 0; }
    return (size_t)(cols / values) * (size_t)e2_type_block_bytes(type);
}

static uint16_t read_word(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

// Products and sums are rounded to f32 one by one, as in the reference.
E2_INLINE void dequantize(e2_type type, const uint8_t *row, int64_t cols, float *out) {
    int32_t offset = e2_weight_offset(e2_packed_form(type));
    bool minimum = e2_has_minimum(e2_packed_form(type));
    for (int64_t b = 0; b < cols / 32; b++, out += 32) {
        source_block block;
        source_read(type, row, b, &block);
        for (int i = 0; i < 32; i++) {
            float value = (float)(block.q[i] - offset) * block.scale[i / 16];
            out[i] = minimum ? value + block.minimum : value;
        }
    }
}

e2_status e2_dequantize_row(e2_type type, const void *source, int64_t cols, float *destination) {
    if (!e2_type_supported(type)) { return E2_UNSUPPORTED_TYPE; }
    if (cols < 0 || cols % e2_type_block_values(type) != 0) { return E2_BAD_SHAPE; }
    const uint8_t *p = source;
    switch (type) {
    case E2_TYPE_F32: memcpy(destination, p, (size_t)cols * 4); break;
    case E2_TYPE_F16:
        for (int64_t i = 0; i < cols; i++) { destination[i] = e2_soft_float_from_half(read_word(p + 2 * i)); }
        break;
    case E2_TYPE_BF16:
        for (int64_t i = 0; i < cols; i++) { destination[i] = e2_float((uint32_t)read_word(p + 2 * i) << 16); }
        break;
    default: dequantize(type, p, cols, destination); break;
    }
    return E2_OK;
}
