// The arithmetic of the engine: quantised matrices, transformer layers, LM head.
//
// One arithmetic: every result is the same, bit for bit, on every instruction set, for any number of threads, any
// batch composition and any chunking of a prompt. See e2_isa_ops below for how each operation is defined.
//
// No function allocates memory except e2_pool_create and the two probes. Functions that can fail return e2_status.

#ifndef E2_KERNELS_H
#define E2_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---------------------------------------------------------------------------------------------------- status

typedef enum e2_status : int32_t {
    E2_OK = 0,
    E2_UNSUPPORTED_TYPE = 1,  // the GGUF type has no kernels
    E2_BAD_SHAPE = 2,         // sizes that the kernels cannot work with (see the function's comment)
    E2_UNSUPPORTED_ISA = 3,   // E2LLM_ISA names an instruction set that is unknown or that this CPU lacks
    E2_BAD_BATCH = 4,         // a batch whose rows, positions or blocks do not fit the model or the scratch memory
    E2_NO_MEMORY = 5,
} e2_status;

// A short English text, never NULL.
const char *e2_status_text(e2_status status);

// ---------------------------------------------------------------------------------------------- instruction set

// Chooses the instruction set once per process: the best of this CPU, or the one that the environment variable
// E2LLM_ISA names (scalar, avx2, avxvnni, avx512vnni, neon, neondot). Call it at start: E2_UNSUPPORTED_ISA is
// reported here only; without the call, or after the error, the best one is used.
e2_status e2_initialize(void);

// Name of the instruction set in use: "scalar"; on x86-64 "avx2", "avxvnni", "avx512vnni"; on 64-bit Arm "neon"
// (every CPU), "neondot" (with the dot products of Armv8.2).
const char *e2_isa_name(void);

// Features of this CPU that matter here, separated by spaces, for instance "avx2 fma f16c" or "neon dotprod".
const char *e2_cpu_features(void);

// ------------------------------------------------------------------------------------------------ source types

// Numbers of the GGUF format. Types that are not listed are refused with E2_UNSUPPORTED_TYPE.
typedef enum e2_type : int32_t {
    E2_TYPE_F32 = 0,
    E2_TYPE_F16 = 1,
    E2_TYPE_Q4_0 = 2,
    E2_TYPE_Q4_1 = 3,
    E2_TYPE_Q5_0 = 6,
    E2_TYPE_Q5_1 = 7,
    E2_TYPE_Q8_0 = 8,
    E2_TYPE_Q4_K = 12,
    E2_TYPE_Q5_K = 13,
    E2_TYPE_Q6_K = 14,
    E2_TYPE_BF16 = 30,
} e2_type;

// Whether the kernels can read the type.
bool e2_type_supported(e2_type type);
// Values per block (1 for floats, 32 for quantised types, 256 for those that end in _K); 0 for an unsupported type.
int32_t e2_type_block_values(e2_type type);
// Bytes per block; 0 for an unsupported type.
int32_t e2_type_block_bytes(e2_type type);
// Bytes of one row of `cols` values; 0 for an unsupported type or where `cols` is no multiple of the block.
size_t e2_type_row_bytes(e2_type type, int64_t cols);

// Writes one row of `cols` values as f32; `source` needs no alignment.
e2_status e2_dequantize_row(e2_type type, const void *source, int64_t cols, float *destination);

// ---------------------------------------------------------------------------------------------- packed matrices

// Quantised forms hold a weight as a number q of some bits and one or two f16 numbers per 32 inputs:
// scale * (q - offset) or, where the name ends in M, scale * q + minimum.
typedef enum e2_form : int32_t {
    E2_FORM_Q4 = 0,   // 4 bits, offset 8            from Q4_0
    E2_FORM_Q4M = 1,  // 4 bits, minimum             from Q4_1, Q4_K
    E2_FORM_Q5 = 2,   // 5 bits, offset 16           from Q5_0
    E2_FORM_Q5M = 3,  // 5 bits, minimum             from Q5_1, Q5_K
    E2_FORM_Q6 = 4,   // 6 bits, offset 32, a scale for the first 16 inputs and one for the others; from Q6_K
    E2_FORM_Q8 = 5,   // 8 bits, offset 128          from Q8_0
    E2_FORM_F16 = 6,
    E2_FORM_BF16 = 7,
    E2_FORM_F32 = 8,
} e2_form;

