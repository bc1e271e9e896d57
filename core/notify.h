/* SPDX-License-Identifier: MIT
   What the service manager is told (sd_notify(3), without its library): ready, reloading, stopping,
   failed, alive. Where none asked for it (NOTIFY_SOCKET) nothing happens. Only the process that the
   manager started, or one that took its place, is to speak; it waits for a second at most. */
#ifndef NOTIFY_H
#define NOTIFY_H
#include <stdbool.h>
#include <stdint.h>

/* Takes what the manager says out of the environment, so that no child takes it for its own. */
void notify_begin(void);
/* Before another image is executed in this process: it is told what this one was. false: nothing
   was executed. */
void notify_pass_on(bool on);
/* Serves, after a start or a reload; this process is the one to send signals to. status: a sentence
   for who asks. */
void notify_ready(const char *status);
/* A reload begins; notify_ready ends it, whatever came of it. */
void notify_reloading(const char *status);
/* Ends; that may take so long. */
void notify_stopping(const char *status, int64_t most_ms);
/* Cannot start; error is an errno, or 0. */
void notify_failed(const char *status, int error);
/* How often notify_alive is to be called, in ms: half of the manager's patience; 0: it has no
   watchdog. */
int64_t notify_watchdog_ms(void);
void notify_alive(void); /* never waits */

#endif
