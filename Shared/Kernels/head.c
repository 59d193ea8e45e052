// Final norm and LM head; the vector operations of sampling.

#pragma STDC FP_CONTRACT OFF

#include "step.h"

typedef struct {
    const e2_isa_ops *isa;
    const float *norm_weight;
    float epsilon;
    const e2_matrix *head;
    const float *hidden;
    const int32_t *rows;
    int32_t count;
    int32_t threads;
    float *logits;
    e2_phase *phases;
    float *values;
    e2_qblock *blocks;
} head_run;

static size_t head_carve(head_run *h, int32_t hidden, int32_t rows, uint8_t *memory) {
    size_t phases = e2_round_up(2 * sizeof(e2_phase), 64), values = e2_round_up((size_t)rows * (size_t)hidden * 4, 64);
    size_t blocks = (size_t)rows * (size_t)hidden / 32 * sizeof(e2_qblock);
    if (memory != NULL) {
        h->phases = (e2_phase *)memory;
        h->values = (float *)(memory + phases);
        h->blocks = (e2_qblock *)(memory + phases + values);
    }
    return e2_round_up(phases + values + blocks, 64);
}

size_t e2_head_scratch_bytes(int32_t hidden, int32_t max_rows, int32_t threads) {
    if (hidden <= 0 || hidden % 32 != 0 || max_rows <= 0 || threads <= 0) { return 0; }
    return head_carve(NULL, hidden, max_rows, NULL);
}

static void head_program(void *context, int32_t thread) {
    (void)thread;
    const head_run *h = context;
    int32_t items = 0, cols = h->head->cols;
    for (int32_t item; (item = e2_phase_take(&h->phases[0])) >= 0; items++) {
        float *out = h->values + (size_t)item * (size_t)cols;
        const float *row = h->hidden + (size_t)h->rows[item] * (size_t)cols;
        h->isa->rmsnorm(cols, row, h->norm_weight, h->epsilon, out);
        h->isa->quantize(out, cols / 32, h->blocks + (size_t)item * (size_t)cols / 32);
    }
    e2_phase_finish(&h->phases[0], items);
    step_split split = step_divide(e2_tile_count(h->head->rows), 1, h->count, h->threads);
    items = 0;
    for (int32_t item; (item = e2_phase_take(&h->phases[1])) >= 0; items++) {
        step_part p = step_item(split, h->count, item);
        size_t offset = (size_t)p.row * (size_t)cols;
        e2_input input = {h->blocks + offset / 32, h->values + offset};
        h->isa->matmul(
            h->head, p.begin, p.end, input, p.rows, E2_STORE, NULL, h->logits + (size_t)p.row * (size_t)h->head->rows,
            (size_t)h->head->rows);
    }
    e2_phase_finish(&h->phases[1], items);
}

e2_status e2_head_forward(
    e2_pool *pool, const float *norm_weight, float norm_epsilon, const e2_matrix *head, const float *hidden,
    const int32_t *row_indices, int32_t count, float *logits, e2_scratch scratch) {
    if (count == 0) { return E2_OK; }
    if (head->rows <= 0 || head->cols <= 0 || head->cols % 32 != 0) { return E2_BAD_SHAPE; }
    int32_t threads = e2_pool_threads(pool);
    head_run h = {
        .isa = e2_pool_isa(pool), .norm_weight = norm_weight, .epsilon = norm_epsilon, .head = head, .hidden = hidden,
        .rows = row_indices, .count = count, .threads = threads, .logits = logits};
    if (count < 0 || scratch.memory == NULL || (uintptr_t)scratch.memory % 64 != 0) { return E2_BAD_BATCH; }
    if (head_carve(&h, head->cols, count, NULL) > scratch.bytes) { return E2_BAD_BATCH; }
    head_carve(&h, head->cols, count, scratch.memory);
    e2_phase_reset(&h.phases[0], count);
    e2_phase_reset(&h.phases[1], step_items(step_divide(e2_tile_count(head->rows), 1, count, threads)));
    e2_pool_run(pool, head_program, &h);
    return E2_OK;
}

void e2_exp_weights(size_t count, const float *x, float best, float scale, float *out) {
    const e2_isa_ops *isa = e2_current_isa();
    float part[256];
    for (size_t i = 0; i < count; i += 256) {
        int32_t n = count - i < 256 ? (int32_t)(count - i) : 256;
        for (int32_t k = 0; k < n; k++) { part[k] = (x[i + (size_t)k] - best) * scale; }
        isa->exp(n, part, part);
        for (int32_t k = 0; k < n; k++) { out[i + (size_t)k] = part[k] == part[k] ? part[k] : 0.0f; }
    }
}

size_t e2_argmax(size_t count, const float *x) {
    size_t best = 0;
    while (best < count && x[best] != x[best]) { best++; }
    if (best == count) { return 0; }
    for (size_t i = best + 1; i < count; i++) {
        if (x[i] > x[best]) { best = i; }
    }
    return best;
}
