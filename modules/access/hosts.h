/* SPDX-License-Identifier: MIT
   Host names as rules write them, in a table that is searched for one name: the names themselves,
   domains, and endings or beginnings that are left open. It knows nothing of clients. */
#ifndef HOSTS_H
#define HOSTS_H
#include <multiplexd/module.h>

enum { HOST_MAX = 253, HOST_LABELS_MAX = 127 };

struct host {
    struct mpx_str text; /* lower case, without a dot at its end */
    size_t index;
};
struct hosts {
    struct host *list; /* sorted by text */
    size_t count;
};

/* "www.example.org"; ".example.org", the domain and all below it; and with 'open' "*.example.org",
   all below it, and "www.*", whatever follows. NULL, or what the text must be instead. The text of
   *h is in a. */
const char *hosts_read(struct mpx_arena *a, struct mpx_str text, bool open, struct host *h);
/* Sorts the list, which stays the caller's and lives as long. */
void hosts_make(struct hosts *t, struct host *list, size_t count);
/* The index of a rule that the name falls under, or -1; the name in lower case, without a dot at
   its end. Its time grows with its labels and the logarithm of the rules. */
long hosts_find(const struct hosts *t, struct mpx_str name);

#endif
