// Sixteen f32 lanes as four NEON registers. The floating-point control register is as Linux starts every thread:
// nearest even, nothing flushed to zero, NaNs kept, IEEE half floats.

#include <arm_neon.h>

#include "internal.h"

typedef struct { float32x4_t q[4]; } v16;

// The statement for each register. Not a loop: thousands of them make the compiler slow.
#define E2_EACH(...) \
    { { enum { i = 0 }; __VA_ARGS__; } { enum { i = 1 }; __VA_ARGS__; } \
      { enum { i = 2 }; __VA_ARGS__; } { enum { i = 3 }; __VA_ARGS__; } }

E2_INLINE v16 v_set(float x) { v16 r; E2_EACH(r.q[i] = vdupq_n_f32(x)) return r; }
E2_INLINE v16 v_load(const float *p) { v16 r; E2_EACH(r.q[i] = vld1q_f32(p + 4 * i)) return r; }
E2_INLINE void v_store(float *p, v16 x) { E2_EACH(vst1q_f32(p + 4 * i, x.q[i])) }
E2_INLINE float32x4_t v_half_lanes(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
E2_INLINE v16 v_load_half(const uint16_t *p) { v16 r; E2_EACH(r.q[i] = v_half_lanes(p + 4 * i)) return r; }
E2_INLINE void v_store_half(uint16_t *p, v16 x) {
    E2_EACH(vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(x.q[i]))))
}
E2_INLINE v16 v_load_bf16(const uint16_t *p) {
    v16 r;
    E2_EACH(r.q[i] = vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16)))
    return r;
}
E2_INLINE v16 v_load_int8(const int8_t *p) {
    int8x16_t bytes = vld1q_s8(p);
    int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
    return (v16){{
        vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_high_s16(low)),
        vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_high_s16(high))}};
}
E2_INLINE int8x8_t v_int8_lanes(float32x4_t x, float32x4_t y) {
    return vqmovn_s16(vcombine_s16(vqmovn_s32(vcvtq_s32_f32(x)), vqmovn_s32(vcvtq_s32_f32(y))));
}
E2_INLINE void v_store_int8(int8_t *p, v16 x) {
    vst1_s8(p, v_int8_lanes(x.q[0], x.q[1]));
    vst1_s8(p + 8, v_int8_lanes(x.q[2], x.q[3]));
}
E2_INLINE v16 v_add(v16 x, v16 y) { E2_EACH(x.q[i] = vaddq_f32(x.q[i], y.q[i])) return x; }
E2_INLINE v16 v_sub(v16 x, v16 y) { E2_EACH(x.q[i] = vsubq_f32(x.q[i], y.q[i])) return x; }
E2_INLINE v16 v_mul(v16 x, v16 y) { E2_EACH(x.q[i] = vmulq_f32(x.q[i], y.q[i])) return x; }
E2_INLINE v16 v_div(v16 x, v16 y) { E2_EACH(x.q[i] = vdivq_f32(x.q[i], y.q[i])) return x; }
E2_INLINE v16 v_fma(v16 x, v16 y, v16 z) { E2_EACH(z.q[i] = vfmaq_f32(z.q[i], x.q[i], y.q[i])) return z; }
// Not FMAX, which returns NaN where either is NaN.
E2_INLINE float32x4_t v_max_lanes(float32x4_t x, float32x4_t y) { return vbslq_f32(vcgtq_f32(x, y), x, y); }
E2_INLINE v16 v_max(v16 x, v16 y) { E2_EACH(x.q[i] = v_max_lanes(x.q[i], y.q[i])) return x; }
E2_INLINE v16 v_where_less(v16 x, v16 limit, v16 yes, v16 no) {
    E2_EACH(x.q[i] = vbslq_f32(vcltq_f32(x.q[i], limit.q[i]), yes.q[i], no.q[i]))
    return x;
}
E2_INLINE v16 v_replace_from(v16 x, int first, float other) {
    const int32x4_t index = {0, 1, 2, 3};
    E2_EACH(x.q[i] = vbslq_f32(vcltq_s32(index, vdupq_n_s32(first - 4 * i)), x.q[i], vdupq_n_f32(other)))
    return x;
}
E2_INLINE v16 v_exponent(v16 x) {
    E2_EACH(
        uint32x4_t shifted = vshlq_n_u32(vreinterpretq_u32_f32(x.q[i]), 23);
        x.q[i] = vreinterpretq_f32_u32(vaddq_u32(shifted, vdupq_n_u32(0x3f800000u))))
    return x;
}
E2_INLINE uint32_t v_largest_bits(v16 x, v16 y) {
    uint32x4_t largest = vdupq_n_u32(0), mask = vdupq_n_u32(0x7fffffffu);
    E2_EACH(
        uint32x4_t p = vandq_u32(vreinterpretq_u32_f32(x.q[i]), mask);
        uint32x4_t q = vandq_u32(vreinterpretq_u32_f32(y.q[i]), mask);
        largest = vmaxq_u32(largest, vmaxq_u32(p, q)))
    return vmaxvq_u32(largest);
}
E2_INLINE float v_sum(v16 x) {
    float32x4_t four = vaddq_f32(vaddq_f32(x.q[0], x.q[2]), vaddq_f32(x.q[1], x.q[3]));
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
E2_INLINE float v_largest(v16 x) {
    float32x4_t four = v_max_lanes(v_max_lanes(x.q[0], x.q[2]), v_max_lanes(x.q[1], x.q[3]));
    float32x2_t low = vget_low_f32(four), high = vget_high_f32(four);
    float32x2_t two = vbsl_f32(vcgt_f32(low, high), low, high);
    float p = vget_lane_f32(two, 0), q = vget_lane_f32(two, 1);
    return p > q ? p : q;
}

#define E2_FMAF __builtin_fmaf
#define E2_FLOAT_ROWS 4
#define E2_ATTENTION_BLOCK 2
#define E2_ATTENTION_DIRECT 4
