/* SPDX-License-Identifier: MIT
   Who has crashed how often, and who is out of service for it. Pure accounting by names and times:
   it knows of no process and no clock. */
#ifndef QUARANTINE_H
#define QUARANTINE_H
#include "str.h"

enum { QUARANTINE_MODULES = 64, QUARANTINE_NAME = 64, QUARANTINE_CRASHES = 16 };

struct quarantine_rules {
    int64_t crashes;   /* that are one too many; 0: no number is. At most QUARANTINE_CRASHES */
    int64_t window_ms; /* within which they come */
    int64_t length_ms; /* of a quarantine */
};

struct quarantine_entry {
    char name[QUARANTINE_NAME];
    int64_t crashes[QUARANTINE_CRASHES]; /* when, the last one first */
    unsigned count;
    bool is_in;         /* out of service until: */
    int64_t until_ms;   /* ... or, when it is not, tried until then: one more crash is enough */
    bool is_not_loaded; /* its file is not even loaded: that is where it crashed */
};

struct quarantine {
    struct quarantine_rules rules;
    struct quarantine_entry entries[QUARANTINE_MODULES];
    unsigned count;
};

void quarantine_init(struct quarantine *q, const struct quarantine_rules *rules); /* copies */
/* Other rules from here on; who is in stays for as long as was said, but "crashes": 0 lets all
   go. */
void quarantine_set_rules(struct quarantine *q, const struct quarantine_rules *rules);
/* A module crashed, at_load: while its file was loaded. True when it is out of service from here
   on: the list has changed. */
bool quarantine_note(struct quarantine *q, struct mpx_str name, bool at_load, int64_t now_ms);
/* How many of its crashes, the last one included, lie in the window. */
unsigned quarantine_crashes(const struct quarantine *q, struct mpx_str name, int64_t now_ms);
/* One whose time is over and who is tried from here on: the list has changed; NULL: there is none.
   The name lives until the next call of quarantine_note. */
const char *quarantine_release(struct quarantine *q, int64_t now_ms);
/* When the next one's time is over; 0: nobody is in. */
int64_t quarantine_due(const struct quarantine *q);
/* The list, a line "NAME SECONDS HOW" for each: for how long still, rounded up; HOW is 'o' for one
   that is not to be opened, 'l' for one that is not to be loaded. */
void quarantine_write(const struct quarantine *q, int64_t now_ms, struct buffer *out);

/* A line of such a list. */
struct quarantine_line {
    struct mpx_str name;
    uint64_t seconds;
    bool is_not_loaded;
};
/* Takes the next line off a list; false at the end, and where it is no such list. */
bool quarantine_read(struct mpx_str *list, struct quarantine_line *line);

#endif
