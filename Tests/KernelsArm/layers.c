// Whole transformer layers and the LM head, through pools of one and three threads and prompts in chunks: the hidden
// states, the KV cache and the logits are those of the scalar table with one thread and one chunk.

#pragma STDC FP_CONTRACT OFF

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

typedef struct {
    int32_t hidden, heads, kv_heads, head_dim, ffn, rope_dimensions, rows;
    int32_t first_type;       // index of the type of the first matrix; -1: all types in turn
    e2_rope_pairing pairing;
    e2_activation activation;
    e2_kv_type kv_type;
    bool biases, head_norms, post_norms;
    int32_t window;           // of the first layer, with its own frequencies
} shape;

static const shape shapes[] = {
    {96, 6, 2, 32, 160, 32, 75, 3, E2_ROPE_ADJACENT, E2_SILU, E2_KV_F16, false, false, false, 0},
    {96, 3, 1, 64, 96, 64, 75, 2, E2_ROPE_HALVES, E2_SILU, E2_KV_Q8_0, true, false, false, 0},
    {64, 4, 4, 24, 96, 16, 75, -1, E2_ROPE_ADJACENT, E2_SILU, E2_KV_F16, true, true, false, 0},
    {64, 8, 1, 8, 96, 8, 75, -1, E2_ROPE_HALVES, E2_GELU, E2_KV_F16, false, true, true, 40},
    {256, 4, 2, 64, 256, 64, 40, -1, E2_ROPE_HALVES, E2_GELU, E2_KV_Q8_0, false, true, true, 20},
    {256, 2, 1, 128, 256, 64, 40, -1, E2_ROPE_ADJACENT, E2_SILU, E2_KV_F16, true, false, false, 0},
    {32, 2, 1, 16, 32, 16, 1060, 3, E2_ROPE_ADJACENT, E2_SILU, E2_KV_F16, false, false, false, 0},  // several spans
};

enum { LAYERS = 2, VOCABULARY = 70, MOST_POSITIONS = 1100, BLOCKS = MOST_POSITIONS / 32 + 1 };

typedef struct {
    shape s;
    e2_dims dims;
    e2_layer layers[LAYERS];
    e2_matrix head;
    const float *norm;
    size_t block_bytes;
} model;

typedef struct {
    float *hidden, *logits;
    uint8_t *cache;
} outcome;

static int32_t next_type;

static e2_matrix matrix(const shape *s, int32_t rows, int32_t cols) {
    const int32_t *types = matrix_types();
    if (s->first_type >= 0) { return random_matrix((e2_type)s->first_type, rows, cols, 0.1f); }
    int32_t count = 0;
    while (types[count] >= 0) { count++; }
    do { next_type = (next_type + 1) % count; } while (cols % e2_type_block_values((e2_type)types[next_type]) != 0);
    return random_matrix((e2_type)types[next_type], rows, cols, 0.1f);
}

static const float *vector(int32_t count, float center) {
    float *x = memory((size_t)count * 4);
    random_floats((size_t)count, 0.2f, x);
    for (int32_t i = 0; i < count; i++) { x[i] += center; }
    return x;
}

static e2_layer make_layer(const shape *s, int32_t index, size_t area) {
    int32_t query = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    e2_layer l = {
        .attention_norm = vector(s->hidden, 1), .query = matrix(s, query, s->hidden),
        .key = matrix(s, kv, s->hidden), .value = matrix(s, kv, s->hidden), .output = matrix(s, s->hidden, query),
        .ffn_norm = vector(s->hidden, 1), .gate = matrix(s, s->ffn, s->hidden), .up = matrix(s, s->ffn, s->hidden),
        .down = matrix(s, s->hidden, s->ffn), .key_offset = (size_t)(2 * index) * area,
        .value_offset = (size_t)(2 * index + 1) * area};
    if (s->biases) {
        l.query_bias = vector(query, 0);
        l.key_bias = vector(kv, 0);
        l.value_bias = vector(kv, 0);
    }
    if (s->head_norms) {
        l.query_norm = vector(s->head_dim, 1);
        l.key_norm = vector(s->head_dim, 1);
    }
    if (s->post_norms) {
        l.attention_post_norm = vector(s->hidden, 1);
        l.ffn_post_norm = vector(s->hidden, 1);
    }
    if (s->window > 0 && index == 0) {
        l.window = s->window;
        l.local_rope = true;
    }
    return l;
}

