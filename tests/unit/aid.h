/* SPDX-License-Identifier: MIT
   What several suites need to look at a process from outside: its descriptors, its log, how a
   child of it ends, and shared objects made on the spot. */
#ifndef AID_H
#define AID_H
#include <stdbool.h>
#include <stddef.h>

/* How many descriptors this process has open. */
size_t aid_descriptors(void);
/* Forks, calls fn in the child and gives the child's status as wait(2) does: what fn returns is its
   exit status. */
int aid_fork(int (*fn)(void *arg), void *arg);
/* From here on the log goes here instead of to standard error. */
void aid_log_start(void);
const char *aid_log(void); /* all of it since then, a newline after each line */
/* Waits for at most five seconds until the claim is true. */
bool aid_wait_until(bool (*claim)(void *arg), void *arg);
void aid_pause_ms(unsigned ms);

struct sinks;
struct mpx_sink;
/* Gives a use back and waits until what has none is written out, for at most two seconds. */
void aid_close_sink(struct sinks *all, struct mpx_sink *k);

/* Compiles folder/name.c, which is written with that text, to folder/name.so; option NULL or one
   more word for the compiler. The compiler is that of the build. */
void aid_compile(const char *folder, const char *name, const char *text, const char *option);
/* The environment variable of that name, or what stands in for it when make does not run us. */
const char *aid_env(const char *name, const char *otherwise);
bool aid_has_sanitizers(void);

#endif
