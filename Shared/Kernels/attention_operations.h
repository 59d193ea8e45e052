// Attention of a block of query rows over one kv head, written once over the sixteen lanes.
//
// A "line" is one head of one query row; line r * group + g. Key blocks have 32 positions; keys are stored transposed,
// so that a score is a chain of multiply-adds in its own lane; values are added with the components in the lanes.

enum { E2_SPAN_BLOCKS = 16, E2_SPAN = E2_SPAN_BLOCKS * 32 };

// Where three lines of sums fill the sixteen registers of AVX2, broadcast numbers are loaded twice rather than kept: the
// compiler may not know that they are the same.
#define ATTENTION_OPAQUE(pointer) __asm__("" : "+r"(pointer))
#define ATTENTION_RELOAD(count, statement) if (E2_ATTENTION_BLOCK == 3 && (count) == 3) { statement }

// What the lines of a call work on, cut from a->work.
typedef struct {
    int32_t lines;
    int32_t width;        // head_dim rounded up to 16
    bool direct;          // few lines, f16: keys and values are read from the cache, else widened to f32 first
    const uint8_t *ahead;  // the block that comes next, where keys and values are read from the cache
    float *keys;          // [head_dim][32]
    float *values;        // [32][width]
    float *scores;        // [lines][32]
    float *output;        // [lines][width], of the span
    float *total;         // [lines][width], of the spans before
    float *maximum, *sum, *total_maximum, *total_sum;  // [lines]
} attention_state;

static attention_state attention_open(const e2_attention *a) {
    attention_state s;
    s.lines = a->count * a->group;
    s.width = (int32_t)e2_round_up((size_t)a->head_dim, 16);
    s.ahead = NULL;
    s.direct = s.lines <= E2_ATTENTION_DIRECT && a->head_dim % 16 == 0 && a->kv_type == E2_KV_F16;
    s.keys = a->work;
    s.values = s.keys + a->head_dim * 32;
    s.scores = s.values + s.width * 32;
    s.output = s.scores + s.lines * 32;
    s.total = s.output + s.lines * s.width;
    s.maximum = s.total + s.lines * s.width;
    s.sum = s.maximum + s.lines;
    s.total_maximum = s.sum + s.lines;
    s.total_sum = s.total_maximum + s.lines;
    return s;
}

E2_INLINE const float *attention_query(const e2_attention *a, int32_t line) {
    return a->query + (size_t)(line / a->group) * a->query_stride + (size_t)(line % a->group) * (size_t)a->head_dim;
}

// The first position that a query at `position` sees.
E2_INLINE int32_t attention_begin(const e2_attention *a, int32_t position) {
    return a->window > 0 && position >= a->window ? position - a->window + 1 : 0;
}

E2_INLINE int32_t attention_position(const e2_attention *a, int32_t line) {
    return a->first_position + line / a->group;
}

// Keys of a block: those from `from` to below `to` (0..32).
typedef struct {
    int32_t from, to;
} attention_range;

E2_INLINE int32_t attention_clamp(int32_t x) { return x < 0 ? 0 : x > 32 ? 32 : x; }

// Which keys of the block that starts at `start` the line sees.
E2_INLINE attention_range attention_visible(const e2_attention *a, int32_t line, int32_t start) {
    int32_t position = attention_position(a, line);
    return (attention_range){
        attention_clamp(attention_begin(a, position) - start), attention_clamp(position + 1 - start)};
}

E2_INLINE v16 attention_load(const void *base, size_t index, bool half) {
    return half ? v_load_half((const uint16_t *)base + index) : v_load((const float *)base + index);
}

// Scores of lines first..<first + count over the 32 keys of a block.
E2_INLINE void attention_scores(
    const e2_attention *a, const attention_state *s, const void *keys, bool half, int32_t first, const int count) {
    const float *query[E2_ATTENTION_BLOCK];
    v16 low[E2_ATTENTION_BLOCK], high[E2_ATTENTION_BLOCK];
    for (int i = 0; i < count; i++) {
        query[i] = attention_query(a, first + i);
        low[i] = high[i] = v_set(0.0f);
    }
    // The keys and values of a head are some KB in every block, too little for the prefetchers of a core to follow: those
    // of the next block are asked for, a line of each with every component.
    const uint8_t *ahead_keys = keys, *ahead_values = keys;
    if (half && s->ahead != NULL) {
        ahead_keys = s->ahead + a->key_offset;
        ahead_values = s->ahead + a->value_offset;
    }
    for (int32_t d = 0; d < a->head_dim; d++) {
        if (half) {
            __builtin_prefetch(ahead_keys + (size_t)d * 64, 0, 2);
            __builtin_prefetch(ahead_values + (size_t)d * 64, 0, 2);
        }
        v16 k = attention_load(keys, (size_t)d * 32, half);
        for (int i = 0; i < count; i++) { low[i] = v_fma(v_set(query[i][d]), k, low[i]); }
        ATTENTION_RELOAD(count, for (int i = 0; i < count; i++) { ATTENTION_OPAQUE(query[i]); })
        k = attention_load(keys, (size_t)d * 32 + 16, half);
        for (int i = 0; i < count; i++) { high[i] = v_fma(v_set(query[i][d]), k, high[i]); }
    }
    v16 scale = v_set(a->scale);
    for (int i = 0; i < count; i++) {
        v_store(s->scores + (first + i) * 32, v_mul(low[i], scale));
        v_store(s->scores + (first + i) * 32 + 16, v_mul(high[i], scale));
    }
}

