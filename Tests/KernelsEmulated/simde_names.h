// The names of the instructions that the kernels use, as SIMDe's portable versions. (SIMDe's own switch for this,
// SIMDE_ENABLE_NATIVE_ALIASES, collides with clang's headers.)

#ifndef E2_SIMDE_NAMES_H
#define E2_SIMDE_NAMES_H

#define __m128 simde__m128
#define __m128i simde__m128i
#define __m256 simde__m256
#define __m256i simde__m256i
#define __m512 simde__m512
#define __m512i simde__m512i
#define __mmask16 simde__mmask16
#undef _CMP_LT_OQ
#undef _CMP_GT_OQ
#define _CMP_LT_OQ SIMDE_CMP_LT_OQ
#define _CMP_GT_OQ SIMDE_CMP_GT_OQ

#undef _mm256_add_ps
#define _mm256_add_ps simde_mm256_add_ps
#undef _mm256_castps256_ps128
#define _mm256_castps256_ps128 simde_mm256_castps256_ps128
#undef _mm256_castsi256_ps
#define _mm256_castsi256_ps simde_mm256_castsi256_ps
#undef _mm256_castsi256_si128
#define _mm256_castsi256_si128 simde_mm256_castsi256_si128
#undef _mm256_extractf128_ps
#define _mm256_extractf128_ps simde_mm256_extractf128_ps
#undef _mm256_extracti128_si256
#define _mm256_extracti128_si256 simde_mm256_extracti128_si256
#undef _mm256_loadu_si256
#define _mm256_loadu_si256 simde_mm256_loadu_si256
#undef _mm256_max_epu32
#define _mm256_max_epu32 simde_mm256_max_epu32
#undef _mm256_max_ps
#define _mm256_max_ps simde_mm256_max_ps
#undef _mm256_storeu_si256
#define _mm256_storeu_si256 simde_mm256_storeu_si256
#undef _mm512_add_epi32
#define _mm512_add_epi32 simde_mm512_add_epi32
#undef _mm512_add_ps
#define _mm512_add_ps simde_mm512_add_ps
#undef _mm512_and_si512
#define _mm512_and_si512 simde_mm512_and_si512
#undef _mm512_castps512_ps256
#define _mm512_castps512_ps256 simde_mm512_castps512_ps256
#undef _mm512_castps_si512
#define _mm512_castps_si512 simde_mm512_castps_si512
#undef _mm512_castsi512_ps
#define _mm512_castsi512_ps simde_mm512_castsi512_ps
#undef _mm512_castsi512_si256
#define _mm512_castsi512_si256 simde_mm512_castsi512_si256
#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask simde_mm512_cmp_ps_mask
#undef _mm512_div_ps
#define _mm512_div_ps simde_mm512_div_ps
#undef _mm512_dpbusd_epi32
#define _mm512_dpbusd_epi32 simde_mm512_dpbusd_epi32
#undef _mm512_extracti64x4_epi64
#define _mm512_extracti64x4_epi64 simde_mm512_extracti64x4_epi64
#undef _mm512_loadu_ps
#define _mm512_loadu_ps simde_mm512_loadu_ps
#undef _mm512_loadu_si512
#define _mm512_loadu_si512 simde_mm512_loadu_si512
#undef _mm512_mask_mov_ps
#define _mm512_mask_mov_ps simde_mm512_mask_mov_ps
#undef _mm512_max_epu32
#define _mm512_max_epu32 simde_mm512_max_epu32
#undef _mm512_mul_ps
#define _mm512_mul_ps simde_mm512_mul_ps
#undef _mm512_or_si512
#define _mm512_or_si512 simde_mm512_or_si512
#undef _mm512_set1_epi32
#define _mm512_set1_epi32 simde_mm512_set1_epi32
#undef _mm512_set1_epi8
#define _mm512_set1_epi8 simde_mm512_set1_epi8
#undef _mm512_set1_ps
#define _mm512_set1_ps simde_mm512_set1_ps
#undef _mm512_setzero_si512
#define _mm512_setzero_si512 simde_mm512_setzero_si512
#undef _mm512_slli_epi32
#define _mm512_slli_epi32 simde_mm512_slli_epi32
#undef _mm512_slli_epi16
#define _mm512_slli_epi16 emulated_slli_epi16
#undef _mm512_srli_epi16
#define _mm512_srli_epi16 emulated_srli_epi16
#undef _mm512_storeu_ps
#define _mm512_storeu_ps simde_mm512_storeu_ps
#undef _mm512_sub_epi32
#define _mm512_sub_epi32 simde_mm512_sub_epi32
#undef _mm512_sub_ps
#define _mm512_sub_ps simde_mm512_sub_ps
#undef _mm512_xor_si512
#define _mm512_xor_si512 simde_mm512_xor_si512
#undef _mm_add_ps
#define _mm_add_ps simde_mm_add_ps
#undef _mm_add_ss
#define _mm_add_ss simde_mm_add_ss
#undef _mm_cvtsi128_si32
#define _mm_cvtsi128_si32 simde_mm_cvtsi128_si32
#undef _mm_cvtss_f32
#define _mm_cvtss_f32 simde_mm_cvtss_f32
#undef _mm_loadu_si128
#define _mm_loadu_si128 simde_mm_loadu_si128
#undef _mm_max_epu32
#define _mm_max_epu32 simde_mm_max_epu32
#undef _mm_max_ps
#define _mm_max_ps simde_mm_max_ps
#undef _mm_max_ss
#define _mm_max_ss simde_mm_max_ss
#undef _mm_movehdup_ps
#define _mm_movehdup_ps simde_mm_movehdup_ps
#undef _mm_movehl_ps
#define _mm_movehl_ps simde_mm_movehl_ps
#undef _mm_shuffle_epi32
#define _mm_shuffle_epi32 simde_mm_shuffle_epi32
#undef _mm_storeu_si128
#define _mm_storeu_si128 simde_mm_storeu_si128

#endif
