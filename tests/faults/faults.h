/* SPDX-License-Identifier: MIT
   What the fault library and whoever steers it share: a file that both have mapped. The layout is
   read by tests/system/faults.py as well. */
#ifndef FAULTS_H
#define FAULTS_H
#include <stdint.h>

/* In this order in the file. */
#define FAULT_CALLS(X) \
    X(recv)            \
    X(sendmsg)         \
    X(sendfile)        \
    X(accept4)         \
    X(open)            \
    X(openat2)         \
    X(fstat)           \
    X(preadv2)         \
    X(epoll_ctl)       \
    X(epoll_wait)      \
    X(read)            \
    X(write)           \
    X(setsockopt)      \
    X(shutdown)        \
    X(eventfd)         \
    X(ioctl)           \
    X(poll)            \
    X(clock_gettime)

enum fault_call {
#define FAULT_ENUM(name) FAULT_##name,
    FAULT_CALLS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNT
};

enum { FAULT_SHORT = -1 }; /* in the place of an errno: the call does one byte, or half */

struct fault_control {
    int32_t pid; /* whose calls are counted; 0: nobody's; -1: of any process but main_pid */
    int32_t main_pid;
    int32_t call;   /* which is to fail; -1: none */
    int32_t nth;    /* 1: the next one; counts down */
    int32_t error;  /* with this errno, or FAULT_SHORT */
    int32_t hits;   /* how often one has failed */
    int64_t jump_s; /* how far the calendar's clock is wrong in that process */
    uint64_t counts[FAULT_COUNT];
};

#endif
