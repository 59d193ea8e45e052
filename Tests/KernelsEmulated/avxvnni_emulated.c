// Compiles the file of the AVX-VNNI kernels for AVX2, with SIMDe's version of the one instruction that AVX2 lacks.

#include "e2_emulated.h"

#if defined(__x86_64__) && __has_include(<simde/x86/avx512.h>)

#pragma STDC FP_CONTRACT OFF

#include <immintrin.h>

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#include <simde/x86/avx512.h>
#pragma clang diagnostic pop

// Through memory: SIMDe's types are others without AVX2.
static void dot(int32_t *sums, const void *weights, const void *values) {
    simde__m256i w = simde_mm256_loadu_si256(weights), v = simde_mm256_loadu_si256(values);
    simde_mm256_storeu_si256(sums, simde_mm256_dpbusd_epi32(simde_mm256_loadu_si256(sums), w, v));
}

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

static inline __m256i emulated_dpbusd(__m256i sums, __m256i weights, __m256i values) {
    int32_t result[8];
    _mm256_storeu_si256((__m256i *)result, sums);
    dot(result, &weights, &values);
    return _mm256_loadu_si256((const __m256i *)result);
}

#define _mm256_dpbusd_avx_epi32 emulated_dpbusd
#define E2_EMULATED
#define E2_TABLE e2_isa_avxvnni_emulated
#define E2_NAME "avxvnni (emulated)"
#include "../../Shared/Kernels/internal.h"
extern const e2_isa_ops E2_TABLE;
#include "../../Shared/Kernels/avxvnni.c"

#pragma clang attribute pop

const e2_isa_ops *e2_emulated_avxvnni(void) { return e2_isa("avx2") != NULL ? &e2_isa_avxvnni_emulated : NULL; }

#else

const e2_isa_ops *e2_emulated_avxvnni(void) { return NULL; }

#endif