// exp of one number, by the lanes' definition.
E2_INLINE float attention_exp(float x) {
    float lanes[16];
    v_store(lanes, v_exp(v_set(x)));
    return lanes[0];
}

// Turns a line's scores into weights and scales down what it has summed so far.
E2_INLINE void attention_softmax(const attention_state *s, int32_t line, attention_range visible) {
    float *scores = s->scores + line * 32;
    for (int32_t j = 0; j < visible.from; j++) { scores[j] = -__builtin_inff(); }
    v16 low = v_load(scores), high = v_load(scores + 16);
    if (visible.to < 32) {
        low = v_replace_from(low, visible.to, -__builtin_inff());
        high = v_replace_from(high, visible.to - 16, -__builtin_inff());
    }
    float largest = v_largest(v_max(low, high)), old = s->maximum[line];
    float maximum = old > largest ? old : largest;
    v16 offset = v_set(maximum);
    low = v_exp(v_sub(low, offset));
    high = v_exp(v_sub(high, offset));
    v_store(scores, low);
    v_store(scores + 16, high);
    float sum = v_sum(v_add(low, high));
    if (old == maximum) {
        s->sum[line] = s->sum[line] + sum;
        return;
    }
    float factor = attention_exp(old - maximum);
    s->maximum[line] = maximum;
    s->sum[line] = E2_FMAF(s->sum[line], factor, sum);
    v16 f = v_set(factor);
    float *output = s->output + line * s->width;
    for (int32_t d = 0; d < s->width; d += 16) { v_store(output + d, v_mul(v_load(output + d), f)); }
}

// Adds keys from..<to of the block to lines first..<first + count, for components d..<d + 16 * chunks.
E2_INLINE void attention_add(
    const attention_state *s, const void *values, bool half, int32_t first, const int count, int32_t d,
    const int chunks, int32_t from, int32_t to) {
    v16 sum[E2_ATTENTION_BLOCK][2];
    for (int i = 0; i < count; i++) {
        for (int c = 0; c < chunks; c++) { sum[i][c] = v_load(s->output + (first + i) * s->width + d + 16 * c); }
    }
    for (int32_t j = from; j < to; j++) {
        const float *weights = s->scores + first * 32 + j;
        for (int c = 0; c < chunks; c++) {
            ATTENTION_RELOAD(count, ATTENTION_OPAQUE(weights);)
            v16 v = attention_load(values, (size_t)j * (size_t)s->width + (size_t)(d + 16 * c), half);
            for (int i = 0; i < count; i++) { sum[i][c] = v_fma(v_set(weights[i * 32]), v, sum[i][c]); }
        }
    }
    for (int i = 0; i < count; i++) {
        for (int c = 0; c < chunks; c++) { v_store(s->output + (first + i) * s->width + d + 16 * c, sum[i][c]); }
    }
}

E2_INLINE void attention_values(
    const attention_state *s, const void *values, bool half, int32_t first, const int count, int32_t from, int32_t to) {
    int32_t d = 0;
    for (; d + 32 <= s->width; d += 32) { attention_add(s, values, half, first, count, d, 2, from, to); }
    if (d < s->width) { attention_add(s, values, half, first, count, d, 1, from, to); }
}

// One block of keys for lines first..<first + count. Every line adds exactly the keys that it sees.
E2_INLINE void attention_lines(
    const e2_attention *a, const attention_state *s, const void *keys, const void *values, bool half, int32_t start,
    int32_t first, const int count) {
    attention_range visible[E2_ATTENTION_BLOCK], common = {0, 32};
    for (int i = 0; i < count; i++) {
        visible[i] = attention_visible(a, first + i, start);
        common.from = visible[i].from > common.from ? visible[i].from : common.from;
        common.to = visible[i].to < common.to ? visible[i].to : common.to;
    }
    attention_scores(a, s, keys, half, first, count);
    for (int i = 0; i < count; i++) {
        if (visible[i].from < visible[i].to) { attention_softmax(s, first + i, visible[i]); }
    }
    if (common.from >= common.to) { common.from = common.to = 32; }
    for (int i = 0; i < count; i++) {
        int32_t end = visible[i].to < common.from ? visible[i].to : common.from;
        if (visible[i].from < end) { attention_values(s, values, half, first + i, 1, visible[i].from, end); }
    }
    if (common.from < common.to) { attention_values(s, values, half, first, count, common.from, common.to); }
    for (int i = 0; i < count; i++) {
        if (visible[i].to > common.to) { attention_values(s, values, half, first + i, 1, common.to, visible[i].to); }
    }
}

