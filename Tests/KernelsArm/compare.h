// Comparing one table of operations with the scalar reference, bit for bit. The first difference ends the program.

#ifndef COMPARE_H
#define COMPARE_H

#include <stddef.h>
#include <stdint.h>

#include "e2_kernels.h"

// What is compared; every kind must have been compared for every table.
typedef enum {
    KIND_QUANTIZE,
    KIND_MATMUL,
    KIND_RMSNORM,
    KIND_ROPE,
    KIND_SILU_MUL,
    KIND_GELU_MUL,
    KIND_EXP,
    KIND_SUM,
    KIND_ATTEND,
    KIND_ATTEND_SPAN,
    KIND_HALF_FROM_FLOAT,
    KIND_FLOAT_FROM_HALF,
    KIND_LAYERS,
    KIND_KV_CACHE,
    KIND_LOGITS,
    KINDS,
} kind;

typedef struct {
    const e2_isa_ops *scalar, *other;
} tables;

// Says what the comparisons that follow are about, for the message of a difference.
void describe(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Ends the program with a message.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Any NaN equals any other: which one comes out is not defined.
void same_floats(kind what, size_t count, const float *expected, const float *result);
void same_bytes(kind what, size_t count, const void *expected, const void *result);

// Prints how many values were compared since the last call, and their digest; fails where some kind has none.
void report(const char *name);

// A seeded generator (SplitMix64).
void random_seed(uint64_t seed);
uint64_t random_bits(void);
int32_t random_between(int32_t lowest, int32_t highest);
float random_float(float limit);
void random_floats(size_t count, float limit, float *out);

// Zeroed memory aligned to 64 bytes that is never freed: the programs are short.
void *memory(size_t bytes);

// A random matrix of a GGUF type, packed.
e2_matrix random_matrix(e2_type type, int32_t rows, int32_t cols, float scale);
// The supported types, ended by a negative number. Fails where a supported type or a form is not known here.
const int32_t *matrix_types(void);

void compare_vectors(tables t);
void compare_matrices(tables t);
void compare_attention(tables t);
void compare_layers(tables t);

#endif
