// The GGUF types: sizes and conversion to f32.

#pragma STDC FP_CONTRACT OFF

#include "internal.h"

bool e2_type_supported(e2_type type) { return e2_type_block_values(type) != 0; }

int32_t e2_type_block_values(e2_type type) {
    switch (type) {
    case E2_TYPE_F32:
    case E2_TYPE_F16: return 1;
    case E2_TYPE_Q4_0:
    case E2_TYPE_Q4_1:
    case E2_TYPE_Q8_0: return 32;
    }
    return 0;
}

int32_t e2_type_block_bytes(e2_type type) {
    switch (type) {
    case E2_TYPE_F32: return 4;
    case E2_TYPE_F16: return 2;
    case E2_TYPE_Q4_0: return 18;  // f16 scale, 16 bytes of nibbles
    case E2_TYPE_Q4_1: return 20;  // f16 scale, f16 minimum, 16 bytes of nibbles
    case E2_TYPE_Q8_0: return 34;  // f16 scale, 32 bytes
    }
    return 0;
}

size_t e2_type_row_bytes(e2_type type, int64_t cols) {
    int32_t values = e2_type_block_values(type);
    if (values == 0 || cols < 0 || cols % values != 0 || cols > INT64_MAX / 64) { return 0; }
    return (size_t)(cols / values) * (size_t)e2_type_block_bytes(type);
}

static uint16_t read_half(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

static void dequantize_block(e2_type type, const uint8_t *block, float *out) {
    float scale = e2_soft_float_from_half(read_half(block));
    if (type == E2_TYPE_Q8_0) {
        for (int i = 0; i < 32; i++) { out[i] = (float)(int8_t)block[2 + i] * scale; }
        return;
    }
    bool q4_1 = type == E2_TYPE_Q4_1;
    const uint8_t *nibbles = block + (q4_1 ? 4 : 2);
    float minimum = q4_1 ? e2_soft_float_from_half(read_half(block + 2)) : -8.0f * scale;
    for (int i = 0; i < 16; i++) {
        out[i] = (float)(nibbles[i] & 15) * scale + minimum;
        out[16 + i] = (float)(nibbles[i] >> 4) * scale + minimum;
    }
}

e2_status e2_dequantize_row(e2_type type, const void *source, int64_t cols, float *destination) {
    if (!e2_type_supported(type)) { return E2_UNSUPPORTED_TYPE; }
    if (cols < 0 || cols % e2_type_block_values(type) != 0) { return E2_BAD_SHAPE; }
    const uint8_t *p = source;
    if (type == E2_TYPE_F32) {
        memcpy(destination, p, (size_t)cols * 4);
    } else if (type == E2_TYPE_F16) {
        for (int64_t i = 0; i < cols; i++) { destination[i] = e2_soft_float_from_half(read_half(p + 2 * i)); }
    } else {
        for (int64_t i = 0; i < cols; i += 32, p += e2_type_block_bytes(type)) {
            dequantize_block(type, p, destination + i);
        }
    }
    return E2_OK;
}
