// Chooses the instruction set.

#include <stdlib.h>
#include <string.h>

#include "internal.h"

#if defined(__x86_64__)
#include <cpuid.h>

enum {
    CPU_AVX2 = 1,
    CPU_FMA = 2,
    CPU_F16C = 4,
    CPU_AVX512 = 8,  // F, BW, DQ, VL
    CPU_AVX512VNNI = 16,
    CPU_AVXVNNI = 32,
};

static uint64_t enabled_states(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static int read_cpu_flags(void) {
    unsigned a, b, c, d;
    int flags = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) { return 0; }  // OSXSAVE
    uint64_t states = enabled_states();
    if ((states & 6) != 6) { return 0; }
    if (c >> 12 & 1) { flags |= CPU_FMA; }
    if (c >> 29 & 1) { flags |= CPU_F16C; }
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) { return flags; }
    unsigned highest = a;
    if (b >> 5 & 1) { flags |= CPU_AVX2; }
    bool wide = (states & 0xe6) == 0xe6 && (b >> 16 & 1) && (b >> 17 & 1) && (b >> 30 & 1) && (b >> 31 & 1);
    if (wide) {
        flags |= CPU_AVX512;
        if (c >> 11 & 1) { flags |= CPU_AVX512VNNI; }
    }
    if (highest >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1)) { flags |= CPU_AVXVNNI; }
    return flags;
}

// Asked once: under a hypervisor the cpuid instruction takes tens of microseconds.
static int cpu_flags(void) {
    static _Atomic int known = -1;
    int flags = atomic_load(&known);
    if (flags < 0) {
        flags = read_cpu_flags();
        atomic_store(&known, flags);
    }
    return flags;
}

static bool cpu_has(int needed) { return (cpu_flags() & needed) == needed; }
#elif defined(__aarch64__)
enum {
    CPU_DOTPROD = 1,
    CPU_I8MM = 2,
    CPU_SVE = 4,
};

#if defined(__linux__)
#include <sys/auxv.h>

static int cpu_flags(void) {
    // Bits of the kernel's interface: ASIMDDP and SVE of AT_HWCAP, I8MM of AT_HWCAP2.
    unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
    int flags = first >> 20 & 1 ? CPU_DOTPROD : 0;
    if (first >> 22 & 1) { flags |= CPU_SVE; }
    if (second >> 13 & 1) { flags |= CPU_I8MM; }
    return flags;
}
#else
// Elsewhere: what the compiler was told that every CPU has.
static int cpu_flags(void) {
    int flags = 0;
#if defined(__ARM_FEATURE_DOTPROD)
    flags |= CPU_DOTPROD;
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
    flags |= CPU_I8MM;
#endif
    return flags;
}
#endif

static bool cpu_has(int needed) { return (cpu_flags() & needed) == needed; }
#endif

const e2_isa_ops *e2_isa(const char *name) {
    if (name == NULL) { return NULL; }
    if (strcmp(name, "scalar") == 0) { return &e2_isa_scalar; }
#if defined(__x86_64__)
    int base = CPU_AVX2 | CPU_FMA | CPU_F16C;
    if (strcmp(name, "avx2") == 0 && cpu_has(base)) { return &e2_isa_avx2; }
    if (strcmp(name, "avxvnni") == 0 && cpu_has(base | CPU_AVXVNNI)) { return &e2_isa_avxvnni; }
    if (strcmp(name, "avx512vnni") == 0 && cpu_has(base | CPU_AVX512 | CPU_AVX512VNNI)) { return &e2_isa_avx512vnni; }
#elif defined(__aarch64__)
    if (strcmp(name, "neon") == 0) { return &e2_isa_neon; }
    if (strcmp(name, "neondot") == 0 && cpu_has(CPU_DOTPROD)) { return &e2_isa_neondot; }
#endif
    return NULL;
}

static _Atomic(const e2_isa_ops *) current;

static const e2_isa_ops *best_isa(void) {
    static const char *const names[] = {"avx512vnni", "avxvnni", "avx2", "neondot", "neon"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const e2_isa_ops *best = e2_isa(names[i]);
        if (best != NULL) { return best; }
    }
    return &e2_isa_scalar;
}

e2_status e2_initialize(void) {
    const char *wanted = getenv("E2LLM_ISA");
    const e2_isa_ops *chosen = wanted != NULL && *wanted != 0 ? e2_isa(wanted) : best_isa();
    atomic_store(&current, chosen != NULL ? chosen : best_isa());
    return chosen != NULL ? E2_OK : E2_UNSUPPORTED_ISA;
}

const e2_isa_ops *e2_current_isa(void) {
    if (atomic_load(&current) == NULL) { e2_initialize(); }
    return atomic_load(&current);
}

const char *e2_isa_name(void) { return e2_current_isa()->name; }

const char *e2_cpu_features(void) {
#if defined(__x86_64__)
    // Every combination that exists, as constant text, so that nothing has to be built or freed.
    int flags = cpu_flags();
    bool base = cpu_has(CPU_AVX2 | CPU_FMA | CPU_F16C);
    if (!base) { return flags & CPU_FMA ? "fma" : ""; }
    if (flags & CPU_AVX512VNNI) {
        return flags & CPU_AVXVNNI ? "avx2 fma f16c avxvnni avx512 avx512vnni" : "avx2 fma f16c avx512 avx512vnni";
    }
    if (flags & CPU_AVX512) { return "avx2 fma f16c avx512"; }
    return flags & CPU_AVXVNNI ? "avx2 fma f16c avxvnni" : "avx2 fma f16c";
#elif defined(__aarch64__)
    static const char *const texts[] = {
        "neon", "neon dotprod", "neon i8mm", "neon dotprod i8mm",
        "neon sve", "neon dotprod sve", "neon i8mm sve", "neon dotprod i8mm sve"};
    return texts[cpu_flags()];
#else
    return "";
#endif
}

const char *e2_status_text(e2_status status) {
    switch (status) {
    case E2_OK: return "no error";
    case E2_UNSUPPORTED_TYPE: return "the tensor type is not supported";
    case E2_BAD_SHAPE: return "the sizes are not supported";
    case E2_UNSUPPORTED_ISA: return "E2LLM_ISA names an instruction set that is unknown or that this CPU lacks";
    case E2_BAD_BATCH: return "the batch does not fit the model or the scratch memory";
    case E2_NO_MEMORY: return "out of memory";
    }
    return "unknown error";
}
