// Names the file when a mapped page is gone.
//
// A file that is cut while it is mapped ends the process that reads it with SIGBUS, without a word. The handler here writes
// one line that names the file and ends the process with a code of its own. It is installed with the first map and leaves
// other faults to whoever handled them before.

#ifndef E2_MAP_FAULT_H
#define E2_MAP_FAULT_H

#include <stddef.h>

/// Exit code of a process that read a mapped page that is gone (EX_IOERR).
#define E2_MAP_FAULT_EXIT 74

/// Most maps that are watched at a time; further ones end the process without naming their file.
#define E2_MAP_FAULT_MAPS 64

/// Watches a map until `e2_map_forget`; returns its number, -1 where no place is free or the path is too long.
int e2_map_watch(const void *start, size_t length, const char *path);

/// Ends the watch; -1 is allowed. Call it before the map is removed.
void e2_map_forget(int number);

#endif
