/* How the C library keeps freed memory. */
#include "e2_heap.h"

#include <malloc.h>

void e2_return_large_blocks(void) {
    /* A fixed threshold: by default every freed block of some MB raises it, and later ones stay in the heap, where small blocks
       behind them keep them from being given back. */
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    mallopt(M_ARENA_MAX, 2);
}
