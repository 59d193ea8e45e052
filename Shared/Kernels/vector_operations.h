// Operations on vectors, written once over the sixteen lanes; included by the file of each instruction set after its
// lanes_*.h.

E2_INLINE v16 v_load_part(const float *p, int32_t count) {
    float part[16] = {0};
    memcpy(part, p, (size_t)count * 4);
    return v_load(part);
}

E2_INLINE void v_store_part(float *p, v16 x, int32_t count) {
    float part[16];
    v_store(part, x);
    memcpy(p, part, (size_t)count * 4);
}

// exp by range reduction to |r| <= ln 2 / 2 and the polynomial of Cephes' expf; relative error below 2^-22.
E2_INLINE v16 v_exp(v16 x) {
    v16 magic = v_set(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
    v16 high = v_set(88.0f);
    v16 y = v_where_less(high, x, high, x);
    v16 t = v_fma(y, v_set(1.44269504088896341f), magic);
    v16 n = v_sub(t, magic);
    v16 r = v_fma(n, v_set(-0.693359375f), y);
    r = v_fma(n, v_set(2.12194440e-4f), r);
    v16 p = v_set(1.9875691500e-4f);
    p = v_fma(p, r, v_set(1.3981999507e-3f));
    p = v_fma(p, r, v_set(8.3334519073e-3f));
    p = v_fma(p, r, v_set(4.1665795894e-2f));
    p = v_fma(p, r, v_set(1.6666665459e-1f));
    p = v_fma(p, r, v_set(5.0000001201e-1f));
    p = v_add(v_fma(p, v_mul(r, r), r), v_set(1.0f));
    return v_where_less(x, v_set(-87.0f), v_set(0.0f), v_mul(p, v_exponent(t)));
}

E2_INLINE v16 v_silu_mul(v16 gate, v16 up) {
    v16 denominator = v_add(v_set(1.0f), v_exp(v_sub(v_set(0.0f), gate)));
    return v_mul(v_div(gate, denominator), up);
}

E2_INLINE v16 v_gelu_mul(v16 gate, v16 up) {
    v16 t = v_mul(gate, v_fma(v_mul(gate, gate), v_set(0.07135481282f), v_set(1.59576912161f)));
    v16 denominator = v_add(v_set(1.0f), v_exp(v_sub(v_set(0.0f), t)));
    return v_mul(v_div(gate, denominator), up);
}

static void e2_quantize(const float *x, int32_t blocks, e2_qblock *out) {
    for (int32_t b = 0; b < blocks; b++, x += E2_BLOCK, out++) {
        v16 first = v_load(x), second = v_load(x + 16);
        uint32_t largest = v_largest_bits(first, second);
        if (largest < 0x0d800000u || largest >= 0x7f800000u) {  // below 2^-100, or not finite
            out->scale = out->scaled_sum = largest >= 0x7f800000u ? e2_float(0x7fc00000u) : 0.0f;
            out->sum = out->first_sum = 0;
            memset(out->values, 0, sizeof out->values);
            continue;
        }
        v16 inverse = v_set(127.0f / e2_float(largest)), magic = v_set(12582912.0f);
        first = v_sub(v_add(v_mul(first, inverse), magic), magic);
        second = v_sub(v_add(v_mul(second, inverse), magic), magic);
        v_store_int8(out->values, first);
        v_store_int8(out->values + 16, second);
        float sum = v_sum(v_add(first, second)), first_sum = v_sum(first);  // whole numbers: exact
        out->scale = e2_float(largest) / 127.0f;
        out->sum = (int32_t)sum;
        out->first_sum = (int32_t)first_sum;
        out->scaled_sum = out->scale * sum;
    }
}

E2_INLINE float e2_square_sum(int32_t n, const float *x) {
    v16 sum = v_set(0.0f);
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        v16 v = v_load(x + i);
        sum = v_fma(v, v, sum);
    }
    if (i < n) {
        v16 v = v_load_part(x + i, n - i);
        sum = v_fma(v, v, sum);
    }
    return v_sum(sum);
}

static void e2_rmsnorm(int32_t n, const float *x, const float *weight, float epsilon, float *out) {
    float mean = e2_square_sum(n, x) / (float)n;
    v16 factor = v_set(1.0f / __builtin_sqrtf(mean + epsilon));
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        v_store(out + i, v_mul(v_mul(v_load(x + i), factor), v_load(weight + i)));
    }
    if (i < n) {
        v16 y = v_mul(v_mul(v_load_part(x + i, n - i), factor), v_load_part(weight + i, n - i));
        v_store_part(out + i, y, n - i);
    }
}

static void e2_rope(int32_t dimensions, e2_rope_pairing pairing, const float *turn, float *head) {
    int32_t half = dimensions / 2;
    const float *cosines = turn, *sines = turn + half;
    int32_t step = pairing == E2_ROPE_ADJACENT ? 2 : 1, other = pairing == E2_ROPE_ADJACENT ? 1 : half;
    for (int32_t i = 0; i < half; i++) {
        float x = head[i * step], y = head[i * step + other];
        head[i * step] = E2_FMAF(x, cosines[i], -(y * sines[i]));
        head[i * step + other] = E2_FMAF(x, sines[i], y * cosines[i]);
    }
}

static void e2_silu_mul(int32_t n, float *gate, const float *up) {
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) { v_store(gate + i, v_silu_mul(v_load(gate + i), v_load(up + i))); }
    if (i < n) {
        v_store_part(gate + i, v_silu_mul(v_load_part(gate + i, n - i), v_load_part(up + i, n - i)), n - i);
    }
}

static void e2_gelu_mul(int32_t n, float *gate, const float *up) {
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) { v_store(gate + i, v_gelu_mul(v_load(gate + i), v_load(up + i))); }
    if (i < n) {
        v_store_part(gate + i, v_gelu_mul(v_load_part(gate + i, n - i), v_load_part(up + i, n - i)), n - i);
    }
}

static void e2_exp(int32_t n, const float *x, float *out) {
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) { v_store(out + i, v_exp(v_load(x + i))); }
    if (i < n) { v_store_part(out + i, v_exp(v_load_part(x + i, n - i)), n - i); }
}

static float e2_sum(int32_t n, const float *x) {
    v16 sum = v_set(0.0f);
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) { sum = v_add(sum, v_load(x + i)); }
    if (i < n) { sum = v_add(sum, v_load_part(x + i, n - i)); }
    return v_sum(sum);
}

static void e2_half_from_float(int32_t n, const float *x, uint16_t *out) {
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) { v_store_half(out + i, v_load(x + i)); }
    for (; i < n; i++) { out[i] = e2_soft_half_from_float(x[i]); }
}

static void e2_float_from_half(int32_t n, const uint16_t *x, float *out) {
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) { v_store(out + i, v_load_half(x + i)); }
    for (; i < n; i++) { out[i] = e2_soft_float_from_half(x[i]); }
}
