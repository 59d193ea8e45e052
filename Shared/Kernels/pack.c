// Packing of matrices into tiles (layouts: internal.h).

#pragma STDC FP_CONTRACT OFF

#include "internal.h"

e2_form e2_packed_form(e2_type type) {
    switch (type) {
    case E2_TYPE_Q4_0:
    case E2_TYPE_Q4_1: return E2_FORM_Q4;
    case E2_TYPE_Q8_0: return E2_FORM_Q8;
    case E2_TYPE_F16: return E2_FORM_F16;
    case E2_TYPE_F32: return E2_FORM_F32;
    }
    return E2_FORM_F32;
}

int32_t e2_tile_count(int64_t rows) { return (int32_t)((rows + E2_TILE_ROWS - 1) / E2_TILE_ROWS); }

size_t e2_packed_bytes(e2_type type, int64_t rows, int64_t cols) {
    if (!e2_type_supported(type) || rows <= 0 || cols <= 0 || cols % E2_BLOCK != 0) { return 0; }
    if (rows > INT32_MAX - E2_TILE_ROWS || cols > INT32_MAX - E2_BLOCK) { return 0; }
    size_t bytes;
    if (__builtin_mul_overflow((size_t)e2_tile_count(rows), e2_tile_bytes(e2_packed_form(type), cols), &bytes)) {
        return 0;
    }
    return bytes;
}

static uint16_t read_half(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

// One source block of 4 bits into row `row` of a tile's block.
static void pack_q4(e2_type type, const uint8_t *source, int row, uint8_t *block) {
    uint16_t scale = read_half(source), minimum;
    const uint8_t *nibbles = source + (type == E2_TYPE_Q4_1 ? 4 : 2);
    if (type == E2_TYPE_Q4_1) {
        minimum = read_half(source + 2);
    } else {
        minimum = e2_soft_half_from_float(-8.0f * e2_soft_float_from_half(scale));  // exact below 8192
    }
    for (int v = 0; v < 4; v++) { memcpy(block + v * 64 + row * 4, nibbles + v * 4, 4); }
    memcpy(block + 256 + row * 2, &scale, 2);
    memcpy(block + 288 + row * 2, &minimum, 2);
}

static void pack_q8(const uint8_t *source, int row, uint8_t *vectors, uint8_t *scales) {
    for (int k = 0; k < E2_BLOCK; k++) { vectors[k / 4 * 64 + row * 4 + k % 4] = source[2 + k] ^ 0x80; }
    memcpy(scales + row * 2, source, 2);
}

static void pack_row(e2_type type, const uint8_t *source, int64_t cols, int row, uint8_t *tile) {
    int64_t blocks = cols / E2_BLOCK;
    switch (e2_packed_form(type)) {
    case E2_FORM_Q4:
        for (int64_t b = 0; b < blocks; b++) {
            pack_q4(type, source + b * e2_type_block_bytes(type), row, tile + b * E2_Q4_BLOCK_BYTES);
        }
        break;
    case E2_FORM_Q8:
        for (int64_t b = 0; b < blocks; b++) {
            pack_q8(
                source + b * e2_type_block_bytes(type), row, tile + b * E2_Q8_BLOCK_BYTES,
                tile + blocks * E2_Q8_BLOCK_BYTES + b * E2_Q8_SCALE_BYTES);
        }
        break;
    case E2_FORM_F16:
        for (int64_t k = 0; k < cols; k++) { memcpy(tile + (k * 16 + row) * 2, source + k * 2, 2); }
        break;
    case E2_FORM_F32:
        for (int64_t k = 0; k < cols; k++) { memcpy(tile + (k * 16 + row) * 4, source + k * 4, 4); }
        break;
    }
}

e2_status e2_pack_rows(
    e2_type type, const void *source, int64_t rows, int64_t cols, void *destination, int32_t tile_begin,
    int32_t tile_end) {
    if (!e2_type_supported(type)) { return E2_UNSUPPORTED_TYPE; }
    if (e2_packed_bytes(type, rows, cols) == 0) { return E2_BAD_SHAPE; }
    if (tile_begin < 0 || tile_end > e2_tile_count(rows)) { return E2_BAD_SHAPE; }
    size_t row_bytes = e2_type_row_bytes(type, cols), tile_bytes = e2_tile_bytes(e2_packed_form(type), cols);
    for (int32_t t = tile_begin; t < tile_end; t++) {
        uint8_t *tile = (uint8_t *)destination + (size_t)t * tile_bytes;
        int64_t first = (int64_t)t * E2_TILE_ROWS;
        int count = rows - first < E2_TILE_ROWS ? (int)(rows - first) : E2_TILE_ROWS;
        if (count < E2_TILE_ROWS || tile_bytes % 64 != 0 || e2_packed_form(type) == E2_FORM_Q8) {
            memset(tile, 0, tile_bytes);  // padding: scale 0
        }
        for (int r = 0; r < count; r++) {
            pack_row(type, (const uint8_t *)source + (size_t)(first + r) * row_bytes, cols, r, tile);
        }
    }
    return E2_OK;
}
