/* SPDX-License-Identifier: MIT
   Listening sockets that this process began with: those that systemd passes by name (LISTEN_PID,
   LISTEN_FDS, LISTEN_FDNAMES) and any other descriptor that whoever started us left open. It knows
   nothing of what they are for. */
#ifndef INHERITED_H
#define INHERITED_H
#include "arena.h"

enum {
    INHERITED_FD_MAX = 1023, /* the highest descriptor that is looked at */
    INHERITED_NAME_MAX = 255 /* bytes of a name, as systemd has it */
};

/* Before the process opens anything: sees what there is, and takes what systemd says of it out of
   the environment, so that no child takes it for its own. Descriptors of another process's
   LISTEN_PID are nobody's. */
void inherited_begin(void);
/* The first descriptor above 'after' (0: the first of all) that systemd passed, or that it passed
   by this name; -1 when there is no other. */
int inherited_next(int after);
int inherited_by_name(struct mpx_str name, int after);
/* NULL when fd was, at the beginning, a stream socket that listens; else why it cannot be used,
   such as "is not a socket". */
const char *inherited_fault(int fd);
/* A copy of such a descriptor, non-blocking and close-on-exec, of the same socket; or -1 with
   errno. The descriptor itself stays for later ones until inherited_close. */
int inherited_copy(int fd);
/* The names that systemd passed, each once, in quotes, commas between them; "" for none. In a. */
const char *inherited_names(struct mpx_arena *a);
/* The name of a descriptor that systemd passed; n 0 for any other. */
struct mpx_str inherited_name(int fd);
/* This one is not from whoever started us. */
void inherited_disown(int fd);
/* Before another image is executed in this process: it begins with what this one began with. false:
   nothing was executed. */
void inherited_pass_on(bool on);
/* Closes all of the sockets. With systemd they listen on, in systemd. */
void inherited_close(void);

#endif
