// Frequencies and angles of rotary position embedding, in double with own functions: libraries differ in the last bit.

#pragma STDC FP_CONTRACT OFF

#include <math.h>

#include "internal.h"

static const double ln2_high = 0x1.62e42fefa39efp-1, ln2_low = 0x1.abc9e3b39803fp-56;

static double natural_logarithm(double x) {
    int exponent;
    double m = frexp(x, &exponent);  // 0.5 <= m < 1
    if (m < 0.70710678118654752) {
        m *= 2;
        exponent--;
    }
    double s = (m - 1) / (m + 1), s2 = s * s, sum = 0;
    for (int n = 25; n >= 1; n -= 2) { sum = fma(sum, s2, 1.0 / n); }
    return fma(exponent, ln2_high, fma(2 * s, sum, exponent * ln2_low));
}

static double exponential(double x) {
    if (!(x > -700 && x < 700)) { return x < 0 ? 0 : INFINITY; }
    double magic = 0x1.8p52, n = fma(x, 1.4426950408889634, magic) - magic;
    double r = fma(n, -ln2_low, fma(n, -ln2_high, x)), sum = 1;
    for (int k = 18; k >= 1; k--) { sum = fma(sum, r / k, 1); }
    return ldexp(sum, (int)n);
}

void e2_rope_frequencies(int32_t dimensions, double base, double scale, const float *factors, double *out) {
    double logarithm = natural_logarithm(base);
    for (int32_t i = 0; i < dimensions / 2; i++) {
        double frequency = exponential(-(2.0 * i / dimensions) * logarithm) * scale;
        out[i] = factors != NULL ? frequency / (double)factors[i] : frequency;
    }
}

void e2_rope_turn(int32_t dimensions, const double *frequencies, int32_t position, float *turn) {
    static const double sine[] = {
        -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000};
    static const double cosine[] = {
        -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200,
        1.0 / 20922789888000};
    int32_t half = dimensions / 2;
    for (int32_t i = 0; i < half; i++) {
        // angle = n * pi / 2 + r with |r| <= pi / 4
        double angle = (double)position * frequencies[i], magic = 0x1.8p52;
        double shifted = fma(angle, 0x1.45f306dc9c883p-1, magic), n = shifted - magic;
        double r = fma(n, -0x1.1a62633145c07p-54, fma(n, -0x1.921fb54442d18p0, angle)), r2 = r * r;
        double s = sine[6], c = cosine[7];
        for (int k = 5; k >= 0; k--) { s = fma(s, r2, sine[k]); }
        for (int k = 6; k >= 0; k--) { c = fma(c, r2, cosine[k]); }
        s = fma(s * r2, r, r);
        c = fma(c, r2, 1);
        uint64_t bits;
        memcpy(&bits, &shifted, 8);
        double sin_angle = bits & 1 ? c : s, cos_angle = bits & 1 ? s : c;
        turn[i] = (float)((bits + 1) & 2 ? -cos_angle : cos_angle);
        turn[half + i] = (float)(bits & 2 ? -sin_angle : sin_angle);
    }
}