// A weight matrix y = W x in tiles of 16 output rows; the last tile is padded with zeros. `rows` = outputs, `cols` =
// inputs.
typedef struct e2_matrix {
    e2_form form;
    int32_t rows;
    int32_t cols;
    const uint8_t *tiles;  // e2_packed_bytes bytes, aligned to 64
} e2_matrix;

// Which form a source type is packed into. Only for supported types.
e2_form e2_packed_form(e2_type type);
// Bytes of a packed matrix (a multiple of 64); 0 where the type is unsupported, a size is not positive, or `cols` is no
// multiple of 32 and of the type's block. Overflow also gives 0.
size_t e2_packed_bytes(e2_type type, int64_t rows, int64_t cols);
// Number of 16-row tiles.
int32_t e2_tile_count(int64_t rows);

// Packs the tiles tile_begin..<tile_end of a matrix of `rows` x `cols` whose source rows start at `source` (row after
// row as in the file, no alignment needed) into `destination` (the start of the whole packed matrix, aligned to 64).
// Different tile ranges may be packed by different threads at once. The scales of K types (d * 6 or 8 bits) are rounded
// once to f16: an error of 2^-12 at most beside the 2^-8 of 8-bit activations; where an f16 is subnormal, 2^-25 in all.
e2_status e2_pack_rows(
    e2_type type, const void *source, int64_t rows, int64_t cols, void *destination, int32_t tile_begin,
    int32_t tile_end);

// --------------------------------------------------------------------------------------------------- thread pool

// Threads that run one piece of work at a time. The caller of a run is thread 0 and computes too; with threads = 1 no
// thread is started. Idle threads sleep. Only one run at a time: a pool belongs to one calling thread.
typedef struct e2_pool e2_pool;

// NULL where threads < 1, threads > 256, or the threads cannot be started.
e2_pool *e2_pool_create(int32_t threads);
// Ends the threads; NULL is allowed.
void e2_pool_destroy(e2_pool *pool);
int32_t e2_pool_threads(const e2_pool *pool);
// Calls body(context, item, thread) once for every item in 0..<count, on any threads, and returns when all are done.
void e2_pool_for(
    e2_pool *pool, int32_t count, void (*body)(void *context, int32_t item, int32_t thread), void *context);

// ---------------------------------------------------------------------------------------------------- the model

typedef enum e2_rope_pairing : int32_t {
    E2_ROPE_ADJACENT = 0,  // components 2i and 2i + 1 ("norm"; llama GGUF files)
    E2_ROPE_HALVES = 1,    // components i and i + dimensions / 2 ("neox")
} e2_rope_pairing;

// Fills `out` [dimensions / 2] with the angle per position of each pair:
//   scale * base^(-2i / dimensions) / factors[i]      (factors may be NULL: 1)
// `scale` is 1 / (linear rope scaling factor), 1 without scaling. Same bits on every machine.
void e2_rope_frequencies(int32_t dimensions, double base, double scale, const float *factors, double *out);

typedef enum e2_activation : int32_t {
    E2_SILU = 0,  // x / (1 + exp(-x))
    E2_GELU = 1,  // the tanh form: x / (1 + exp(-2 sqrt(2 / pi) (x + 0.044715 x^3)))
} e2_activation;

typedef enum e2_kv_type : int32_t {
    E2_KV_F16 = 0,
    E2_KV_Q8_0 = 1,  // 8 bits, an f16 scale per 32 components of a head; head_dim is a multiple of 32
} e2_kv_type;

// Sizes shared by all layers of a model.
typedef struct e2_dims {
    int32_t hidden;         // multiple of 32
    int32_t heads;          // multiple of kv_heads; heads * head_dim is a multiple of 32
    int32_t kv_heads;
    int32_t head_dim;       // multiple of 8, at most 256
    int32_t ffn;            // multiple of 32
    int32_t max_positions;  // longest context of a sequence, for the scratch memory
    float norm_epsilon;
    float attention_scale;  // multiplies q . k; 0 means 1 / sqrt(head_dim)
    e2_rope_pairing rope_pairing;
    int32_t rope_dimensions;         // leading components of a head that are turned; even, at most head_dim; 0: no RoPE
    const double *rope_frequencies;        // [rope_dimensions / 2]
    const double *local_rope_frequencies;  // ? the same for layers with local_rope
    e2_activation activation;              // of the gate
    e2_kv_type kv_type;
} e2_dims;

