// What this machine can do at most: int8 multiply-adds and reading memory.

#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "internal.h"

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
    const e2_isa_ops *isa;
    _Atomic int64_t operations;
} peak_probe;

static void peak_item(void *context, int32_t item, int32_t thread) {
    (void)item;
    (void)thread;
    peak_probe *p = context;
    const int64_t rounds = 20000;
    atomic_fetch_add(&p->operations, rounds * p->isa->peak(rounds));
}

double e2_peak_gmacs(int32_t threads) {
    e2_pool *pool = e2_pool_create(threads);
    if (pool == NULL) { return 0; }
    double best = 0, end = seconds() + 0.05;
    while (seconds() < end) {
        peak_probe probe = {.isa = e2_current_isa()};
        double start = seconds();
        e2_pool_for(pool, threads * 16, peak_item, &probe);
        double rate = (double)atomic_load(&probe.operations) / (seconds() - start) / 1e9;
        best = rate > best ? rate : best;
    }
    e2_pool_destroy(pool);
    return best;
}

// Vectors of 64 bytes: the compiler makes the loads from them that every CPU of the architecture has; a core waits for
// memory, not for them.
typedef uint64_t wide __attribute__((vector_size(64), may_alias));

enum { READ_STREAMS = 4 };

typedef struct {
    const uint8_t *memory;
    size_t chunk;  // bytes per item
    _Atomic uint64_t sum;
} read_probe;

// Reads in several streams: the prefetchers of a core bring more than with one.
static void read_item(void *context, int32_t item, int32_t thread) {
    (void)thread;
    read_probe *p = context;
    size_t stream = p->chunk / READ_STREAMS;
    const uint8_t *memory = p->memory + (size_t)item * p->chunk;
    wide sums[READ_STREAMS] = {0};
    for (size_t i = 0; i < stream; i += sizeof(wide)) {
        for (size_t k = 0; k < READ_STREAMS; k++) { sums[k] ^= *(const wide *)(memory + k * stream + i); }
    }
    wide all = sums[0];
    for (size_t k = 1; k < READ_STREAMS; k++) { all ^= sums[k]; }
    atomic_fetch_add(&p->sum, all[0] ^ all[1] ^ all[2] ^ all[3] ^ all[4] ^ all[5] ^ all[6] ^ all[7]);
}

double e2_read_gb_per_s(int32_t threads, size_t bytes) {
    const size_t chunk = 262144;
    int32_t chunks = (int32_t)(bytes / chunk > INT32_MAX / 2 ? INT32_MAX / 2 : bytes / chunk);
    if (chunks < 1) { chunks = 1; }
    uint8_t *memory = aligned_alloc(64, (size_t)chunks * chunk);
    e2_pool *pool = memory != NULL ? e2_pool_create(threads) : NULL;
    double best = 0;
    if (pool != NULL) {
        memset(memory, 1, (size_t)chunks * chunk);
        for (int pass = 0; pass < 8; pass++) {
            read_probe probe = {.memory = memory, .chunk = chunk};
            double start = seconds();
            e2_pool_for(pool, chunks, read_item, &probe);
            double rate = (double)chunks * (double)chunk / (seconds() - start) / 1e9;
            best = rate > best ? rate : best;
        }
    }
    e2_pool_destroy(pool);
    free(memory);
    return best;
}
