// Transformer layers: what each item of each phase computes (phases: step.h).

#pragma STDC FP_CONTRACT OFF

#include "step.h"

typedef struct {
    const step *s;
    const e2_layer *layer;
    int32_t index;  // of the layer in the call
    step_private *mine;
} worker;

static e2_input advance(e2_input input, int32_t row, int32_t cols) {
    if (input.blocks != NULL) { input.blocks += (size_t)row * (size_t)cols / 32; }
    if (input.values != NULL) { input.values += (size_t)row * (size_t)cols; }
    return input;
}

// ------------------------------------------------------------------------------------------------ normalisation

static void normalise(
    const step *s, const float *weight, int32_t first, int32_t count, e2_qblock *blocks, float *values) {
    size_t hidden = (size_t)s->dims->hidden;
    for (int32_t r = 0; r < count; r++) {
        float *out = values + (size_t)r * hidden;
        s->isa->rmsnorm(
            s->dims->hidden, s->batch->hidden + (size_t)(first + r) * hidden, weight, s->dims->norm_epsilon, out);
        s->isa->quantize(out, s->dims->hidden / 32, blocks + (size_t)r * hidden / 32);
    }
}

// Rows of an item where work is divided by rows.
typedef struct {
    int32_t first, count;
} row_range;

static row_range chunk_rows(const step *s, int32_t item) {
    int32_t first = item * STEP_ROW_CHUNK, rows = s->batch->rows - first;
    return (row_range){first, rows < STEP_ROW_CHUNK ? rows : STEP_ROW_CHUNK};
}

static void norm_chunk(const worker *w, const float *weight, int32_t item) {
    const step *s = w->s;
    row_range rows = chunk_rows(s, item);
    size_t offset = (size_t)rows.first * (size_t)s->dims->hidden;
    normalise(s, weight, rows.first, rows.count, s->norm_blocks + offset / 32, s->norm_values + offset);
}

// hidden += norm(branch), where the layer normalises what it adds.
static void add_branch_chunk(const worker *w, const float *weight, int32_t item) {
    const step *s = w->s;
    row_range rows = chunk_rows(s, item);
    size_t hidden = (size_t)s->dims->hidden;
    for (int32_t r = rows.first; weight != NULL && r < rows.first + rows.count; r++) {
        float *branch = s->branch + (size_t)r * hidden, *out = s->batch->hidden + (size_t)r * hidden;
        s->isa->rmsnorm(s->dims->hidden, branch, weight, s->dims->norm_epsilon, branch);
        for (size_t i = 0; i < hidden; i++) { out[i] = out[i] + branch[i]; }
    }
}

// The normalised rows. With few rows the thread makes its own when it has taken its first item: nobody changes the
// hidden states before that item is done.
static e2_input normalised(const worker *w, const float *weight, int32_t phase) {
    const step *s = w->s;
    if (!s->small) { return (e2_input){s->norm_blocks, s->norm_values}; }
    int64_t key = (int64_t)w->index * PHASES_PER_LAYER + phase;
    if (w->mine->norm_key != key) {
        normalise(s, weight, 0, s->batch->rows, w->mine->norm_blocks, w->mine->norm_values);
        w->mine->norm_key = key;
    }
    return (e2_input){w->mine->norm_blocks, w->mine->norm_values};
}

// --------------------------------------------------------------------------------------------- matrix products

// Tiles begin..<end of the concatenation in which this matrix starts at tile `start` and column `column`.
static void qkv_part(
    const worker *w, const e2_matrix *m, const float *bias, int32_t start, int32_t column, step_part p,
    e2_input input) {
    const step *s = w->s;
    int32_t begin = p.begin - start, end = p.end - start, tiles = e2_tile_count(m->rows);
    begin = begin < 0 ? 0 : begin;
    end = end > tiles ? tiles : end;
    if (begin >= end) { return; }
    float *out = s->qkv + (size_t)p.row * (size_t)s->qkv_width + column;
    s->isa->matmul(
        m, begin, end, input, p.rows, bias != NULL ? E2_STORE_BIAS : E2_STORE, bias, out, (size_t)s->qkv_width);
}

