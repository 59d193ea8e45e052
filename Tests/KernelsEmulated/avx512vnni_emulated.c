// Compiles the file of the AVX-512 VNNI kernels through SIMDe.

#pragma STDC FP_CONTRACT OFF

#include "e2_emulated.h"

#if __has_include(<simde/x86/avx512.h>)

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#include <simde/x86/avx2.h>
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>
#pragma clang diagnostic pop

#include "simde_names.h"

// SIMDe's shifts by a constant want one that the preprocessor sees.
static inline __m512i emulated_slli_epi16(__m512i x, unsigned count) {
    return simde_mm512_sll_epi16(x, simde_mm_cvtsi32_si128((int)count));
}
static inline __m512i emulated_srli_epi16(__m512i x, unsigned count) {
    return simde_mm512_srl_epi16(x, simde_mm_cvtsi32_si128((int)count));
}

#define E2_EMULATED
#define E2_TABLE e2_isa_avx512vnni_emulated
#define E2_NAME "avx512vnni (emulated)"
extern const e2_isa_ops E2_TABLE;
#include "../../Shared/Kernels/avx512vnni.c"

const e2_isa_ops *e2_emulated_avx512vnni(void) { return &e2_isa_avx512vnni_emulated; }

#else

const e2_isa_ops *e2_emulated_avx512vnni(void) { return NULL; }

#endif