// E2_OK where the kernels can work with these sizes.
e2_status e2_dims_check(const e2_dims *dims);

// One transformer layer. Vectors are f32; those marked with ? may be NULL. No alignment needed but for tiles.
typedef struct e2_layer {
    const float *attention_norm;  // [hidden]
    e2_matrix query;              // [heads * head_dim] x [hidden]
    e2_matrix key;                // [kv_heads * head_dim] x [hidden]
    e2_matrix value;              // [kv_heads * head_dim] x [hidden]
    e2_matrix output;             // [hidden] x [heads * head_dim]
    const float *query_bias;      // ? [heads * head_dim]
    const float *key_bias;        // ? [kv_heads * head_dim]
    const float *value_bias;      // ? [kv_heads * head_dim]
    const float *query_norm;      // ? [head_dim], RMSNorm of every query head before RoPE
    const float *key_norm;        // ? [head_dim]
    const float *attention_post_norm;  // ? [hidden], RMSNorm of the attention's result before it is added
    const float *ffn_norm;        // [hidden]
    const float *ffn_post_norm;   // ? [hidden], RMSNorm of the feed-forward result before it is added
    e2_matrix gate;               // [ffn] x [hidden]
    e2_matrix up;                 // [ffn] x [hidden]
    e2_matrix down;               // [hidden] x [ffn]
    size_t key_offset;            // bytes from the start of a KV block to this layer's key area (multiple of 64)
    size_t value_offset;          // the same for the value area
    int32_t window;               // positions that a query sees, its own included; 0: all before it
    bool local_rope;              // turns by dims.local_rope_frequencies
} e2_layer;

// E2_OK where the layer's matrices have the sizes that `dims` asks for.
e2_status e2_layer_check(const e2_dims *dims, const e2_layer *layer);

// ------------------------------------------------------------------------------------------------------ KV cache

// A KV block holds 32 consecutive positions (starting at a multiple of 32) of one sequence for all layers of a stage.
// Per layer it has a key area and a value area, e2_kv_area_bytes bytes each, in any order (the layer's offsets say
// where). Keys are stored transposed, so that attention reads both areas without shuffling. F16:
//   key   [kv_heads][head_dim][32 positions]    element (h, p, d) at ((h * head_dim + d) * 32 + p) * 2
//   value [kv_heads][32 positions][head_dim]    element (h, p, d) at ((h * 32 + p) * head_dim + d) * 2
// Q8_0: the same order with one signed byte per element, then in both areas the f16 scales
//   [kv_heads][head_dim / 32][32 positions]; an element is float(byte) * float(scale).
// What positions hold that were never written does not matter. A block can be copied to another machine as it is.
#define E2_KV_BLOCK_POSITIONS 32

// Bytes of one layer's key area or value area in a block.
size_t e2_kv_area_bytes(e2_kv_type type, int32_t kv_heads, int32_t head_dim);

// Bytes of one position of one head outside a cache ("row"): F16 head_dim * 2; Q8_0 per 32 components an f16 scale and
// 32 signed bytes, the block of GGUF's Q8_0.
size_t e2_kv_row_bytes(e2_kv_type type, int32_t head_dim);

// Some positions of one layer's areas in a block.
typedef struct e2_kv_piece {
    e2_kv_type type;          // of the block
    int32_t kv_heads;
    int32_t head_dim;
    uint8_t *key;             // the layer's areas
    uint8_t *value;
    int32_t first_position;   // in the block
    int32_t positions;
    e2_kv_type row_type;      // of the rows
    size_t head_stride;       // bytes between the rows of one head and those of the next
} e2_kv_piece;

// Copies the piece into rows: [K|V][kv head][position], at `rows` + (part * kv_heads + head) * head_stride; converts
// where the types differ (Q8_0 to F16 rounds once, F16 to Q8_0 quantises).
void e2_kv_read(const e2_kv_piece *piece, uint8_t *rows);
// The reverse.
void e2_kv_write(const e2_kv_piece *piece, const uint8_t *rows);

// --------------------------------------------------------------------------------------------------------- steps

// The rows of one sequence in a batch: consecutive positions, consecutive rows.
typedef struct e2_segment {
    int32_t first_row;
    int32_t row_count;
    int32_t start_position;   // position of the first row = positions already in the cache
    uint8_t *const *blocks;   // base of each KV block; at least (start_position + row_count + 31) / 32, aligned to 64
} e2_segment;

