/* SPDX-License-Identifier: MIT
   The descriptors of a process as a whole: those it starts with, those a child keeps, how many
   there may be. It knows nothing of what they are for. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H
#include <stdint.h>

/* First thing in a program: standard input, output and error are open afterwards, so that no file
   takes the place of one; the others that were inherited are not passed on to programs. */
void descriptors_begin(void);
/* In a child: closes all but the standard ones and fd (-1: no further one). */
void descriptors_keep(int fd);
/* In a child that is to become a program: all but the standard ones close on exec. Nothing but
   system calls, so that it is safe behind vfork(2). */
void descriptors_hide(void);
/* Raises the limit as far as it goes, and beyond, for who may do that, where it is less than
   'wanted'; how many there may be then, UINT64_MAX for any number. */
uint64_t descriptors_raise(uint64_t wanted);

#endif
