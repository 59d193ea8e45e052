// The kernels of AVX-512 VNNI and AVX-VNNI, executed by emulation (SIMDe), so that every machine can compare them with the
// others.

#ifndef E2_EMULATED_H
#define E2_EMULATED_H

#include "e2_kernels.h"

// NULL where SIMDe (Debian: libsimde-dev) was not there at compile time.
const e2_isa_ops *e2_emulated_avx512vnni(void);
// The same; NULL also where the CPU lacks AVX2.
const e2_isa_ops *e2_emulated_avxvnni(void);

#endif
