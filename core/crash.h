/* SPDX-License-Identifier: MIT
   A thread that a signal ends (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT) notes where it was before
   it goes: in the blame memory, for its parent. Then whatever would have happened does, a core dump
   or the report of a sanitizer. It works on a stack of its own, so that a stack that overflowed is
   told as well. */
#ifndef CRASH_H
#define CRASH_H
#include "blame.h"

#include <signal.h>

/* For this process from here on; this thread has the first slot. Borrows b until the end. */
void crash_begin(struct blame *b);
/* For one more thread, before its work and behind it: slot is its own in the blame memory. Without
   crash_begin in this process nothing is noted. */
void crash_begin_thread(unsigned slot);
void crash_end_thread(void);
/* The signals that must not be blocked, out of a set that is to be. */
void crash_unblock(sigset_t *set);

#endif
