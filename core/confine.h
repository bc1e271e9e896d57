/* SPDX-License-Identifier: MIT
   Modules in quarantine, in one generation: their settings are read, as far as their files can be
   loaded, but they are not opened, and no hook of theirs runs. In the places of their hooks stand
   such without a function, which phase.c refuses the request at: nothing passes that the module
   might have stopped. What they log is not logged. */
#ifndef CONFINE_H
#define CONFINE_H
#include "generation.h"
#include "str.h"

struct confined {
    struct confined *next;
    const char *name;
    int64_t until_ms; /* by clock_ms */
    bool is_not_loaded;
};

/* Who is in quarantine: a list as quarantine_write makes it. Before modules are loaded. */
void confine_begin(struct generation *g, struct mpx_str list);
/* One more, for as long as the one who stays the longest. */
void confine_add(struct generation *g, const char *name);
/* NULL: that one is not in quarantine. */
const struct confined *confine_find(const struct generation *g, struct mpx_str name);
static inline bool confine_has(const struct generation *g, const char *name)
{
    return g->confined != NULL && confine_find(g, (struct mpx_str){ name, strlen(name) }) != NULL;
}
/* All chains are built: replaces the hooks of a module. */
void confine_hooks(struct generation *g, const struct module *m);
void confine_all_hooks(struct generation *g); /* of all that are in quarantine */
/* How many seconds a module is still in quarantine, 1 at least. */
int64_t confine_seconds(const struct generation *g, const struct module *m, int64_t now_ms);

#endif
