#include "e2_map_fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { longest_path = 1024 };

struct watched_map {
    // 0 while the place is free; written last, so that the handler sees whole entries only.
    _Atomic(uintptr_t) start;
    size_t length;
    char path[longest_path];
};

static struct watched_map maps[E2_MAP_FAULT_MAPS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t installed = PTHREAD_ONCE_INIT;
static struct sigaction previous;

static size_t append(char *line, size_t used, const char *text) {
    size_t length = strlen(text);
    memcpy(line + used, text, length);
    return used + length;
}

// Only async-signal-safe calls: the fault may have happened anywhere.
static void report(int number, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr;
    for (int i = 0; info->si_code > 0 && i < E2_MAP_FAULT_MAPS; i++) {
        uintptr_t start = atomic_load_explicit(&maps[i].start, memory_order_acquire);
        if (start == 0 || address < start || address - start >= maps[i].length) { continue; }
        char line[longest_path + 128];
        size_t used = append(line, 0, "error: the model file ");
        used = append(line, used, maps[i].path);
        used = append(line, used, " was cut or cannot be read while it is in use\n");
        ssize_t written = write(STDERR_FILENO, line, used);
        (void)written;
        _exit(E2_MAP_FAULT_EXIT);
    }
    // Not ours: the instruction faults again, or the signal comes again, for the handler before this one.
    sigaction(SIGBUS, &previous, NULL);
    if (info->si_code <= 0) { raise(number); }
}

static void install(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = report;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
}

int e2_map_watch(const void *start, size_t length, const char *path) {
    pthread_once(&installed, install);
    size_t path_length = strlen(path);
    if (start == NULL || path_length >= longest_path) { return -1; }
    int place = -1;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < E2_MAP_FAULT_MAPS && place < 0; i++) {
        if (atomic_load_explicit(&maps[i].start, memory_order_relaxed) != 0) { continue; }
        maps[i].length = length;
        memcpy(maps[i].path, path, path_length + 1);
        atomic_store_explicit(&maps[i].start, (uintptr_t)start, memory_order_release);
        place = i;
    }
    pthread_mutex_unlock(&lock);
    return place;
}

void e2_map_forget(int number) {
    if (number < 0 || number >= E2_MAP_FAULT_MAPS) { return; }
    pthread_mutex_lock(&lock);
    atomic_store_explicit(&maps[number].start, 0, memory_order_release);
    pthread_mutex_unlock(&lock);
}
