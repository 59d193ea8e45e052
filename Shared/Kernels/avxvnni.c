// AVX2 with AVX-VNNI: the eight-lane dot products of CPUs without AVX-512. A test compiles this file a second time
// through SIMDe (E2_EMULATED), so that it runs everywhere.

#if defined(__x86_64__) || defined(E2_EMULATED)

#pragma STDC FP_CONTRACT OFF

#ifndef E2_EMULATED
#include <immintrin.h>
#endif

#include "internal.h"

#ifndef E2_EMULATED
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)
#endif

#include "lanes_avx2.h"

#include "vector_operations.h"

#include "attention_operations.h"
#include "matmul_float.h"

#define AVX2_VNNI 1
#include "matmul_avx2.h"

#ifndef E2_TABLE
#define E2_TABLE e2_isa_avxvnni
#define E2_NAME "avxvnni"
#endif
#include "isa_table.h"

#ifndef E2_EMULATED
#pragma clang attribute pop
#endif

#endif
