// AVX2 with FMA and F16C.

#if defined(__x86_64__)

#pragma STDC FP_CONTRACT OFF

#include <immintrin.h>

#include "internal.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "lanes_avx2.h"

#include "vector_operations.h"

#include "attention_operations.h"
#include "matmul_float.h"

#define AVX2_VNNI 0
#include "matmul_avx2.h"

#define E2_TABLE e2_isa_avx2
#define E2_NAME "avx2"
#include "isa_table.h"

#pragma clang attribute pop

#endif
