// Attention over one kv head: whole contexts, and contexts in spans that are merged.

#pragma STDC FP_CONTRACT OFF

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

typedef struct {
    int32_t head_dim, group, count, first_position, window;
    e2_kv_type kv_type;
} attention_case;

enum { MOST_BLOCKS = 48, MOST_LINES = 256 };

// Random keys and values of one head; positions from `end` on were never written: NaN.
static void random_block(const attention_case *c, size_t area, int32_t written, uint8_t *block) {
    memset(block, 0xff, 2 * area);
    const e2_isa_ops *scalar = e2_isa("scalar");
    uint8_t rows[2 * 32 * 512];
    size_t row_bytes = e2_kv_row_bytes(c->kv_type, c->head_dim);
    for (int32_t r = 0; r < 64; r++) {
        uint8_t *row = rows + (size_t)r * row_bytes;
        float x[256];
        uint16_t half[256];
        random_floats((size_t)c->head_dim, 2.0f, x);
        scalar->half_from_float(c->head_dim, x, half);
        for (size_t i = 0; i < row_bytes; i++) { row[i] = (uint8_t)random_bits(); }
        if (c->kv_type == E2_KV_F16) { memcpy(row, half, row_bytes); }
        for (int32_t b = 0; c->kv_type == E2_KV_Q8_0 && b < c->head_dim / 32; b++) {
            float scale = x[b] / 64.0f;
            scalar->half_from_float(1, &scale, half);
            memcpy(row + b * 34, half, 2);
        }
    }
    e2_kv_piece piece = {
        .type = c->kv_type, .kv_heads = 1, .head_dim = c->head_dim, .key = block, .value = block + area,
        .first_position = 0, .positions = written, .row_type = c->kv_type, .head_stride = 32 * row_bytes};
    e2_kv_write(&piece, rows);
}

static e2_attention call(const attention_case *c, uint8_t *const *blocks, size_t area, const float *query, float *out) {
    size_t scales = c->kv_type == E2_KV_Q8_0 ? (size_t)c->head_dim * 32 : 0;
    size_t stride = (size_t)(c->group * c->head_dim + 16);
    return (e2_attention){
        .head_dim = c->head_dim, .group = c->group, .count = c->count, .first_position = c->first_position,
        .scale = 0.3f, .key_offset = 0, .value_offset = area, .key_scale_offset = scales,
        .value_scale_offset = area + scales, .kv_type = c->kv_type, .window = c->window, .blocks = blocks,
        .query = query, .query_stride = stride, .output = out, .output_stride = stride,
        .work = memory(e2_attention_work_floats(c->head_dim, c->group) * 4)};
}

static void compare_spans(tables t, const attention_case *c, e2_attention a, e2_attention b, size_t count) {
    int32_t spans = c->first_position / 512 + 1, begin = c->window > 0 ? c->first_position - c->window + 1 : 0;
    size_t size = (size_t)c->group * (size_t)(c->head_dim + 2);
    float *p = memory((size_t)spans * size * 4), *q = memory((size_t)spans * size * 4);
    float *whole = memory(count * 4);
    memcpy(whole, a.output, count * 4);
    for (int32_t span = begin < 0 ? 0 : begin / 512; span < spans; span++) {
        t.scalar->attend_span(&a, span, p + (size_t)span * size);
        t.other->attend_span(&b, span, q + (size_t)span * size);
        same_floats(KIND_ATTEND_SPAN, size, p + (size_t)span * size, q + (size_t)span * size);
    }
    memset(b.output, 0, count * 4);
    t.other->attend_merge(&b, spans, q);
    same_floats(KIND_ATTEND_SPAN, (size_t)(c->group * c->head_dim), whole, b.output);
    free(p);
    free(q);
    free(whole);
}

static void compare_case(tables t, attention_case c) {
    size_t area = e2_kv_area_bytes(c.kv_type, 1, c.head_dim);
    size_t count = (size_t)c.count * (size_t)(c.group * c.head_dim + 16);
    int32_t end = c.first_position + c.count, block_count = (end + 31) / 32;
    uint8_t *blocks[MOST_BLOCKS];
    float *query = memory(count * 4), *p = memory(count * 4), *q = memory(count * 4);
    if (block_count > MOST_BLOCKS || c.count * c.group > MOST_LINES) { fail("an attention case is too large"); }
    for (int32_t b = 0; b < block_count; b++) {
        blocks[b] = memory(2 * area);
        random_block(&c, area, end - b * 32 < 32 ? end - b * 32 : 32, blocks[b]);
    }
    random_floats(count, 2.0f, query);
    describe(
        "head_dim %d, group %d, %d rows from %d, window %d, kv type %d", c.head_dim, c.group, c.count,
        c.first_position, c.window, (int)c.kv_type);
    e2_attention a = call(&c, blocks, area, query, p), b = call(&c, blocks, area, query, q);
    t.scalar->attend(&a);
    t.other->attend(&b);
    same_floats(KIND_ATTEND, count, p, q);
    for (size_t i = 0; i < count; i++) {
        if (isnan(p[i])) { fail("attention reads what was never written"); }
    }
    if (c.count == 1) { compare_spans(t, &c, a, b, count); }
    for (int32_t i = 0; i < block_count; i++) { free(blocks[i]); }
    free(a.work);
    free(b.work);
    free(query);
    free(p);
    free(q);
}

void compare_attention(tables t) {
    static const int32_t head_dims[] = {8, 16, 24, 32, 40, 64, 80, 96, 128, 256};
    random_seed(3);
    for (size_t h = 0; h < sizeof head_dims / sizeof *head_dims; h++) {
        for (int i = 0; i < 8; i++) {
            attention_case c = {
                .head_dim = head_dims[h], .group = random_between(1, 5), .count = random_between(1, 16),
                .first_position = random_between(0, 150), .window = i % 4 == 3 ? random_between(1, 100) : 0,
                .kv_type = i % 2 == 1 && head_dims[h] % 32 == 0 ? E2_KV_Q8_0 : E2_KV_F16};
            if (i < 4) { c.count = 1; }
            compare_case(t, c);
        }
    }
    // Contexts of several spans.
    for (int i = 0; i < 8; i++) {
        attention_case c = {
            .head_dim = i % 2 == 0 ? 32 : 24, .group = random_between(1, 3), .count = i < 6 ? 1 : 16,
            .first_position = i == 0 ? 511 : i == 1 ? 512 : random_between(900, 1500),
            .window = i == 3 || i == 6 ? 700 : 0, .kv_type = i % 4 == 2 ? E2_KV_Q8_0 : E2_KV_F16};
        compare_case(t, c);
    }
}