static void qkv_item(const worker *w, int32_t item) {
    const step *s = w->s;
    const e2_layer *l = w->layer;
    int32_t query = e2_tile_count(s->query_width), kv = e2_tile_count(s->kv_width), rows = s->batch->rows;
    step_part p = step_item(step_divide(query + 2 * kv, 1, rows, s->threads), rows, item);
    e2_input input = advance(normalised(w, l->attention_norm, PHASE_QKV), p.row, s->dims->hidden);
    qkv_part(w, &l->query, l->query_bias, 0, 0, p, input);
    qkv_part(w, &l->key, l->key_bias, query, s->query_width, p, input);
    qkv_part(w, &l->value, l->value_bias, query + kv, s->query_width + s->kv_width, p, input);
}

// hidden += matrix * input, for one item; where the result is normalised first, branch = matrix * input.
static void residual_item(
    const worker *w, const e2_matrix *m, const float *post_norm, e2_input input, int32_t item) {
    const step *s = w->s;
    int32_t rows = s->batch->rows;
    step_part p = step_item(step_divide(e2_tile_count(m->rows), 1, rows, s->threads), rows, item);
    float *out = (post_norm != NULL ? s->branch : s->batch->hidden) + (size_t)p.row * (size_t)s->dims->hidden;
    s->isa->matmul(
        m, p.begin, p.end, advance(input, p.row, m->cols), p.rows, post_norm != NULL ? E2_STORE : E2_STORE_ADD, NULL,
        out, (size_t)s->dims->hidden);
}

// A matrix of the tiles from `tile` on.
static e2_matrix tile_pair(const e2_matrix *m, int32_t tile) {
    return (e2_matrix){m->form, 2 * E2_TILE_ROWS, m->cols, e2_tile(m, tile)};
}

