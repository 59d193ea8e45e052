// The thread pool. Waiting is a short spin, then a futex (on Linux; elsewhere a short sleep on a condition variable
// would take its place, see wait_on and wake_all).

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "internal.h"

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wait_on(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}
static void wake_all(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0); }
#else
#include <sched.h>

static void wait_on(_Atomic uint32_t *word, uint32_t value) {
    (void)word;
    (void)value;
    sched_yield();
}
static void wake_all(_Atomic uint32_t *word) { (void)word; }
#endif

enum { SPINS = 400, MAX_THREADS = 256 };

E2_INLINE void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

typedef struct {
    e2_pool *pool;
    int32_t index;
    pthread_t thread;
} pool_thread;

struct e2_pool {
    // A run is announced by a new `epoch`. A thread enters by raising `entered` from a value that is not CLOSED; the
    // caller closes it when its own part is over and then waits only for the threads that are inside.
    _Atomic uint32_t epoch;
    char padding1[60];
    _Atomic uint32_t entered;
    _Atomic uint32_t left;
    _Atomic int32_t caller_sleeps;
    char padding2[52];
    _Atomic int32_t sleepers;
    _Atomic bool ending;
    void (*program)(void *context, int32_t thread);
    void *context;
    const e2_isa_ops *isa;
    int32_t threads;
    pool_thread *others;
};

#define CLOSED UINT32_MAX

// Waits until the word differs from `old`.
static void await_change(_Atomic uint32_t *word, uint32_t old, _Atomic int32_t *sleepers) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(word, memory_order_acquire) != old) { return; }
        relax();
    }
    atomic_fetch_add(sleepers, 1);
    while (atomic_load(word) == old) { wait_on(word, old); }
    atomic_fetch_sub(sleepers, 1);
}

static void take_part(e2_pool *pool, int32_t index) {
    uint32_t entered = atomic_load(&pool->entered);
    do {
        if (entered == CLOSED) { return; }
    } while (!atomic_compare_exchange_weak(&pool->entered, &entered, entered + 1));
    pool->program(pool->context, index);
    atomic_fetch_add(&pool->left, 1);
    if (atomic_load(&pool->caller_sleeps) != 0) { wake_all(&pool->left); }
}

static void *thread_main(void *argument) {
    pool_thread *self = argument;
    e2_pool *pool = self->pool;
    uint32_t seen = 0;
    for (;;) {
        await_change(&pool->epoch, seen, &pool->sleepers);
        seen = atomic_load(&pool->epoch);
        if (atomic_load(&pool->ending)) { return NULL; }
        take_part(pool, self->index);
    }
}

e2_pool *e2_pool_create(int32_t threads) {
    if (threads < 1 || threads > MAX_THREADS) { return NULL; }
    e2_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) { return NULL; }
    pool->isa = e2_current_isa();
    pool->threads = 1;
    atomic_store(&pool->entered, CLOSED);
    pool->others = calloc((size_t)threads, sizeof *pool->others);
    if (pool->others == NULL) {
        free(pool);
        return NULL;
    }
    for (int32_t i = 1; i < threads; i++) {
        pool_thread *other = &pool->others[i];
        other->pool = pool;
        other->index = i;
        if (pthread_create(&other->thread, NULL, thread_main, other) != 0) {
            e2_pool_destroy(pool);
            return NULL;
        }
        pool->threads = i + 1;
    }
    return pool;
}

void e2_pool_destroy(e2_pool *pool) {
    if (pool == NULL) { return; }
    atomic_store(&pool->ending, true);
    atomic_fetch_add(&pool->epoch, 1);
    wake_all(&pool->epoch);
    for (int32_t i = 1; i < pool->threads; i++) { pthread_join(pool->others[i].thread, NULL); }
    free(pool->others);
    free(pool);
}

int32_t e2_pool_threads(const e2_pool *pool) { return pool->threads; }
const e2_isa_ops *e2_pool_isa(const e2_pool *pool) { return pool->isa; }
void e2_pool_use_isa(e2_pool *pool, const e2_isa_ops *ops) { pool->isa = ops != NULL ? ops : e2_current_isa(); }

void e2_pool_run(e2_pool *pool, void (*program)(void *context, int32_t thread), void *context) {
    if (pool->threads == 1) {
        program(context, 0);
        return;
    }
    pool->program = program;
    pool->context = context;
    atomic_store(&pool->left, 0);
    atomic_store(&pool->entered, 0);
    atomic_fetch_add(&pool->epoch, 1);
    if (atomic_load(&pool->sleepers) != 0) { wake_all(&pool->epoch); }
    program(context, 0);
    uint32_t inside = atomic_exchange(&pool->entered, CLOSED), left;
    while ((left = atomic_load(&pool->left)) != inside) { await_change(&pool->left, left, &pool->caller_sleeps); }
}

void e2_phase_reset(e2_phase *phase, int32_t count) {
    atomic_store_explicit(&phase->next, 0, memory_order_relaxed);
    atomic_store_explicit(&phase->done, 0, memory_order_relaxed);
    atomic_store_explicit(&phase->sleepers, 0, memory_order_relaxed);
    phase->count = count;
}

void e2_phase_finish(e2_phase *phase, int32_t items) {
    uint32_t count = (uint32_t)phase->count, done = atomic_load_explicit(&phase->done, memory_order_acquire);
    if (items > 0) {
        done = atomic_fetch_add(&phase->done, (uint32_t)items) + (uint32_t)items;
        if (done == count && atomic_load(&phase->sleepers) != 0) { wake_all(&phase->done); }
    }
    while (done != count) {
        await_change(&phase->done, done, &phase->sleepers);
        done = atomic_load_explicit(&phase->done, memory_order_acquire);
    }
}

typedef struct {
    e2_phase phase;
    void (*body)(void *context, int32_t item, int32_t thread);
    void *context;
} pool_loop;

static void run_loop(void *context, int32_t thread) {
    pool_loop *loop = context;
    int32_t items = 0;
    for (int32_t item; (item = e2_phase_take(&loop->phase)) >= 0; items++) { loop->body(loop->context, item, thread); }
    e2_phase_finish(&loop->phase, items);
}

void e2_pool_for(
    e2_pool *pool, int32_t count, void (*body)(void *context, int32_t item, int32_t thread), void *context) {
    if (count <= 0) { return; }
    pool_loop loop = {.body = body, .context = context};
    e2_phase_reset(&loop.phase, count);
    e2_pool_run(pool, run_loop, &loop);
}
