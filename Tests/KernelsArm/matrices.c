// Matrix products of every type that can be packed: random shapes, numbers of rows, tile ranges and stores.

#pragma STDC FP_CONTRACT OFF

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

// Where the blocks of a type hold half floats that must be sensible numbers; -1: none. Other bytes are random.
typedef struct {
    int32_t type, first, second;
} type_layout;

enum { F32 = 0, F16 = 1, BF16 = 30 };

static const type_layout layouts[] = {
    {F32, -1, -1}, {F16, -1, -1}, {BF16, -1, -1},
    {2, 0, -1},    // Q4_0
    {3, 0, 2},     // Q4_1
    {6, 0, -1},    // Q5_0
    {7, 0, 2},     // Q5_1
    {8, 0, -1},    // Q8_0
    {12, 0, 2},    // Q4_K
    {13, 0, 2},    // Q5_K
    {14, 208, -1}, // Q6_K
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

static const type_layout *layout_of(int32_t type) {
    for (int i = 0; i < LAYOUTS; i++) {
        if (layouts[i].type == type) { return &layouts[i]; }
    }
    return NULL;
}

const int32_t *matrix_types(void) {
    static int32_t types[LAYOUTS + 1];
    int count = 0;
    for (int32_t type = 0; type < 256; type++) {
        if (!e2_type_supported((e2_type)type)) { continue; }
        if (layout_of(type) == NULL) { fail("type %d is supported but not compared", type); }
        types[count++] = type;
    }
    if (count == 0) { fail("no type is supported"); }
    types[count] = -1;
    return types;
}

static void put_half(uint8_t *destination, float x) {
    uint16_t half;
    e2_isa("scalar")->half_from_float(1, &x, &half);
    memcpy(destination, &half, 2);
}

static void random_block(const type_layout *layout, int32_t bytes, float scale, uint8_t *block) {
    float x = random_float(scale);
    if (layout->type == F32) {
        memcpy(block, &x, 4);
        return;
    }
    if (layout->type == BF16) {
        memcpy(block, (uint8_t *)&x + 2, 2);
        return;
    }
    if (layout->type == F16) {
        put_half(block, x);
        return;
    }
    for (int32_t i = 0; i < bytes; i++) { block[i] = (uint8_t)random_bits(); }
    // One in sixteen is all ones or all zeros, so that sums reach their limits.
    uint64_t kind_of_block = random_bits() % 32;
    if (kind_of_block < 2) { memset(block, kind_of_block == 0 ? 0 : 255, (size_t)bytes); }
    put_half(block + layout->first, x / 16);
    if (layout->second >= 0) { put_half(block + layout->second, random_float(scale)); }
}

e2_matrix random_matrix(e2_type type, int32_t rows, int32_t cols, float scale) {
    const type_layout *layout = layout_of((int32_t)type);
    int32_t values = e2_type_block_values(type), bytes = e2_type_block_bytes(type);
    size_t packed = e2_packed_bytes(type, rows, cols);
    if (layout == NULL || packed == 0) { fail("type %d of %d x %d cannot be packed", (int)type, rows, cols); }
    size_t blocks = (size_t)rows * (size_t)(cols / values);
    uint8_t *source = memory(blocks * (size_t)bytes), *tiles = memory(packed);
    for (size_t b = 0; b < blocks; b++) { random_block(layout, bytes, scale, source + b * (size_t)bytes); }
    e2_status status = e2_pack_rows(type, source, rows, cols, tiles, 0, e2_tile_count(rows));
    if (status != E2_OK) { fail("packing type %d: %s", (int)type, e2_status_text(status)); }
    free(source);
    return (e2_matrix){.form = e2_packed_form(type), .rows = rows, .cols = cols, .tiles = tiles};
}

static void product(
    const e2_isa_ops *ops, const e2_matrix *w, e2_input input, int32_t rows, e2_store store, const float *bias,
    float *out, int32_t cut) {
    int32_t tiles = e2_tile_count(w->rows);
    size_t stride = (size_t)w->rows + 3;
    ops->matmul(w, 0, cut, input, rows, store, bias, out, stride);
    ops->matmul(w, cut, tiles, input, rows, store, bias, out, stride);
}

static void compare_shape(tables t, e2_type type, int32_t rows, int32_t outputs, int32_t cols) {
    e2_matrix w = random_matrix(type, outputs, cols, 0.5f);
    size_t inputs = (size_t)rows * (size_t)cols, count = (size_t)rows * (size_t)(outputs + 3);
    float *x = memory(inputs * 4), *bias = memory((size_t)outputs * 4), *start = memory(count * 4);
    float *p = memory(count * 4), *q = memory(count * 4);
    e2_qblock *blocks = memory(inputs / 32 * sizeof(e2_qblock));
    random_floats(inputs, 4.0f, x);
    random_floats((size_t)outputs, 1.0f, bias);
    random_floats(count, 1.0f, start);
    for (int32_t i = 0; i < 32; i++) { x[i] = i % 2 == 0 ? 1.0f : -1.0f; }  // largest activations
    for (size_t i = inputs - 32; i < inputs; i++) { x[i] = rows % 2 == 0 ? 1.0f : -1.0f; }
    if (rows == 3) { x[cols + 5] = NAN; }
    t.scalar->quantize(x, (int32_t)(inputs / 32), blocks);
    e2_input input = {.blocks = blocks, .values = x};
    int32_t cut = random_between(0, e2_tile_count(outputs));
    for (int store = 0; store < 3; store++) {
        describe(
            "type %d, form %d, %d rows, %d x %d, store %d, cut at tile %d", (int)type, (int)w.form, rows, outputs,
            cols, store, cut);
        memcpy(p, start, count * 4);
        memcpy(q, start, count * 4);
        product(t.scalar, &w, input, rows, (e2_store)store, bias, p, 0);
        product(t.other, &w, input, rows, (e2_store)store, bias, q, cut);
        same_floats(KIND_MATMUL, count, p, q);  // what lies beyond the outputs is compared too
    }
    free((void *)w.tiles);
    free(x);
    free(bias);
    free(start);
    free(p);
    free(q);
    free(blocks);
}

void compare_matrices(tables t) {
    random_seed(2);
    uint32_t forms = 0, wanted = (2u << E2_FORM_F32) - 1;
    for (const int32_t *type = matrix_types(); *type >= 0; type++) {
        int32_t step = e2_type_block_values((e2_type)*type) < 32 ? 32 : e2_type_block_values((e2_type)*type);
        int32_t most = step > 32 ? 2 : 5;
        for (int32_t rows = 1; rows <= 17; rows++) {
            compare_shape(t, (e2_type)*type, rows, random_between(1, 90), step * random_between(1, most));
        }
        compare_shape(t, (e2_type)*type, 25, 70, step);
        compare_shape(t, (e2_type)*type, 61, 33, step);
        forms |= 1u << e2_packed_form((e2_type)*type);
        if (e2_packed_form((e2_type)*type) > E2_FORM_F32) { fail("forms beyond F32 are not counted"); }
    }
    if (forms != wanted) { fail("forms %x of %x were compared", forms, wanted); }
    // More rows than a panel of activations.
    compare_shape(t, (e2_type)2, 110, 17, 6144);
}
