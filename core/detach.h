/* SPDX-License-Identifier: MIT
   A daemon that leaves the terminal. Whoever started it waits until it serves, or hears that it
   cannot: the process that was started ends only then, with a status that says which. */
#ifndef DETACH_H
#define DETACH_H

struct detach {
    int tell; /* to the process that waits; -1: none does */
};
/* Returns in a new process, in a session of its own and not its leader: no terminal can become its
   own. The process that called waits for detach_done of the other and ends with 0, or with 1 when
   the other has ended before; what is wrong, that has said on standard error. -1 with errno: there
   is no new process. */
int detach_begin(struct detach *d);
/* It serves: the standard descriptors lead nowhere, the working directory is "/", and nobody waits
   any more. Once more is harmless. */
void detach_done(struct detach *d);
/* Only the first of that. */
void detach_standard(void);

#endif
