// Sizes, checks and the work list of a step.

#pragma STDC FP_CONTRACT OFF

#include <math.h>

#include "step.h"

e2_status e2_dims_check(const e2_dims *d) {
    const int32_t limit = 1 << 24;
    if (d->hidden <= 0 || d->hidden % 32 != 0 || d->ffn <= 0 || d->ffn % 32 != 0) { return E2_BAD_SHAPE; }
    if (d->hidden > limit || d->ffn > limit) { return E2_BAD_SHAPE; }
    if (d->max_positions <= 0 || d->max_positions > 1 << 30) { return E2_BAD_SHAPE; }
    if (d->head_dim <= 0 || d->head_dim % 8 != 0 || d->head_dim > 256) { return E2_BAD_SHAPE; }
    if (d->kv_heads <= 0 || d->heads <= 0 || d->heads > 65536 || d->heads % d->kv_heads != 0) { return E2_BAD_SHAPE; }
    if (d->heads * d->head_dim % 32 != 0) { return E2_BAD_SHAPE; }
    if (d->activation < E2_SILU || d->activation > E2_GELU) { return E2_BAD_SHAPE; }
    if (d->kv_type < E2_KV_F16 || d->kv_type > E2_KV_Q8_0) { return E2_BAD_SHAPE; }
    if (d->kv_type == E2_KV_Q8_0 && d->head_dim % 32 != 0) { return E2_BAD_SHAPE; }
    if (d->rope_dimensions < 0 || d->rope_dimensions % 2 != 0) { return E2_BAD_SHAPE; }
    if (d->rope_dimensions > d->head_dim) { return E2_BAD_SHAPE; }
    return d->rope_dimensions > 0 && d->rope_frequencies == NULL ? E2_BAD_SHAPE : E2_OK;
}

static bool has_shape(const e2_matrix *w, int32_t rows, int32_t cols) {
    return w->tiles != NULL && w->rows == rows && w->cols == cols && w->form >= E2_FORM_Q4 && w->form <= E2_FORM_F32;
}

e2_status e2_layer_check(const e2_dims *d, const e2_layer *l) {
    int32_t query = d->heads * d->head_dim, kv = d->kv_heads * d->head_dim;
    bool good = has_shape(&l->query, query, d->hidden) && has_shape(&l->key, kv, d->hidden)
        && has_shape(&l->value, kv, d->hidden) && has_shape(&l->output, d->hidden, query)
        && has_shape(&l->gate, d->ffn, d->hidden) && has_shape(&l->up, d->ffn, d->hidden)
        && has_shape(&l->down, d->hidden, d->ffn) && l->attention_norm != NULL && l->ffn_norm != NULL
        && (l->attention_post_norm == NULL) == (l->ffn_post_norm == NULL) && l->window >= 0
        && (!l->local_rope || d->rope_dimensions == 0 || d->local_rope_frequencies != NULL);
    return good ? E2_OK : E2_BAD_SHAPE;
}

size_t e2_attention_work_floats(int32_t head_dim, int32_t group) {
    size_t width = e2_round_up((size_t)head_dim, 16), lines = (size_t)group * E2_ATTENTION_ROWS;
    return e2_round_up((size_t)head_dim * 32 + width * 32 + lines * (32 + 2 * width + 4), 16);
}

// ----------------------------------------------------------------------------------------------------- memory

// Takes aligned pieces from the memory, or only counts them.
typedef struct {
    uint8_t *base;
    size_t used;
} carver;

static void *cut(carver *c, size_t count, size_t size) {
    void *piece = c->base != NULL ? c->base + c->used : NULL;
    c->used += e2_round_up(count * size, 64);
    return piece;
}

static void cut_private(carver *c, const step *s, step_private *p) {
    size_t hidden = (size_t)s->dims->hidden;
    step_private pieces = {.norm_key = -1};
    pieces.norm_blocks = cut(c, STEP_SMALL_ROWS * hidden / 32, sizeof(e2_qblock));
    pieces.norm_values = cut(c, STEP_SMALL_ROWS * hidden, 4);
    pieces.gate = cut(c, STEP_FFN_ROWS * 32, 4);
    pieces.up = cut(c, STEP_FFN_ROWS * 32, 4);
    pieces.query = cut(c, (size_t)(s->group * s->dims->head_dim), 4);
    pieces.key = cut(c, (size_t)s->dims->head_dim, 4);
    pieces.attention = cut(c, e2_attention_work_floats(s->dims->head_dim, s->group), 4);
    if (p != NULL) { *p = pieces; }
}