// Gate, up, activation and quantisation of two tiles at a time: 32 outputs are one block of the next product's input.
static void gate_up_item(const worker *w, int32_t item) {
    const step *s = w->s;
    const e2_layer *l = w->layer;
    int32_t ffn = s->dims->ffn, rows = s->batch->rows;
    bool quantised = e2_quantised(l->down.form);
    step_part p = step_item(step_divide(e2_tile_count(ffn), 2, rows, s->threads), rows, item);
    e2_input input = normalised(w, l->ffn_norm, PHASE_GATE_UP);
    float *gate = w->mine->gate, *up = w->mine->up;
    for (int32_t tile = p.begin; tile < p.end; tile += 2) {
        e2_matrix gates = tile_pair(&l->gate, tile), ups = tile_pair(&l->up, tile);
        for (int32_t row = p.row; row < p.row + p.rows; row += STEP_FFN_ROWS) {
            int32_t count = p.row + p.rows - row < STEP_FFN_ROWS ? p.row + p.rows - row : STEP_FFN_ROWS;
            e2_input part = advance(input, row, s->dims->hidden);
            s->isa->matmul(&gates, 0, 2, part, count, E2_STORE, NULL, gate, 32);
            s->isa->matmul(&ups, 0, 2, part, count, E2_STORE, NULL, up, 32);
            if (s->dims->activation == E2_GELU) {
                s->isa->gelu_mul(count * 32, gate, up);
            } else {
                s->isa->silu_mul(count * 32, gate, up);
            }
            for (int32_t r = 0; r < count; r++) {
                size_t element = (size_t)(row + r) * (size_t)ffn + (size_t)tile * E2_TILE_ROWS;
                if (quantised) {
                    s->isa->quantize(gate + r * 32, 1, s->ffn_blocks + element / 32);
                } else {
                    memcpy(s->ffn_values + element, gate + r * 32, 32 * 4);
                }
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------- attention

static void turn_head(const worker *w, int32_t row, const float *norm, float *head) {
    const step *s = w->s;
    const e2_dims *d = s->dims;
    if (norm != NULL) { s->isa->rmsnorm(d->head_dim, head, norm, d->norm_epsilon, head); }
    if (d->rope_dimensions > 0) {
        const float *turns = w->layer->local_rope ? s->local_turns : s->turns;
        s->isa->rope(d->rope_dimensions, d->rope_pairing, turns + (size_t)row * (size_t)d->rope_dimensions, head);
    }
}

// Writes key and value of one row and kv head to the cache. The key is turned in `key`, a copy.
static void write_kv(const worker *w, int32_t row, int32_t head, float *key) {
    const step *s = w->s;
    const e2_segment *g = &s->batch->segments[s->row_segment[row]];
    int32_t dim = s->dims->head_dim, position = g->start_position + row - g->first_row, p = position % 32;
    const float *source = s->qkv + (size_t)row * (size_t)s->qkv_width + s->query_width + head * dim;
    memcpy(key, source, (size_t)dim * 4);
    turn_head(w, row, w->layer->key_norm, key);
    uint8_t *block = g->blocks[position / 32];
    if (s->dims->kv_type == E2_KV_Q8_0) {
        e2_kv_areas areas = {
            block + w->layer->key_offset, block + w->layer->value_offset, s->dims->kv_heads, dim};
        e2_qblock quantised[8];
        s->isa->quantize(key, dim / 32, quantised);
        e2_kv_put_key(&areas, head, p, quantised);
        s->isa->quantize(source + s->kv_width, dim / 32, quantised);
        e2_kv_put_value(&areas, head, p, quantised);
        return;
    }
    uint16_t half[256];
    s->isa->half_from_float(dim, key, half);
    uint16_t *keys = (uint16_t *)(block + w->layer->key_offset) + (size_t)head * (size_t)dim * 32 + p;
    for (int32_t d = 0; d < dim; d++) { keys[d * 32] = half[d]; }
    uint16_t *values = (uint16_t *)(block + w->layer->value_offset) + ((size_t)head * 32 + (size_t)p) * (size_t)dim;
    s->isa->half_from_float(dim, source + s->kv_width, values);
}

static void rope_chunk(const worker *w, int32_t item) {
    const step *s = w->s;
    int32_t first = item * STEP_ROW_CHUNK, last = first + STEP_ROW_CHUNK;
    for (int32_t row = first; row < last && row < s->batch->rows; row++) {
        float *query = s->qkv + (size_t)row * (size_t)s->qkv_width;
        for (int32_t h = 0; h < s->dims->heads; h++) {
            turn_head(w, row, w->layer->query_norm, query + h * s->dims->head_dim);
        }
        for (int32_t h = 0; h < s->dims->kv_heads; h++) { write_kv(w, row, h, w->mine->key); }
    }
}

static void quantise_attention(const step *s, int32_t row, int32_t column, int32_t width) {
    size_t element = (size_t)row * (size_t)s->query_width + (size_t)column;
    s->isa->quantize(s->attention + element, width / 32, s->attention_blocks + element / 32);
}

static void attend_item(const worker *w, int32_t index) {
    const step *s = w->s;
    attention_item item = s->items[index];
    const e2_segment *g = &s->batch->segments[item.segment];
    int32_t dim = s->dims->head_dim, width = s->group * dim, column = item.head * width;
    bool q8 = s->dims->kv_type == E2_KV_Q8_0;
    size_t area = (size_t)item.head * 32 * (size_t)dim * (q8 ? 1 : 2);
    size_t scales = q8 ? e2_kv_scale_offset(s->dims->kv_heads, dim, item.head) : 0;
    const float *query = s->qkv + (size_t)item.row * (size_t)s->qkv_width + column;
    if (s->single) {
        memcpy(w->mine->query, query, (size_t)width * 4);
        query = w->mine->query;
        for (int32_t h = 0; h < s->group; h++) {
            turn_head(w, item.row, w->layer->query_norm, w->mine->query + h * dim);
        }
        if (item.span < 0 || item.span == item.spans - 1) { write_kv(w, item.row, item.head, w->mine->key); }
    }
    e2_attention a = {
        .head_dim = dim, .group = s->group, .count = item.count,
        .first_position = g->start_position + item.row - g->first_row, .scale = s->attention_scale,
        .key_offset = w->layer->key_offset + area, .value_offset = w->layer->value_offset + area,
        .key_scale_offset = w->layer->key_offset + scales, .value_scale_offset = w->layer->value_offset + scales,
        .kv_type = s->dims->kv_type, .window = w->layer->window, .blocks = g->blocks,
        .query = query, .query_stride = (size_t)s->qkv_width,
        .output = s->attention + (size_t)item.row * (size_t)s->query_width + column,
        .output_stride = (size_t)s->query_width, .work = w->mine->attention};
    if (item.span < 0) {
        s->isa->attend(&a);
    } else {
        float *partials = s->partials + item.partials;
        int32_t position = a.first_position, begin = a.window > 0 ? position - a.window + 1 : 0;
        if ((item.span + 1) * STEP_SPAN > begin) {
            s->isa->attend_span(&a, item.span, partials + item.span * s->group * (dim + 2));
        }
        // Who comes last merges; the order of merging is fixed.
        int32_t arrived = atomic_fetch_add(&s->arrivals[item.split], 1) + 1;
        if (arrived % item.spans != 0) { return; }
        s->isa->attend_merge(&a, item.spans, partials);
    }
    if (s->aligned && e2_quantised(w->layer->output.form)) {
        for (int32_t r = 0; r < item.count; r++) { quantise_attention(s, item.row + r, column, width); }
    }
}

static void attention_quantise_chunk(const step *s, int32_t item) {
    int32_t first = item * STEP_ROW_CHUNK, last = first + STEP_ROW_CHUNK;
    for (int32_t row = first; row < last && row < s->batch->rows; row++) {
        quantise_attention(s, row, 0, s->query_width);
    }
}

// ----------------------------------------------------------------------------------------------------- the run

static void run_item(const worker *w, step_phase phase, int32_t item) {
    const step *s = w->s;
    const e2_layer *l = w->layer;
    switch (phase) {
    case PHASE_NORM: norm_chunk(w, l->attention_norm, item); break;
    case PHASE_QKV: qkv_item(w, item); break;
    case PHASE_ROPE: rope_chunk(w, item); break;
    case PHASE_ATTENTION: attend_item(w, item); break;
    case PHASE_ATTENTION_QUANTIZE: attention_quantise_chunk(s, item); break;
    case PHASE_OUTPUT:
        residual_item(w, &l->output, l->attention_post_norm, (e2_input){s->attention_blocks, s->attention}, item);
        break;
    case PHASE_FFN_NORM:
        add_branch_chunk(w, l->attention_post_norm, item);
        norm_chunk(w, l->ffn_norm, item);
        break;
    case PHASE_GATE_UP: gate_up_item(w, item); break;
    case PHASE_DOWN:
        residual_item(w, &l->down, l->ffn_post_norm, (e2_input){s->ffn_blocks, s->ffn_values}, item);
        break;
    case PHASE_FFN_ADD: add_branch_chunk(w, l->ffn_post_norm, item); break;
    case PHASES_PER_LAYER: break;
    }
}

static void turn_chunk(const step *s, int32_t item) {
    int32_t first = item * STEP_ROW_CHUNK, last = first + STEP_ROW_CHUNK, dimensions = s->dims->rope_dimensions;
    for (int32_t row = first; row < last && row < s->batch->rows; row++) {
        const e2_segment *g = &s->batch->segments[s->row_segment[row]];
        int32_t position = g->start_position + row - g->first_row;
        size_t offset = (size_t)row * (size_t)dimensions;
        e2_rope_turn(dimensions, s->dims->rope_frequencies, position, s->turns + offset);
        if (s->dims->local_rope_frequencies != NULL) {
            e2_rope_turn(dimensions, s->dims->local_rope_frequencies, position, s->local_turns + offset);
        }
    }
}

static void program(void *context, int32_t thread) {
    const step *s = context;
    int32_t items = 0;
    for (int32_t item; (item = e2_phase_take(s->phases)) >= 0; items++) { turn_chunk(s, item); }
    e2_phase_finish(s->phases, items);
    worker w = {.s = s, .mine = &s->privates[thread]};
    for (w.index = 0; w.index < s->layer_count; w.index++) {
        w.layer = &s->layers[w.index];
        e2_phase *phases = s->phases + 1 + w.index * PHASES_PER_LAYER;
        for (int32_t p = 0; p < PHASES_PER_LAYER; p++) {
            items = 0;
            for (int32_t item; (item = e2_phase_take(&phases[p])) >= 0; items++) { run_item(&w, (step_phase)p, item); }
            e2_phase_finish(&phases[p], items);
        }
    }
}

e2_status e2_layers_forward(
    e2_pool *pool, const e2_dims *dims, const e2_layer *layers, int32_t layer_count, const e2_batch *batch,
    e2_scratch scratch) {
    step s = {
        .dims = dims, .batch = batch, .layers = layers, .isa = e2_pool_isa(pool), .layer_count = layer_count,
        .threads = e2_pool_threads(pool)};
    e2_status status = step_prepare(&s, scratch);
    if (status == E2_OK) { e2_pool_run(pool, program, &s); }
    return status;
}

e2_status e2_block_forward(
    e2_pool *pool, const e2_dims *dims, const e2_layer *layer, const e2_batch *batch, e2_scratch scratch) {
    return e2_layers_forward(pool, dims, layer, 1, batch, scratch);
}
