// AVX-512 with VNNI. A test compiles this file a second time through SIMDe (E2_EMULATED), so that it runs everywhere.

#if defined(__x86_64__) || defined(E2_EMULATED)

#pragma STDC FP_CONTRACT OFF

#ifndef E2_EMULATED
#include <immintrin.h>
#endif

#include "internal.h"

#ifndef E2_EMULATED
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#endif

#include "lanes_avx512.h"

#include "vector_operations.h"

#include "attention_operations.h"
#include "matmul_float.h"

#include "matmul_avx512vnni.h"

#ifndef E2_TABLE
#define E2_TABLE e2_isa_avx512vnni
#define E2_NAME "avx512vnni"
#endif
#include "isa_table.h"

#ifndef E2_EMULATED
#pragma clang attribute pop
#endif

#endif