static size_t most_spans(const step *s) { return (size_t)(s->dims->max_positions / STEP_SPAN + 1); }

static void measure(step *s) {
    const e2_dims *d = s->dims;
    s->group = d->heads / d->kv_heads;
    s->query_width = d->heads * d->head_dim;
    s->kv_width = d->kv_heads * d->head_dim;
    s->qkv_width = s->query_width + 2 * s->kv_width;
    s->attention_scale = d->attention_scale != 0 ? d->attention_scale : (float)(1.0 / sqrt((double)d->head_dim));
    s->aligned = s->group * d->head_dim % 32 == 0;
}

size_t step_carve(step *s, int32_t row_count, void *memory) {
    measure(s);
    carver c = {memory, 0};
    size_t rows = (size_t)row_count, hidden = (size_t)s->dims->hidden, ffn = (size_t)s->dims->ffn;
    size_t query_width = (size_t)s->query_width, shared = (size_t)s->threads * STEP_SPLIT_ITEMS;
    s->phases = cut(&c, (size_t)s->layer_count * PHASES_PER_LAYER + 1, sizeof(e2_phase));
    s->norm_blocks = cut(&c, rows * hidden / 32, sizeof(e2_qblock));
    s->norm_values = cut(&c, rows * hidden, 4);
    s->qkv = cut(&c, rows * (size_t)s->qkv_width, 4);
    s->attention = cut(&c, rows * query_width, 4);
    s->attention_blocks = cut(&c, rows * query_width / 32, sizeof(e2_qblock));
    s->ffn_blocks = cut(&c, rows * ffn / 32, sizeof(e2_qblock));
    s->ffn_values = cut(&c, rows * ffn, 4);
    s->turns = cut(&c, rows * (size_t)s->dims->rope_dimensions, 4);
    s->local_turns = cut(&c, s->dims->local_rope_frequencies != NULL ? rows * (size_t)s->dims->rope_dimensions : 0, 4);
    s->branch = cut(&c, s->post_norms ? rows * hidden : 0, 4);
    s->row_segment = cut(&c, rows, 4);
    s->items = cut(&c, rows * (size_t)s->dims->kv_heads + shared * most_spans(s), sizeof(attention_item));
    s->partials = cut(&c, shared * most_spans(s) * (size_t)(s->group * (s->dims->head_dim + 2)), 4);
    s->arrivals = cut(&c, shared, sizeof(int32_t));
    s->privates = cut(&c, (size_t)s->threads, sizeof(step_private));
    for (int32_t t = 0; t < s->threads; t++) { cut_private(&c, s, memory != NULL ? &s->privates[t] : NULL); }
    return c.used;
}

size_t e2_scratch_bytes(const e2_dims *dims, int32_t max_rows, int32_t threads, int32_t layers) {
    if (e2_dims_check(dims) != E2_OK || max_rows <= 0 || threads <= 0 || layers <= 0) { return 0; }
    step s = {.dims = dims, .threads = threads, .layer_count = layers, .post_norms = true};
    size_t bytes = step_carve(&s, max_rows, NULL), head = e2_head_scratch_bytes(dims->hidden, max_rows, threads);
    return bytes > head ? bytes : head;
}

// -------------------------------------------------------------------------------------------------- work list

static e2_status check_batch(step *s) {
    const e2_batch *b = s->batch;
    int32_t row = 0;
    if (b->rows <= 0 || b->segment_count <= 0 || b->hidden == NULL || b->segments == NULL) { return E2_BAD_BATCH; }
    s->single = true;
    for (int32_t i = 0; i < b->segment_count; i++) {
        const e2_segment *g = &b->segments[i];
        if (g->first_row != row || g->row_count <= 0 || g->row_count > b->rows - row) { return E2_BAD_BATCH; }
        if (g->start_position < 0 || g->row_count > s->dims->max_positions - g->start_position || g->blocks == NULL) {
            return E2_BAD_BATCH;
        }
        s->single = s->single && g->row_count == 1;
        row += g->row_count;
    }
    return row == b->rows ? E2_OK : E2_BAD_BATCH;
}