static model make_model(const shape *s) {
    model m = {.s = *s, .norm = vector(s->hidden, 1)};
    double *frequencies = memory(64 * 8 * 2), *local = frequencies + 64;
    e2_rope_frequencies(s->rope_dimensions, 10000, 1, NULL, frequencies);
    e2_rope_frequencies(s->rope_dimensions, 500, 0.5, NULL, local);
    m.dims = (e2_dims){
        .hidden = s->hidden, .heads = s->heads, .kv_heads = s->kv_heads, .head_dim = s->head_dim, .ffn = s->ffn,
        .max_positions = MOST_POSITIONS, .norm_epsilon = 1e-5f, .rope_pairing = s->pairing,
        .rope_dimensions = s->rope_dimensions, .rope_frequencies = frequencies,
        .local_rope_frequencies = s->window > 0 ? local : NULL, .activation = s->activation, .kv_type = s->kv_type};
    size_t area = e2_kv_area_bytes(s->kv_type, s->kv_heads, s->head_dim);
    for (int32_t i = 0; i < LAYERS; i++) { m.layers[i] = make_layer(s, i, area); }
    m.head = matrix(s, VOCABULARY, s->hidden);
    m.block_bytes = area * 2 * LAYERS;
    return m;
}

// Runs the rows in chunks (a list ended by 0; the rest is one chunk).
static outcome run(const model *m, const e2_isa_ops *ops, int32_t threads, const int32_t *chunks, const float *input) {
    size_t values = (size_t)m->s.rows * (size_t)m->s.hidden;
    outcome o = {memory(values * 4), memory(VOCABULARY * 3 * 4), memory(BLOCKS * m->block_bytes)};
    uint8_t *blocks[BLOCKS];
    memcpy(o.hidden, input, values * 4);
    memset(o.cache, 0xff, BLOCKS * m->block_bytes);  // NaN: what is not written must not matter
    for (int32_t b = 0; b < BLOCKS; b++) { blocks[b] = o.cache + (size_t)(BLOCKS - 1 - b) * m->block_bytes; }
    e2_pool *pool = e2_pool_create(threads);
    if (pool == NULL) { fail("no pool of %d threads", threads); }
    e2_pool_use_isa(pool, ops);
    e2_scratch scratch = {.bytes = e2_scratch_bytes(&m->dims, m->s.rows, threads, LAYERS)};
    if (scratch.bytes == 0) { fail("a model's sizes are refused"); }
    scratch.memory = memory(scratch.bytes);
    for (int32_t row = 0; row < m->s.rows;) {
        int32_t rest = m->s.rows - row, count = *chunks > 0 && *chunks < rest ? *chunks : rest;
        if (*chunks > 0) { chunks++; }
        e2_segment segment = {.first_row = 0, .row_count = count, .start_position = row, .blocks = blocks};
        e2_batch batch = {count, 1, &segment, o.hidden + (size_t)row * (size_t)m->s.hidden};
        e2_status status = e2_layers_forward(pool, &m->dims, m->layers, LAYERS, &batch, scratch);
        if (status != E2_OK) { fail("layers: %s", e2_status_text(status)); }
        row += count;
    }
    const int32_t rows[3] = {m->s.rows - 1, 0, m->s.rows / 2};
    e2_status status = e2_head_forward(
        pool, m->norm, 1e-5f, &m->head, o.hidden, rows, 3, o.logits, scratch);
    if (status != E2_OK) { fail("head: %s", e2_status_text(status)); }
    e2_pool_destroy(pool);
    free(scratch.memory);
    return o;
}

static void discard(outcome o) {
    free(o.hidden);
    free(o.logits);
    free(o.cache);
}

static void compare_shape(tables t, const shape *s, int32_t index) {
    static const int32_t chunkings[][12] = {{0}, {30, 1, 1, 1, 9, 2, 1, 17, 0}, {511, 1, 1, 1, 500, 10, 1, 1, 0}};
    model m = make_model(s);
    size_t values = (size_t)s->rows * (size_t)s->hidden;
    float *input = memory(values * 4);
    random_floats(values, 1.0f, input);
    outcome expected = run(&m, t.scalar, 1, chunkings[0], input);
    for (size_t i = 0; i < values; i++) {
        if (!isfinite(expected.hidden[i])) { fail("a test model gives numbers that are not finite"); }
    }
    for (int32_t threads = 1; threads <= 3; threads += 2) {
        for (int32_t c = 0; c < 2; c++) {
            const int32_t *chunks = c == 1 && s->rows > 512 ? chunkings[2] : chunkings[c];
            outcome result = run(&m, t.other, threads, chunks, input);
            describe("model %d, %d threads, chunking %d", index, threads, c);
            same_floats(KIND_LAYERS, values, expected.hidden, result.hidden);
            same_bytes(KIND_KV_CACHE, BLOCKS * m.block_bytes, expected.cache, result.cache);
            same_floats(KIND_LOGITS, VOCABULARY * 3, expected.logits, result.logits);
            discard(result);
        }
    }
    discard(expected);
    free(input);
}

void compare_layers(tables t) {
    random_seed(4);
    next_type = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) { compare_shape(t, &shapes[i], (int32_t)i); }
}
