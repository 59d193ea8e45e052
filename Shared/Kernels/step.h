// The memory and the work list of one step: what step.c prepares before the threads run and layer.c executes.

#ifndef E2_STEP_H
#define E2_STEP_H

#include "internal.h"

enum {
    STEP_SMALL_ROWS = 8,    // up to here each thread normalises all rows itself: cheaper than waiting for each other
    STEP_ROW_CHUNK = 8,     // rows of one item where work is divided by rows
    STEP_PANEL = 256,       // rows of one item of a matrix product
    STEP_FFN_ROWS = 48,     // rows of gate and up that a thread keeps in its cache
    STEP_SPAN = 512,        // positions of an attention span
    STEP_SPLIT_ITEMS = 4,   // contexts are shared where there are fewer items than this per thread
};

// The phases of a layer, in order. Those that a step does not need have no items.
typedef enum {
    PHASE_NORM,
    PHASE_QKV,
    PHASE_ROPE,
    PHASE_ATTENTION,
    PHASE_ATTENTION_QUANTIZE,
    PHASE_OUTPUT,
    PHASE_FFN_NORM,
    PHASE_GATE_UP,
    PHASE_DOWN,
    PHASE_FFN_ADD,
    PHASES_PER_LAYER,
} step_phase;

// Attention over one kv head: some rows of a segment, or one span of a row's context.
typedef struct {
    int32_t segment;
    int32_t head;
    int32_t row;       // in the batch
    int32_t count;
    int32_t span;      // -1: the whole context
    int32_t split;     // which shared context, for its arrivals
    int32_t spans;
    size_t partials;   // floats from the start of the partials, of the context's first span
} attention_item;

// What belongs to one thread.
typedef struct {
    int64_t norm_key;       // which normalisation the buffers hold
    e2_qblock *norm_blocks; // [STEP_SMALL_ROWS][hidden / 32]
    float *norm_values;     // [STEP_SMALL_ROWS][hidden]
    float *gate;            // [STEP_FFN_ROWS][32]
    float *up;
    float *query;           // [group][head_dim]
    float *key;             // [head_dim]
    float *attention;       // work of the attention kernel
} step_private;

typedef struct {
    const e2_dims *dims;
    const e2_batch *batch;
    const e2_layer *layers;
    const e2_isa_ops *isa;
    int32_t layer_count;
    int32_t threads;
    int32_t group, query_width, kv_width, qkv_width;
    float attention_scale;
    bool small;          // normalised by every thread
    bool single;         // every segment has one row: RoPE is part of the attention items
    bool aligned;        // the heads of a kv head fill whole blocks of 32
    bool post_norms;     // some layer normalises what it adds
    int32_t item_count;

    e2_phase *phases;
    e2_qblock *norm_blocks, *attention_blocks, *ffn_blocks;
    float *norm_values, *qkv, *attention, *ffn_values, *turns, *local_turns, *partials;
    float *branch;       // [rows][hidden], results that are normalised before they are added
    int32_t *row_segment;
    attention_item *items;
    _Atomic int32_t *arrivals;
    step_private *privates;
} step;

// Cuts the memory for `rows` rows; returns the bytes needed. `memory` may be NULL.
size_t step_carve(step *s, int32_t rows, void *memory);
// Checks the batch, cuts the memory and fills phases and attention items.
e2_status step_prepare(step *s, e2_scratch scratch);

// How the tiles of a matrix product over `rows` rows are divided.
typedef struct {
    int32_t tiles, chunk, chunks, panel, panels;
} step_split;

E2_INLINE step_split step_divide(int32_t tiles, int32_t unit, int32_t rows, int32_t threads) {
    step_split d = {.tiles = tiles, .chunk = tiles, .chunks = 1, .panel = rows, .panels = 1};
    if (threads == 1) { return d; }
    if (rows > STEP_PANEL) {
        d.panels = (rows + STEP_PANEL - 1) / STEP_PANEL;
        d.panel = (rows + d.panels - 1) / d.panels;
    }
    d.chunk = (int32_t)((int64_t)tiles * d.panels / (threads * 4));
    d.chunk = d.chunk < unit ? unit : d.chunk / unit * unit;
    d.chunks = (tiles + d.chunk - 1) / d.chunk;
    return d;
}

E2_INLINE int32_t step_items(step_split d) { return d.chunks * d.panels; }

// Rows and tiles of one item.
typedef struct {
    int32_t row, rows, begin, end;
} step_part;

E2_INLINE step_part step_item(step_split d, int32_t rows, int32_t item) {
    step_part p = {.row = item / d.chunks * d.panel, .begin = item % d.chunks * d.chunk};
    p.rows = rows - p.row < d.panel ? rows - p.row : d.panel;
    p.end = d.tiles - p.begin < d.chunk ? d.tiles : p.begin + d.chunk;
    return p;
}

#endif
