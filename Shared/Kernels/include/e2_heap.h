/* How the C library keeps freed memory. */
#ifndef E2_HEAP_H
#define E2_HEAP_H

/* From now on large blocks go back to the system as soon as they are freed. For processes that live long with a limit on their memory. */
void e2_return_large_blocks(void);

#endif