E2_INLINE void attention_block(
    const e2_attention *a, const attention_state *s, const void *keys, const void *values, bool half, int32_t start) {
    int32_t line = 0;
    // Four lines are two and two rather than three and one.
    for (; line + E2_ATTENTION_BLOCK <= s->lines; line += E2_ATTENTION_BLOCK) {
        if (E2_ATTENTION_BLOCK == 3 && s->lines - line == 4) { break; }
        attention_lines(a, s, keys, values, half, start, line, E2_ATTENTION_BLOCK);
    }
    if (E2_ATTENTION_BLOCK >= 4 && line + 4 <= s->lines) {
        attention_lines(a, s, keys, values, half, start, line, 4 < E2_ATTENTION_BLOCK ? 4 : E2_ATTENTION_BLOCK);
        line += 4;
    }
    // Three lines alone keep the processor busy where two and one wait for their own sums.
    if (E2_ATTENTION_BLOCK >= 4 && line + 3 == s->lines) {
        attention_lines(a, s, keys, values, half, start, line, 3 < E2_ATTENTION_BLOCK ? 3 : E2_ATTENTION_BLOCK);
        return;
    }
    for (; line + 2 <= s->lines; line += 2) { attention_lines(a, s, keys, values, half, start, line, 2); }
    for (; line < s->lines; line++) { attention_lines(a, s, keys, values, half, start, line, 1); }
}

// Makes f32 of a block of f16 keys and values.
static void attention_widen_half(const e2_attention *a, const attention_state *s, const uint8_t *block) {
    const uint16_t *keys = (const uint16_t *)(block + a->key_offset);
    const uint16_t *values = (const uint16_t *)(block + a->value_offset);
    for (int32_t i = 0; i < a->head_dim * 32; i += 16) { v_store(s->keys + i, v_load_half(keys + i)); }
    if (s->width == a->head_dim) {
        for (int32_t i = 0; i < s->width * 32; i += 16) { v_store(s->values + i, v_load_half(values + i)); }
        return;
    }
    for (int32_t j = 0; j < 32; j++) {
        memset(s->values + j * s->width, 0, (size_t)s->width * 4);
        for (int32_t d = 0; d < a->head_dim; d++) {
            s->values[j * s->width + d] = e2_soft_float_from_half(values[j * a->head_dim + d]);
        }
    }
}

// The same for Q8_0: value * scale of its 32 components.
static void attention_widen_q8(const e2_attention *a, const attention_state *s, const uint8_t *block) {
    const int8_t *keys = (const int8_t *)(block + a->key_offset), *values = (const int8_t *)(block + a->value_offset);
    const uint16_t *key_scales = (const uint16_t *)(block + a->key_scale_offset);
    const uint16_t *value_scales = (const uint16_t *)(block + a->value_scale_offset);
    for (int32_t part = 0; part < a->head_dim; part += 32) {
        v16 low = v_load_half(key_scales + part), high = v_load_half(key_scales + part + 16);
        for (int32_t i = part * 32; i < (part + 32) * 32; i += 32) {
            v_store(s->keys + i, v_mul(v_load_int8(keys + i), low));
            v_store(s->keys + i + 16, v_mul(v_load_int8(keys + i + 16), high));
        }
        float scales[32];
        v_store(scales, v_load_half(value_scales + part));
        v_store(scales + 16, v_load_half(value_scales + part + 16));
        for (int32_t j = 0; j < 32; j++) {
            v16 scale = v_set(scales[j]);
            int32_t i = j * s->width + part;
            v_store(s->values + i, v_mul(v_load_int8(values + i), scale));
            v_store(s->values + i + 16, v_mul(v_load_int8(values + i + 16), scale));
        }
    }
}

