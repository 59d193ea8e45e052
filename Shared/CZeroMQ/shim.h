/* libzmq (Debian: libzmq3-dev), and three Linux calls that Swift's Glibc module does not show. */
#ifndef E2LLM_CZEROMQ_SHIM_H
#define E2LLM_CZEROMQ_SHIM_H

#include <pthread.h>
#include <sys/timerfd.h>
#include <zmq.h>

/* Declared by unistd.h and pthread.h only for _GNU_SOURCE. */
extern int pipe2(int descriptors[2], int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);

#endif
