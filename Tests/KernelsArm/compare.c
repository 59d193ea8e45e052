// Compares the named tables of operations with the scalar reference: `compare neon -neondot` compares neon, which must
// be there, and demands that neondot is not. `compare scalar` computes the reference only. The digest is that of the
// reference's results: the same on every machine.

#pragma STDC FP_CONTRACT OFF

#include "compare.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[KINDS] = {
    "quantize", "matmul", "rmsnorm", "rope", "silu_mul", "gelu_mul", "exp", "sum", "attend", "attend_span",
    "half_from_float", "float_from_half", "layers", "kv_cache", "logits",
};

// Fails to compile where the table gains an operation: compare it, then count it here.
_Static_assert(sizeof(e2_isa_ops) == 15 * sizeof(void *), "an operation of e2_isa_ops is not compared");

static size_t compared[KINDS];
static uint64_t digest;
static char subject[256];

void describe(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(subject, sizeof subject, format, arguments);
    va_end(arguments);
}

_Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint32_t float_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return isnan(x) ? 0x7fc00000u : bits;
}

static void add_to_digest(uint64_t value) { digest = (digest ^ value) * 0x100000001b3u; }

void same_floats(kind what, size_t count, const float *expected, const float *result) {
    for (size_t i = 0; i < count; i++) {
        add_to_digest(float_bits(expected[i]));
        if (float_bits(expected[i]) == float_bits(result[i])) { continue; }
        fail(
            "%s, %s: value %zu of %zu is %a (%08x), scalar gives %a (%08x)", kind_names[what], subject, i, count,
            (double)result[i], float_bits(result[i]), (double)expected[i], float_bits(expected[i]));
    }
    compared[what] += count;
}

void same_bytes(kind what, size_t count, const void *expected, const void *result) {
    const uint8_t *p = expected, *q = result;
    for (size_t i = 0; i < count; i++) {
        add_to_digest(p[i]);
        if (p[i] == q[i]) { continue; }
        fail("%s, %s: byte %zu of %zu is %d, scalar gives %d", kind_names[what], subject, i, count, q[i], p[i]);
    }
    compared[what] += count;
}

void report(const char *name) {
    printf("%s equals scalar:", name);
    for (int k = 0; k < KINDS; k++) {
        printf(" %s %zu", kind_names[k], compared[k]);
        if (compared[k] == 0) { fail("%s of %s was not compared", kind_names[k], name); }
        compared[k] = 0;
    }
    printf("\ndigest %016llx\n", (unsigned long long)digest);
    fflush(stdout);
}

static uint64_t state;

void random_seed(uint64_t seed) { state = seed; }

uint64_t random_bits(void) {
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int32_t random_between(int32_t lowest, int32_t highest) {
    return lowest + (int32_t)(random_bits() % (uint64_t)(highest - lowest + 1));
}

float random_float(float limit) { return ((float)(random_bits() >> 40) * 0x1p-23f - 1.0f) * limit; }

void random_floats(size_t count, float limit, float *out) {
    for (size_t i = 0; i < count; i++) { out[i] = random_float(limit); }
}

void *memory(size_t bytes) {
    size_t size = (bytes / 64 + 1) * 64;
    void *p = aligned_alloc(64, size);
    if (p == NULL) { fail("out of memory"); }
    return memset(p, 0, size);
}

static void compare_table(const char *name) {
    tables t = {e2_isa("scalar"), e2_isa(name)};
    if (t.scalar == NULL || t.other == NULL) { fail("%s is missing", name); }
    if (strcmp(t.other->name, name) != 0) { fail("the table %s calls itself %s", name, t.other->name); }
    if (t.other->peak(100) <= 0) { fail("peak of %s does nothing", name); }
    digest = 0xcbf29ce484222325u;
    compare_vectors(t);
    compare_matrices(t);
    compare_attention(t);
    compare_layers(t);
    report(name);
}

int main(int count, char **arguments) {
    bool compared_one = false;
    if (e2_initialize() != E2_OK) { fail("%s", e2_status_text(E2_UNSUPPORTED_ISA)); }
    printf("features \"%s\", chosen \"%s\"\n", e2_cpu_features(), e2_isa_name());
    const char *wanted = getenv("E2LLM_ISA");
    if (wanted != NULL && strcmp(wanted, e2_isa_name()) != 0) { fail("E2LLM_ISA=%s gives %s", wanted, e2_isa_name()); }
    for (int i = 1; i < count; i++) {
        const char *name = arguments[i];
        if (*name != '-') {
            compare_table(name);
            compared_one = true;
        } else if (e2_isa(name + 1) != NULL) {
            fail("%s is offered on a CPU that lacks it", name + 1);
        }
    }
    if (!compared_one) { fail("nothing was compared"); }
    return 0;
}
