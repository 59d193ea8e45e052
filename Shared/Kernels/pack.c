// Packing of matrices into tiles (layouts: internal.h).

#pragma STDC FP_CONTRACT OFF

#include "source_blocks.h"

e2_form e2_packed_form(e2_type type) {
    switch (type) {
    case E2_TYPE_Q4_0: return E2_FORM_Q4;
    case E2_TYPE_Q4_1:
    case E2_TYPE_Q4_K: return E2_FORM_Q4M;
    case E2_TYPE_Q5_0: return E2_FORM_Q5;
    case E2_TYPE_Q5_1:
    case E2_TYPE_Q5_K: return E2_FORM_Q5M;
    case E2_TYPE_Q6_K: return E2_FORM_Q6;
    case E2_TYPE_Q8_0: return E2_FORM_Q8;
    case E2_TYPE_F16: return E2_FORM_F16;
    case E2_TYPE_BF16: return E2_FORM_BF16;
    case E2_TYPE_F32: return E2_FORM_F32;
    }
    return E2_FORM_F32;
}

int32_t e2_tile_count(int64_t rows) { return (int32_t)((rows + E2_TILE_ROWS - 1) / E2_TILE_ROWS); }

size_t e2_packed_bytes(e2_type type, int64_t rows, int64_t cols) {
    if (!e2_type_supported(type) || rows <= 0 || cols <= 0) { return 0; }
    if (cols % E2_BLOCK != 0 || cols % e2_type_block_values(type) != 0) { return 0; }
    if (rows > INT32_MAX - E2_TILE_ROWS || cols > INT32_MAX - E2_BLOCK) { return 0; }
    size_t bytes;
    if (__builtin_mul_overflow((size_t)e2_tile_count(rows), e2_tile_bytes(e2_packed_form(type), cols), &bytes)) {
        return 0;
    }
    return bytes;
}

static void put_word(uint8_t *p, uint32_t word) { memcpy(p, &word, 4); }

// One row's part of a block: four weights at a time as the bytes of a word.
E2_INLINE void pack_block(e2_form form, const source_block *source, int row, uint8_t *vectors, uint8_t *scales) {
    uint32_t words[8];
    memcpy(words, source->q, 32);
    vectors += row * 4;
    if (form == E2_FORM_Q8) {
        for (int v = 0; v < 8; v++) { put_word(vectors + v * 64, words[v]); }
    } else {
        uint32_t low = 0, high = 0;  // the bits above the nibbles
        for (int v = 0; v < 4; v++) {
            put_word(vectors + v * 64, (words[v] & 0x0f0f0f0f) | (words[4 + v] & 0x0f0f0f0f) << 4);
            int shift = form == E2_FORM_Q6 ? 2 * v : v;
            low |= (words[v] >> 4 & 0x03030303) << shift;
            high |= (words[4 + v] >> 4 & 0x03030303) << shift;
        }
        if (form == E2_FORM_Q5 || form == E2_FORM_Q5M) { put_word(vectors + 256, low | high << 4); }
        if (form == E2_FORM_Q6) {
            put_word(vectors + 256, low);
            put_word(vectors + 320, high);
        }
    }
    uint16_t scale = e2_soft_half_from_float(source->scale[0]);
    memcpy(scales + row * 2, &scale, 2);
    if (e2_scale_bytes(form) == 64) {
        scale = e2_soft_half_from_float(e2_has_minimum(form) ? source->minimum : source->scale[1]);
        memcpy(scales + 32 + row * 2, &scale, 2);
    }
}

E2_INLINE void pack_tile(
    e2_type type, const uint8_t *source, size_t row_bytes, int count, int64_t blocks, uint8_t *tile) {
    e2_form form = e2_packed_form(type);
    for (int64_t b = 0; b < blocks; b++) {
        uint8_t *vectors = tile + e2_vector_offset(form, b), *scales = tile + e2_scale_offset(form, blocks, b);
        for (int r = 0; r < count; r++) {
            source_block block;
            source_read(type, source + (size_t)r * row_bytes, b, &block);
            pack_block(form, &block, r, vectors, scales);
        }
    }
}

// Transposes rows of values of 2 or 4 bytes.
E2_INLINE void pack_values(
    const uint8_t *source, size_t row_bytes, int count, int64_t cols, int value_bytes, uint8_t *tile) {
    for (int64_t k = 0; k < cols; k++) {
        for (int r = 0; r < count; r++) {
            memcpy(
                tile + (k * 16 + r) * value_bytes, source + (size_t)r * row_bytes + k * value_bytes,
                (size_t)value_bytes);
        }
    }
}

#define PACK_TILE(type)                                                              \
    case type: pack_tile(type, source, row_bytes, count, cols / 32, tile); break;

static void pack_any(
    e2_type type, const uint8_t *source, size_t row_bytes, int count, int64_t cols, uint8_t *tile) {
    switch (type) {
        PACK_TILE(E2_TYPE_Q4_0)
        PACK_TILE(E2_TYPE_Q4_1)
        PACK_TILE(E2_TYPE_Q5_0)
        PACK_TILE(E2_TYPE_Q5_1)
        PACK_TILE(E2_TYPE_Q8_0)
        PACK_TILE(E2_TYPE_Q4_K)
        PACK_TILE(E2_TYPE_Q5_K)
        PACK_TILE(E2_TYPE_Q6_K)
    case E2_TYPE_F16:
    case E2_TYPE_BF16: pack_values(source, row_bytes, count, cols, 2, tile); break;
    case E2_TYPE_F32: pack_values(source, row_bytes, count, cols, 4, tile); break;
    }
}

e2_status e2_pack_rows(
    e2_type type, const void *source, int64_t rows, int64_t cols, void *destination, int32_t tile_begin,
    int32_t tile_end) {
    if (!e2_type_supported(type)) { return E2_UNSUPPORTED_TYPE; }
    if (e2_packed_bytes(type, rows, cols) == 0) { return E2_BAD_SHAPE; }
    if (tile_begin < 0 || tile_end > e2_tile_count(rows)) { return E2_BAD_SHAPE; }
    e2_form form = e2_packed_form(type);
    size_t row_bytes = e2_type_row_bytes(type, cols), tile_bytes = e2_tile_bytes(form, cols);
    for (int32_t t = tile_begin; t < tile_end; t++) {
        uint8_t *tile = (uint8_t *)destination + (size_t)t * tile_bytes;
        int64_t first = (int64_t)t * E2_TILE_ROWS;
        int count = rows - first < E2_TILE_ROWS ? (int)(rows - first) : E2_TILE_ROWS;
        if (count < E2_TILE_ROWS) {
            memset(tile, 0, tile_bytes);  // scale 0
        } else if (e2_quantised(form)) {
            size_t used = e2_scale_offset(form, cols / E2_BLOCK, cols / E2_BLOCK);
            memset(tile + used, 0, tile_bytes - used);
        }
        pack_any(type, (const uint8_t *)source + (size_t)first * row_bytes, row_bytes, count, cols, tile);
    }
    return E2_OK;
}
