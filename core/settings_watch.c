/* SPDX-License-Identifier: MIT
   The keys of "watchdog" and "quarantine" in settings.h. */
#include "quarantine.h"
#include "settings.h"

#define AT(type, member) offsetof(struct type, member)

#define WATCHDOG(key, text, value)                                                \
    {                                                                             \
        .name = #key, .help = text, .type = MPX_T_MSEC, .flags = OPTION_OR_FALSE, \
        .fallback = value, .max = 86400000, .offset = AT(settings_watchdog, key)  \
    }

const struct mpx_option settings_watchdog_keys[] = {
    WATCHDOG(warn, "a turn of the loop that takes longer is logged with the module; 0: none is",
             "\"100ms\""),
    WATCHDOG(kill, "a worker whose loop does not turn for so long is killed; 0: never", "\"10s\""),
    MPX_OPTION_END,
};

const struct mpx_option settings_quarantine_keys[] = {
    { .name = "crashes",
      .help = "of a module, within the window, that take it out of service; 0: no number does",
      .type = MPX_T_INT,
      .fallback = "3",
      .min = 0,
      .max = QUARANTINE_CRASHES,
      .offset = AT(settings_quarantine, crashes) },
    { .name = "window",
      .help = "the time in which they are counted",
      .type = MPX_T_MSEC,
      .fallback = "\"1m\"",
      .min = 100,
      .max = 86400000,
      .offset = AT(settings_quarantine, window) },
    { .name = "for",
      .help = "how long it is out of service; then it is tried once",
      .type = MPX_T_MSEC,
      .fallback = "\"10m\"",
      .min = 100,
      .max = 86400000,
      .offset = AT(settings_quarantine, length) },
    MPX_OPTION_END,
};
