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

typedef struct {
    const uint64_t *words;
    size_t chunk;  // words per item
    _Atomic uint64_t sum;
} read_probe;

static void read_item(void *context, int32_t item, int32_t thread) {
    (void)thread;
    read_probe *p = context;
    const uint64_t *words = p->words + (size_t)item * p->chunk;
    uint64_t sums[16] = {0};
    for (size_t i = 0; i < p->chunk; i += 16) {
        for (size_t k = 0; k < 16; k++) { sums[k] ^= words[i + k]; }
    }
    uint64_t all = 0;
    for (size_t k = 0; k < 16; k++) { all ^= sums[k]; }
    atomic_fetch_add(&p->sum, all);
}

double e2_read_gb_per_s(int32_t threads, size_t bytes) {
    const size_t chunk = 65536;
    int32_t chunks = (int32_t)(bytes / chunk > INT32_MAX / 2 ? INT32_MAX / 2 : bytes / chunk);
    if (chunks < 1) { chunks = 1; }
    uint8_t *memory = aligned_alloc(64, (size_t)chunks * chunk);
    e2_pool *pool = memory != NULL ? e2_pool_create(threads) : NULL;
    double best = 0;
    if (pool != NULL) {
        memset(memory, 1, (size_t)chunks * chunk);
        for (int pass = 0; pass < 5; pass++) {
            read_probe probe = {.words = (const uint64_t *)memory, .chunk = chunk / 8};
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
