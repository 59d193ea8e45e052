// Sixteen f32 lanes as one AVX-512 register. Where SIMDe emulates the instructions (a test), those that it rounds
// differently or lacks are replaced one by one.

#ifndef E2_EMULATED
#include <immintrin.h>
#endif

#include "internal.h"

typedef __m512 v16;

E2_INLINE v16 v_set(float x) { return _mm512_set1_ps(x); }
E2_INLINE v16 v_load(const float *p) { return _mm512_loadu_ps(p); }
E2_INLINE void v_store(float *p, v16 x) { _mm512_storeu_ps(p, x); }
#ifdef E2_EMULATED
E2_INLINE v16 v_fma(v16 x, v16 y, v16 z) {
    float a[16], b[16], c[16];
    v_store(a, x);
    v_store(b, y);
    v_store(c, z);
    for (int i = 0; i < 16; i++) { c[i] = __builtin_fmaf(a[i], b[i], c[i]); }
    return v_load(c);
}
E2_INLINE v16 v_load_half(const uint16_t *p) {
    float x[16];
    for (int i = 0; i < 16; i++) { x[i] = e2_soft_float_from_half(p[i]); }
    return v_load(x);
}
E2_INLINE v16 v_load_bf16(const uint16_t *p) {
    float x[16];
    for (int i = 0; i < 16; i++) { x[i] = e2_float((uint32_t)p[i] << 16); }
    return v_load(x);
}
E2_INLINE void v_store_half(uint16_t *p, v16 x) {
    float f[16];
    v_store(f, x);
    for (int i = 0; i < 16; i++) { p[i] = e2_soft_half_from_float(f[i]); }
}
E2_INLINE v16 v_whole(__m512i x) {
    int32_t whole[16];
    float f[16];
    memcpy(whole, &x, sizeof whole);
    for (int i = 0; i < 16; i++) { f[i] = (float)whole[i]; }
    return v_load(f);
}
E2_INLINE v16 v_load_int8(const int8_t *p) {
    float f[16];
    for (int i = 0; i < 16; i++) { f[i] = (float)p[i]; }
    return v_load(f);
}
E2_INLINE __m128i v_int8(v16 x) {
    float f[16];
    int8_t bytes[16];
    v_store(f, x);
    for (int i = 0; i < 16; i++) { bytes[i] = (int8_t)f[i]; }
    return _mm_loadu_si128((const __m128i *)bytes);
}
#else
E2_INLINE v16 v_fma(v16 x, v16 y, v16 z) { return _mm512_fmadd_ps(x, y, z); }
E2_INLINE v16 v_load_half(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
E2_INLINE v16 v_load_bf16(const uint16_t *p) {
    __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
}
E2_INLINE void v_store_half(uint16_t *p, v16 x) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
E2_INLINE v16 v_whole(__m512i x) { return _mm512_cvtepi32_ps(x); }
E2_INLINE v16 v_load_int8(const int8_t *p) {
    return v_whole(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
E2_INLINE __m128i v_int8(v16 x) { return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(x)); }
#endif
E2_INLINE void v_store_int8(int8_t *p, v16 x) { _mm_storeu_si128((__m128i *)p, v_int8(x)); }
E2_INLINE v16 v_add(v16 x, v16 y) { return _mm512_add_ps(x, y); }
E2_INLINE v16 v_sub(v16 x, v16 y) { return _mm512_sub_ps(x, y); }
E2_INLINE v16 v_mul(v16 x, v16 y) { return _mm512_mul_ps(x, y); }
E2_INLINE v16 v_div(v16 x, v16 y) { return _mm512_div_ps(x, y); }
E2_INLINE v16 v_max(v16 x, v16 y) { return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ), x); }
E2_INLINE v16 v_where_less(v16 x, v16 limit, v16 yes, v16 no) {
    return _mm512_mask_mov_ps(no, _mm512_cmp_ps_mask(x, limit, _CMP_LT_OQ), yes);
}
E2_INLINE v16 v_replace_from(v16 x, int first, float other) {
    uint32_t keep = first >= 16 ? 0xffff : first <= 0 ? 0 : (1u << first) - 1;
    return _mm512_mask_mov_ps(_mm512_set1_ps(other), (__mmask16)keep, x);
}
E2_INLINE v16 v_exponent(v16 x) {
    __m512i shifted = _mm512_slli_epi32(_mm512_castps_si512(x), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(shifted, _mm512_set1_epi32(0x3f800000)));
}
E2_INLINE uint32_t v_largest_bits(v16 x, v16 y) {
    __m512i mask = _mm512_set1_epi32(0x7fffffff);
    __m512i m = _mm512_max_epu32(
        _mm512_and_si512(_mm512_castps_si512(x), mask), _mm512_and_si512(_mm512_castps_si512(y), mask));
    __m256i h = _mm256_max_epu32(_mm512_castsi512_si256(m), _mm512_extracti64x4_epi64(m, 1));
    __m128i q = _mm_max_epu32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
    q = _mm_max_epu32(q, _mm_shuffle_epi32(q, 0x4e));
    q = _mm_max_epu32(q, _mm_shuffle_epi32(q, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(q);
}
E2_INLINE __m256 v_high(v16 x) {
    return _mm256_castsi256_ps(_mm512_extracti64x4_epi64(_mm512_castps_si512(x), 1));
}
E2_INLINE float v_sum(v16 x) {
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), v_high(x));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
// As in the other lanes: the upper lane where either is NaN.
E2_INLINE float v_largest(v16 x) {
    __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(x), v_high(x));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

#define E2_FMAF __builtin_fmaf
#define E2_FLOAT_ROWS 12
#define E2_ATTENTION_BLOCK 8
#define E2_ATTENTION_DIRECT 8