typedef struct e2_batch {
    int32_t rows;             // rows of all segments together
    int32_t segment_count;
    const e2_segment *segments;  // in order of rows, without gaps; every sequence at most once
    float *hidden;            // [rows][dims.hidden], changed in place
} e2_batch;

// Memory of a step, allocated by the caller: e2_scratch_bytes bytes aligned to 64. One step at a time.
typedef struct e2_scratch {
    void *memory;
    size_t bytes;
} e2_scratch;

// Bytes that a step of at most `max_rows` rows needs with `threads` threads and `layers` layers per call, also enough
// for e2_head_forward with `max_rows` rows; 0 for sizes that e2_dims_check refuses.
size_t e2_scratch_bytes(const e2_dims *dims, int32_t max_rows, int32_t threads, int32_t layers);

// Runs `layer_count` layers (an array) over the batch in one run of the pool: hidden states are changed in place, keys
// and values of the new rows are written to the cache.
e2_status e2_layers_forward(
    e2_pool *pool, const e2_dims *dims, const e2_layer *layers, int32_t layer_count, const e2_batch *batch,
    e2_scratch scratch);

// The same for one layer.
e2_status e2_block_forward(
    e2_pool *pool, const e2_dims *dims, const e2_layer *layer, const e2_batch *batch, e2_scratch scratch);

// Final RMSNorm and LM head of chosen rows: logits[i] = head * norm(hidden[row_indices[i]]).
// hidden: [...][head.cols] f32; row_indices: [count]; logits: [count][head.rows].
e2_status e2_head_forward(
    e2_pool *pool, const float *norm_weight, float norm_epsilon, const e2_matrix *head, const float *hidden,
    const int32_t *row_indices, int32_t count, float *logits, e2_scratch scratch);
// Bytes of scratch memory that e2_head_forward needs.
size_t e2_head_scratch_bytes(int32_t hidden, int32_t max_rows, int32_t threads);

// ------------------------------------------------------------------------------------------- vectors for sampling

// out[i] = exp((x[i] - best) * scale), the defined exp; NaN gives 0. `out` may be `x`.
void e2_exp_weights(size_t count, const float *x, float best, float scale, float *out);
// Index of the largest value, the lowest among equals; NaN never wins; 0 where count is 0 or all are NaN.
size_t e2_argmax(size_t count, const float *x);

// -------------------------------------------------------------------------------------------------------- probes

// Measured int8 multiplications per second / 1e9 with `threads` threads: the multiplying instruction of the instruction
// set alone, on registers. An upper limit: AVX2 needs further instructions to add up, every product some to scale.
// Takes about 50 ms.
double e2_peak_gmacs(int32_t threads);
// Measured read bandwidth in GB/s of a buffer of `bytes` bytes, the best of a few passes. 0 without memory.
double e2_read_gb_per_s(int32_t threads, size_t bytes);

// ------------------------------------------------------------------------------------------- single operations

// 32 activations of one row. Not finite: scale is NaN and values are 0. Largest magnitude below 2^-100: all are 0.
typedef struct e2_qblock {
    float scale;       // largest magnitude / 127
    float scaled_sum;  // scale * sum
    int32_t sum;       // of values
    int32_t first_sum; // of the first 16 values
    int8_t values[32]; // nearest(x * (127 / largest magnitude)), ties to even
} e2_qblock;

// What a matrix product reads: for quantised forms the quantised rows, for F16, BF16 and F32 the f32 rows.
typedef struct e2_input {
    const e2_qblock *blocks;  // row r, block b at blocks[r * cols / 32 + b]
    const float *values;      // row r at values + r * cols
} e2_input;

typedef enum e2_store : int32_t {
    E2_STORE = 0,      // out = y
    E2_STORE_BIAS = 1, // out = y + bias
    E2_STORE_ADD = 2,  // out = out + y
} e2_store;