// Long items first, so that the threads finish together: the last query rows of a prompt see the most keys.
static void list_attention(step *s) {
    const e2_batch *b = s->batch;
    int32_t kv_heads = s->dims->kv_heads, splits = 0, singles = 0;
    size_t partials = 0;
    s->item_count = 0;
    for (int32_t i = 0; i < b->segment_count; i++) { singles += b->segments[i].row_count == 1; }
    bool share = s->threads > 1 && (int64_t)singles * kv_heads < (int64_t)s->threads * STEP_SPLIT_ITEMS;
    for (int32_t i = 0; i < b->segment_count; i++) {
        const e2_segment *g = &b->segments[i];
        for (int32_t row = 0; row < g->row_count; row++) { s->row_segment[g->first_row + row] = i; }
        int32_t spans = g->start_position / STEP_SPAN + 1;
        bool split = share && g->row_count == 1 && spans > 1;
        int32_t first = (g->row_count - 1) / E2_ATTENTION_ROWS * E2_ATTENTION_ROWS;
        for (int32_t row = first; row >= 0; row -= E2_ATTENTION_ROWS) {
            int32_t count = g->row_count - row < E2_ATTENTION_ROWS ? g->row_count - row : E2_ATTENTION_ROWS;
            for (int32_t head = 0; head < kv_heads; head++) {
                attention_item item = {
                    .segment = i, .head = head, .row = g->first_row + row, .count = count, .span = -1, .spans = spans};
                if (!split) {
                    s->items[s->item_count++] = item;
                    continue;
                }
                item.split = splits++;
                item.partials = partials;
                for (item.span = 0; item.span < spans; item.span++) { s->items[s->item_count++] = item; }
                partials += (size_t)(spans * s->group * (s->dims->head_dim + 2));
            }
        }
    }
    for (int32_t i = 0; i < splits; i++) { atomic_store_explicit(&s->arrivals[i], 0, memory_order_relaxed); }
}

static void count_phases(const step *s, const e2_layer *layer, e2_phase *phase) {
    const e2_dims *d = s->dims;
    int32_t rows = s->batch->rows, chunks = (rows + STEP_ROW_CHUNK - 1) / STEP_ROW_CHUNK, threads = s->threads;
    int32_t qkv_tiles = e2_tile_count(s->query_width) + 2 * e2_tile_count(s->kv_width);
    int32_t hidden_tiles = e2_tile_count(d->hidden);
    bool quantise = !s->aligned && e2_quantised(layer->output.form);
    e2_phase_reset(&phase[PHASE_NORM], s->small ? 0 : chunks);
    e2_phase_reset(&phase[PHASE_QKV], step_items(step_divide(qkv_tiles, 1, rows, threads)));
    e2_phase_reset(&phase[PHASE_ROPE], s->single ? 0 : chunks);
    e2_phase_reset(&phase[PHASE_ATTENTION], s->item_count);
    e2_phase_reset(&phase[PHASE_ATTENTION_QUANTIZE], quantise ? chunks : 0);
    e2_phase_reset(&phase[PHASE_OUTPUT], step_items(step_divide(hidden_tiles, 1, rows, threads)));
    e2_phase_reset(&phase[PHASE_FFN_NORM], s->small ? 0 : chunks);
    e2_phase_reset(&phase[PHASE_GATE_UP], step_items(step_divide(e2_tile_count(d->ffn), 2, rows, threads)));
    e2_phase_reset(&phase[PHASE_DOWN], step_items(step_divide(hidden_tiles, 1, rows, threads)));
    e2_phase_reset(&phase[PHASE_FFN_ADD], layer->ffn_post_norm != NULL ? chunks : 0);
}

e2_status step_prepare(step *s, e2_scratch scratch) {
    if (e2_dims_check(s->dims) != E2_OK || s->layer_count <= 0) { return E2_BAD_SHAPE; }
    for (int32_t i = 0; i < s->layer_count; i++) {
        if (e2_layer_check(s->dims, &s->layers[i]) != E2_OK) { return E2_BAD_SHAPE; }
        s->post_norms = s->post_norms || s->layers[i].ffn_post_norm != NULL;
    }
    e2_status status = check_batch(s);
    if (status != E2_OK) { return status; }
    if (scratch.memory == NULL || (uintptr_t)scratch.memory % 64 != 0) { return E2_BAD_BATCH; }
    if (step_carve(s, s->batch->rows, NULL) > scratch.bytes) { return E2_BAD_BATCH; }
    step_carve(s, s->batch->rows, scratch.memory);
    s->small = s->threads > 1 && s->batch->rows <= STEP_SMALL_ROWS && !s->post_norms;
    list_attention(s);
    e2_phase_reset(s->phases, (s->batch->rows + STEP_ROW_CHUNK - 1) / STEP_ROW_CHUNK);
    for (int32_t i = 0; i < s->layer_count; i++) {
        count_phases(s, &s->layers[i], s->phases + 1 + i * PHASES_PER_LAYER);
    }
    return E2_OK;
}
