// The KV cache in memory: sizes, writing of quantised positions, copies to and from rows.

#pragma STDC FP_CONTRACT OFF

#include "internal.h"

size_t e2_kv_row_bytes(e2_kv_type type, int32_t head_dim) {
    return type == E2_KV_Q8_0 ? (size_t)head_dim / 32 * 34 : (size_t)head_dim * 2;
}

size_t e2_kv_area_bytes(e2_kv_type type, int32_t kv_heads, int32_t head_dim) {
    return (size_t)kv_heads * E2_KV_BLOCK_POSITIONS * e2_kv_row_bytes(type, head_dim);
}

// ---------------------------------------------------------------------------------------------------- positions

// Where an element of a head lies, in elements from the start of an area.
static size_t element(bool value, int32_t head_dim, int32_t head, int32_t position, int32_t d) {
    size_t first = (size_t)head * 32 * (size_t)head_dim;
    return first + (value ? (size_t)position * (size_t)head_dim + (size_t)d : (size_t)d * 32 + (size_t)position);
}

static uint8_t *scale_place(const e2_kv_areas *areas, bool value, int32_t head, int32_t position, int32_t block) {
    size_t offset = e2_kv_scale_offset(areas->kv_heads, areas->head_dim, head) + ((size_t)block * 32 + (size_t)position) * 2;
    return (value ? areas->value : areas->key) + offset;
}

static void put(const e2_kv_areas *areas, bool value, int32_t head, int32_t position, const e2_qblock *blocks) {
    uint8_t *area = value ? areas->value : areas->key;
    for (int32_t b = 0; b < areas->head_dim / 32; b++) {
        uint16_t scale = e2_soft_half_from_float(blocks[b].scale);
        memcpy(scale_place(areas, value, head, position, b), &scale, 2);
        for (int32_t i = 0; i < 32; i++) {
            area[element(value, areas->head_dim, head, position, b * 32 + i)] = (uint8_t)blocks[b].values[i];
        }
    }
}

void e2_kv_put_key(const e2_kv_areas *areas, int32_t head, int32_t position, const e2_qblock *blocks) {
    put(areas, false, head, position, blocks);
}

void e2_kv_put_value(const e2_kv_areas *areas, int32_t head, int32_t position, const e2_qblock *blocks) {
    put(areas, true, head, position, blocks);
}

// --------------------------------------------------------------------------------------------------------- rows

// Reads a row, of the type of the block, from the block.
static void row_from_block(const e2_kv_piece *p, bool value, int32_t head, int32_t position, uint8_t *row) {
    const uint8_t *area = value ? p->value : p->key;
    if (p->type == E2_KV_F16) {
        for (int32_t d = 0; d < p->head_dim; d++) {
            memcpy(row + d * 2, area + element(value, p->head_dim, head, position, d) * 2, 2);
        }
        return;
    }
    e2_kv_areas areas = {p->key, p->value, p->kv_heads, p->head_dim};
    for (int32_t b = 0; b < p->head_dim / 32; b++, row += 34) {
        memcpy(row, scale_place(&areas, value, head, position, b), 2);
        for (int32_t i = 0; i < 32; i++) { row[2 + i] = area[element(value, p->head_dim, head, position, b * 32 + i)]; }
    }
}

static void row_to_block(const e2_kv_piece *p, bool value, int32_t head, int32_t position, const uint8_t *row) {
    uint8_t *area = value ? p->value : p->key;
    if (p->type == E2_KV_F16) {
        for (int32_t d = 0; d < p->head_dim; d++) {
            memcpy(area + element(value, p->head_dim, head, position, d) * 2, row + d * 2, 2);
        }
        return;
    }
    e2_kv_areas areas = {p->key, p->value, p->kv_heads, p->head_dim};
    for (int32_t b = 0; b < p->head_dim / 32; b++, row += 34) {
        memcpy(scale_place(&areas, value, head, position, b), row, 2);
        for (int32_t i = 0; i < 32; i++) { area[element(value, p->head_dim, head, position, b * 32 + i)] = row[2 + i]; }
    }
}

static void half_row_from_q8(int32_t head_dim, const uint8_t *row, uint8_t *out) {
    for (int32_t b = 0; b < head_dim / 32; b++, row += 34) {
        uint16_t scale;
        memcpy(&scale, row, 2);
        for (int32_t i = 0; i < 32; i++, out += 2) {
            uint16_t half = e2_soft_half_from_float((float)(int8_t)row[2 + i] * e2_soft_float_from_half(scale));
            memcpy(out, &half, 2);
        }
    }
}

static void q8_row_from_half(int32_t head_dim, const uint8_t *row, uint8_t *out) {
    const e2_isa_ops *isa = e2_current_isa();
    for (int32_t b = 0; b < head_dim / 32; b++, row += 64, out += 34) {
        uint16_t halves[32];
        float values[32];
        e2_qblock block;
        memcpy(halves, row, 64);
        isa->float_from_half(32, halves, values);
        isa->quantize(values, 1, &block);
        uint16_t scale = e2_soft_half_from_float(block.scale);
        memcpy(out, &scale, 2);
        memcpy(out + 2, block.values, 32);
    }
}

static uint8_t *row_place(const e2_kv_piece *p, uint8_t *rows, int32_t part, int32_t head, int32_t position) {
    return rows + ((size_t)part * (size_t)p->kv_heads + (size_t)head) * p->head_stride
        + (size_t)position * e2_kv_row_bytes(p->row_type, p->head_dim);
}

void e2_kv_read(const e2_kv_piece *p, uint8_t *rows) {
    for (int32_t part = 0; part < 2; part++) {
        for (int32_t head = 0; head < p->kv_heads; head++) {
            for (int32_t i = 0; i < p->positions; i++) {
                uint8_t *row = row_place(p, rows, part, head, i), own[512];
                if (p->type == p->row_type) {
                    row_from_block(p, part == 1, head, p->first_position + i, row);
                    continue;
                }
                row_from_block(p, part == 1, head, p->first_position + i, own);
                if (p->type == E2_KV_Q8_0) {
                    half_row_from_q8(p->head_dim, own, row);
                } else {
                    q8_row_from_half(p->head_dim, own, row);
                }
            }
        }
    }
}

void e2_kv_write(const e2_kv_piece *p, const uint8_t *rows) {
    for (int32_t part = 0; part < 2; part++) {
        for (int32_t head = 0; head < p->kv_heads; head++) {
            for (int32_t i = 0; i < p->positions; i++) {
                const uint8_t *row = row_place(p, (uint8_t *)(uintptr_t)rows, part, head, i);
                uint8_t own[512];
                if (p->type != p->row_type) {
                    if (p->type == E2_KV_Q8_0) {
                        q8_row_from_half(p->head_dim, row, own);
                    } else {
                        half_row_from_q8(p->head_dim, row, own);
                    }
                    row = own;
                }
                row_to_block(p, part == 1, head, p->first_position + i, row);
            }
        }
    }
}