// Running maximum, sum and output of the lines over the blocks of one span, up to block `last`.
static void attention_span(const e2_attention *a, attention_state *s, int32_t span, int32_t last) {
    for (int32_t i = 0; i < s->lines; i++) {
        s->maximum[i] = -__builtin_inff();
        s->sum[i] = 0.0f;
    }
    memset(s->output, 0, (size_t)(s->lines * s->width) * 4);
    int32_t end = (span + 1) * E2_SPAN_BLOCKS, b = attention_begin(a, a->first_position) / 32;
    if (b < span * E2_SPAN_BLOCKS) { b = span * E2_SPAN_BLOCKS; }
    for (; b < end && b <= last; b++) {
        const uint8_t *block = a->blocks[b];
        if (s->direct) {
            s->ahead = b < last ? a->blocks[b + 1] : NULL;
            attention_block(a, s, block + a->key_offset, block + a->value_offset, true, b * 32);
        } else {
            if (a->kv_type == E2_KV_Q8_0) {
                attention_widen_q8(a, s, block);
            } else {
                attention_widen_half(a, s, block);
            }
            attention_block(a, s, s->keys, s->values, false, b * 32);
        }
    }
}

// Adds a span's result to the total of one line: both have maximum, sum and output.
E2_INLINE void attention_merge_line(
    int32_t width, float *total, float *total_maximum, float *total_sum, const float *output, float maximum,
    float sum) {
    float larger = *total_maximum > maximum ? *total_maximum : maximum;
    float old = attention_exp(*total_maximum - larger), new = attention_exp(maximum - larger);
    *total_maximum = larger;
    *total_sum = E2_FMAF(sum, new, *total_sum * old);
    v16 o = v_set(old), n = v_set(new);
    int32_t d = 0;
    for (; d + 16 <= width; d += 16) { v_store(total + d, v_fma(v_load(output + d), n, v_mul(v_load(total + d), o))); }
    if (d < width) {
        v16 scaled = v_mul(v_load_part(total + d, width - d), o);
        v_store_part(total + d, v_fma(v_load_part(output + d, width - d), n, scaled), width - d);
    }
}

E2_INLINE void attention_finish_line(int32_t width, const float *total, float sum, float *out) {
    v16 inverse = v_set(1.0f / sum);
    int32_t d = 0;
    for (; d + 16 <= width; d += 16) { v_store(out + d, v_mul(v_load(total + d), inverse)); }
    if (d < width) { v_store_part(out + d, v_mul(v_load_part(total + d, width - d), inverse), width - d); }
}

static void e2_attend(const e2_attention *a) {
    attention_state s = attention_open(a);
    int32_t last = (a->first_position + a->count - 1) / 32, spans = last / E2_SPAN_BLOCKS + 1;
    for (int32_t span = attention_begin(a, a->first_position) / E2_SPAN; span < spans; span++) {
        attention_span(a, &s, span, last);
        for (int32_t i = 0; i < s.lines; i++) {
            int32_t position = attention_position(a, i), first = attention_begin(a, position) / E2_SPAN;
            if (span < first || span > position / E2_SPAN) { continue; }
            float *total = s.total + i * s.width;
            const float *output = s.output + i * s.width;
            if (span == first) {
                memcpy(total, output, (size_t)s.width * 4);
                s.total_maximum[i] = s.maximum[i];
                s.total_sum[i] = s.sum[i];
            } else {
                attention_merge_line(
                    s.width, total, s.total_maximum + i, s.total_sum + i, output, s.maximum[i], s.sum[i]);
            }
        }
    }
    for (int32_t i = 0; i < s.lines; i++) {
        size_t column = (size_t)(i % a->group) * (size_t)a->head_dim;
        float *out = a->output + (size_t)(i / a->group) * a->output_stride + column;
        attention_finish_line(a->head_dim, s.total + i * s.width, s.total_sum[i], out);
    }
}

static void e2_attend_span(const e2_attention *a, int32_t span, float *partial) {
    attention_state s = attention_open(a);
    attention_span(a, &s, span, a->first_position / 32);
    for (int32_t g = 0; g < a->group; g++, partial += a->head_dim + 2) {
        memcpy(partial, s.output + g * s.width, (size_t)a->head_dim * 4);
        partial[a->head_dim] = s.maximum[g];
        partial[a->head_dim + 1] = s.sum[g];
    }
}

static void e2_attend_merge(const e2_attention *a, int32_t spans, const float *partials) {
    int32_t size = a->head_dim + 2, first = attention_begin(a, a->first_position) / E2_SPAN;
    float *total = a->work;
    for (int32_t g = 0; g < a->group; g++) {
        memcpy(total, partials + (first * a->group + g) * size, (size_t)size * 4);
        for (int32_t span = first + 1; span < spans; span++) {
            const float *next = partials + (span * a->group + g) * size;
            attention_merge_line(
                a->head_dim, total, total + a->head_dim, total + a->head_dim + 1, next, next[a->head_dim],
                next[a->head_dim + 1]);
        }
        attention_finish_line(a->head_dim, total, total[a->head_dim + 1], a->output + g * a->head_dim);
    }
}
