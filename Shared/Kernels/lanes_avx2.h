// Sixteen f32 lanes as two AVX registers.

#include <immintrin.h>

#include "internal.h"

typedef struct { __m256 a, b; } v16;

E2_INLINE v16 v_both(__m256 a, __m256 b) { return (v16){a, b}; }
E2_INLINE v16 v_set(float x) { return v_both(_mm256_set1_ps(x), _mm256_set1_ps(x)); }
E2_INLINE v16 v_load(const float *p) { return v_both(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
E2_INLINE void v_store(float *p, v16 x) { _mm256_storeu_ps(p, x.a); _mm256_storeu_ps(p + 8, x.b); }
E2_INLINE v16 v_load_half(const uint16_t *p) {
    __m128i a = _mm_loadu_si128((const __m128i *)p), b = _mm_loadu_si128((const __m128i *)(p + 8));
    return v_both(_mm256_cvtph_ps(a), _mm256_cvtph_ps(b));
}
E2_INLINE __m256 v_bf16_half(const uint16_t *p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
E2_INLINE v16 v_load_bf16(const uint16_t *p) { return v_both(v_bf16_half(p), v_bf16_half(p + 8)); }
E2_INLINE void v_store_half(uint16_t *p, v16 x) {
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
E2_INLINE v16 v_load_int8(const int8_t *p) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)p);
    return v_both(
        _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
        _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))));
}
E2_INLINE void v_store_int8(int8_t *p, v16 x) {
    __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b));
    words = _mm256_permute4x64_epi64(words, 0xd8);
    __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)p, bytes);
}
E2_INLINE v16 v_add(v16 x, v16 y) { return v_both(_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)); }
E2_INLINE v16 v_sub(v16 x, v16 y) { return v_both(_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)); }
E2_INLINE v16 v_mul(v16 x, v16 y) { return v_both(_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)); }
E2_INLINE v16 v_div(v16 x, v16 y) { return v_both(_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)); }
E2_INLINE v16 v_fma(v16 x, v16 y, v16 z) {
    return v_both(_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b));
}
E2_INLINE v16 v_max(v16 x, v16 y) { return v_both(_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)); }
E2_INLINE v16 v_where_less(v16 x, v16 limit, v16 yes, v16 no) {
    return v_both(
        _mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, limit.a, _CMP_LT_OQ)),
        _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, limit.b, _CMP_LT_OQ)));
}
E2_INLINE v16 v_replace_from(v16 x, int first, float other) {
    __m256i limit = _mm256_set1_epi32(first), index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256 keep_a = _mm256_castsi256_ps(_mm256_cmpgt_epi32(limit, index));
    __m256 keep_b = _mm256_castsi256_ps(_mm256_cmpgt_epi32(limit, _mm256_add_epi32(index, _mm256_set1_epi32(8))));
    __m256 o = _mm256_set1_ps(other);
    return v_both(_mm256_blendv_ps(o, x.a, keep_a), _mm256_blendv_ps(o, x.b, keep_b));
}
E2_INLINE __m256 v_exponent_half(__m256 x) {
    __m256i shifted = _mm256_slli_epi32(_mm256_castps_si256(x), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(shifted, _mm256_set1_epi32(0x3f800000)));
}
E2_INLINE v16 v_exponent(v16 x) { return v_both(v_exponent_half(x.a), v_exponent_half(x.b)); }
E2_INLINE uint32_t v_largest_bits(v16 x, v16 y) {
    __m256i mask = _mm256_set1_epi32(0x7fffffff);
    __m256i p = _mm256_max_epu32(
        _mm256_and_si256(_mm256_castps_si256(x.a), mask), _mm256_and_si256(_mm256_castps_si256(x.b), mask));
    __m256i q = _mm256_max_epu32(
        _mm256_and_si256(_mm256_castps_si256(y.a), mask), _mm256_and_si256(_mm256_castps_si256(y.b), mask));
    p = _mm256_max_epu32(p, q);
    __m128i m = _mm_max_epu32(_mm256_castsi256_si128(p), _mm256_extracti128_si256(p, 1));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(m);
}
E2_INLINE float v_sum(v16 x) {
    __m256 eight = _mm256_add_ps(x.a, x.b);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
E2_INLINE float v_largest(v16 x) {
    __m256 eight = _mm256_max_ps(x.a, x.b);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

#define E2_FMAF __builtin_fmaf
#define E2_FLOAT_ROWS 4
#define E2_ATTENTION_BLOCK 3
#define E2_ATTENTION_DIRECT 4