// Attention of `count` query rows at consecutive positions over one kv head of one sequence.
typedef struct e2_attention {
    int32_t head_dim;
    int32_t group;            // query heads that share the kv head
    int32_t count;            // query rows
    int32_t first_position;   // position of the first query row
    float scale;
    size_t key_offset;        // of this layer and kv head in a block
    size_t value_offset;
    size_t key_scale_offset;  // Q8_0: of this head's scales
    size_t value_scale_offset;
    e2_kv_type kv_type;
    int32_t window;           // 0: none
    uint8_t *const *blocks;
    const float *query;       // row r, head g at query + r * query_stride + g * head_dim
    size_t query_stride;
    float *output;            // the same layout
    size_t output_stride;
    float *work;              // e2_attention_work_floats floats, aligned to 64
} e2_attention;

// Query rows that one call handles at most.
#define E2_ATTENTION_ROWS 16
size_t e2_attention_work_floats(int32_t head_dim, int32_t group);

// The operations of one instruction set; all tables give the same bits. Definitions (fma = one rounding):
// * Sums over a vector: 16 lanes, element i goes to lane i % 16 in order; then lane l += lane l + 8, + 4, + 2, + 1.
// * Matrix product: per output y = 0, then per 32 inputs in order, with exact integer sums over them,
//   y = fma(float(sum of (q - offset) * a), w_scale * a_scale, y), and where the form has a minimum
//   y = fma(w_min, a_scaled_sum, y). Q6: the first line for inputs 0..<16 with the first scale, then for 16..<32 with
//   the second. F16, BF16 and F32: y = fma(w[k], a[k], y) over k in order.
// * RMSNorm: x * (1 / sqrt(sum(x * x) / n + eps)) * weight, multiplied from the left, squares added with fma.
// * Attention: score = (fma over the components in order) * scale. Keys are taken in blocks of 32 positions; spans of
//   16 blocks have their own running maximum m, sum l and output o: with c = exp(m_old - m_new),
//   l = fma(l, c, sum of p), o = fma(p_j, v_j, ...) over j in order from o * c. Spans are merged in order in the same
//   way; finally o * (1 / l).
//   With a window, keys before it take no part, nor do spans without a key that is seen.
typedef struct e2_isa_ops {
    const char *name;
    // Quantises `blocks` * 32 values.
    void (*quantize)(const float *x, int32_t blocks, e2_qblock *out);
    // out[r * out_stride + i] for the outputs i of tiles tile_begin..<tile_end (never beyond w->rows).
    void (*matmul)(
        const e2_matrix *w, int32_t tile_begin, int32_t tile_end, e2_input input, int32_t rows, e2_store store,
        const float *bias, float *out, size_t out_stride);
    void (*rmsnorm)(int32_t n, const float *x, const float *weight, float epsilon, float *out);
    // Turns one head in place; `turn` holds cosine and sine: [dimensions / 2] cosines, then as many sines.
    void (*rope)(int32_t dimensions, e2_rope_pairing pairing, const float *turn, float *head);
    // gate[i] = silu(gate[i]) * up[i]; silu(x) = x / (1 + exp(-x)).
    void (*silu_mul)(int32_t n, float *gate, const float *up);
    // gate[i] = gelu(gate[i]) * up[i]; gelu(x) = x / (1 + exp(-(x * fma(x * x, 0.07135481282, 1.59576912161)))).
    void (*gelu_mul)(int32_t n, float *gate, const float *up);
    // out[i] = exp(x[i]): 0 below -87, exp(88) above 88.
    void (*exp)(int32_t n, const float *x, float *out);
    float (*sum)(int32_t n, const float *x);
    void (*attend)(const e2_attention *a);
    // The part of one query row's attention that lies in span `span` (512 positions), for all heads of the group:
    // partial [group][head_dim + 2] = output, maximum, sum. For contexts that several threads share.
    void (*attend_span)(const e2_attention *a, int32_t span, float *partial);
    // Merges `spans` partials (span after span) into a->output.
    void (*attend_merge)(const e2_attention *a, int32_t spans, const float *partials);
    void (*half_from_float)(int32_t n, const float *x, uint16_t *out);
    void (*float_from_half)(int32_t n, const uint16_t *x, float *out);
    // `rounds` repetitions of the multiplying instruction on registers; returns multiplications done per round.
    int64_t (*peak)(int64_t rounds);
} e2_isa_ops;

// The table of an instruction set by name; NULL where it is unknown or this CPU lacks it.
const e2_isa_ops *e2_isa(const char *name);
// Makes the runs of one pool use this table instead of the process-wide one (for tests and comparisons).
void e2_pool_use_isa(e2_pool *pool, const e2_isa_ops *ops);

#ifdef __cplusplus
}
#endif

#endif
