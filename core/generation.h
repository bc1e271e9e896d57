/* SPDX-License-Identifier: MIT
   One loaded configuration: immutable once it is built, used by requests until the last one ends.
   Virtual hosts, their directories, and for each directory the flat lists of hooks that a request
   walks. It knows nothing of requests. */
#ifndef GENERATION_H
#define GENERATION_H
#include "blame.h"
#include "list.h"
#include "module.h"
#include "settings.h"

struct worker;

/* One use of a module; "conf" in the public header points at data. */
struct mpx_conf {
    struct generation *g;
    const struct module *module;
    const struct mpx_conf *outer; /* the same module, one level further out; or NULL */
    const struct node *merged;    /* what the options were read from; NULL: defaults alone */
    const char *pointer;          /* where it is configured, as a JSON pointer */
    struct place at;
    unsigned level;    /* MPX_AT_VHOST, MPX_AT_DIRECTORY */
    const char *vhost; /* for the log; NULL in "defaults" */
    uint32_t host;     /* the same for the blame */
    struct mpx_conf *next;
    bool is_given; /* a level says something of the module: it is more than selected */
    bool is_open;
    _Alignas(max_align_t) char data[];
};
static inline struct mpx_conf *conf_of(const void *data)
{
    return (struct mpx_conf *)((uintptr_t)data - offsetof(struct mpx_conf, data));
}

struct hook {
    mpx_hook_fn fn; /* NULL: the module is in quarantine, nothing passes here */
    const struct mpx_conf *conf;
};
/* What runs at one level, by phase, in the order of the modules list. */
struct chain {
    struct hook *hooks[MPX_PH_COUNT];
    unsigned count[MPX_PH_COUNT];
    const struct mpx_conf **confs; /* of all active modules */
    unsigned conf_count;
};

/* A page of a virtual host's own for errors: first to last, one status or a class. */
struct error_page {
    int first, last;
    struct mpx_str path, query; /* of an internal request */
};
struct error_pages {
    const struct error_page *list; /* single statuses before classes */
    size_t count;
};

/* What the configuration does to a field of every response. */
enum field_deed {
    FIELD_SET, /* in place of what is there */
    FIELD_ADD, /* beside it */
    FIELD_REMOVE
};
struct field_rule {
    enum field_deed deed;
    struct mpx_str name, value;
    struct mpx_list pieces; /* of a value that has variables: struct mpx_piece; else none */
};
struct field_rules {
    const struct field_rule *list; /* those of one name stand together */
    size_t count;
};

struct directory {
    struct mpx_str path;     /* without a slash at its end: "" for "/" */
    struct mpx_str root;     /* the folder that files are opened beneath, or "" */
    struct mpx_str base;     /* what stands between root and a path's rest: "" or "a/b/" */
    struct mpx_str location; /* root and base: where the directory lies, or "" */
    bool is_set;             /* for one request, by mpx_req_set_root */
    bool is_owned;           /* root is as if not there unless it is owner's */
    uid_t owner;
    int64_t body_limit; /* limits.body; -1: as the listener says */
    bool satisfy_any;   /* one ACCESS hook that grants is enough */
    struct field_rules fields;
    struct chain chain;
};

struct vhost {
    struct mpx_str name;
    uint32_t host;             /* its number in the blame */
    struct chain chain;        /* its own level: ROUTE runs here */
    struct field_rules fields; /* where no directory is chosen */
    struct error_pages error_pages;
    struct directory *directories; /* sorted by path; the first is "" */
    size_t directory_count;
    bool welcome; /* nothing is configured: "/" shows a welcome page */
};

struct vhost_name {
    struct mpx_str name; /* lower case; ".example.org" for "*.example.org" */
    struct vhost *vhost;
    struct place at;
};

struct provided_service {
    struct provided_service *next;
    const char *name, *module;
    const struct mpx_service *table;
};
struct generation {
    struct mpx_arena arena;
    struct sources *sources;   /* borrowed; live as long */
    struct problems *problems; /* while it is built and opened; else NULL */
    struct modules *modules;
    struct blame *blame;
    struct confined *confined; /* modules in quarantine; see confine.h */
    bool lacks_service;        /* mpx_require has found none */
    struct settings settings;
    struct node *root;
    struct vhost *vhosts;
    size_t vhost_count;
    struct vhost *fallback;   /* the vhost named "default", or NULL */
    struct vhost defaults;    /* for requests that have no virtual host: their LOG */
    struct vhost_name *names; /* a hash table */
    size_t name_slots;        /* a power of two */
    struct mpx_conf *confs, **confs_end;
    struct wanted_variable *wanted_variables; /* while it is built; see variable_name.h */
    bool all_loaded;                          /* no more modules come */
    struct building *building;                /* while it is built; see level.h */
    struct opening *opening;                  /* while it is opened */
    struct worker *worker;                    /* who runs it; NULL in a checker */
    /* what modules have registered in open() */
    struct provided_service *services;
    struct list watches;
    unsigned uses;
};

struct generation_request {
    const char *file;          /* the main file; in sources or on disk */
    const char *overrides;     /* what the command line sets, a text in sources; or NULL */
    bool strict;               /* no comments, no commas too many */
    struct mpx_str quarantine; /* who is in it: a list as quarantine_write makes it */
    bool careful;              /* load modules as a process that may die should */
    /* see option.h; both may be NULL */
    int (*read_private)(void *arg, const char *path, struct mpx_arena *a, struct mpx_str *text);
    void (*on_sink)(void *arg, const char *path);
    void *arg;
};
/* Reads the texts and core's sections of them. It touches no module and nothing that others use:
   it may run on another thread, as long as nobody looks. Borrows request's strings. */
void generation_read(struct generation *g, struct sources *sources, struct modules *modules,
                     struct problems *problems, struct blame *blame,
                     const struct generation_request *request);
/* Then, a part at each call: loads modules, fills and checks their settings. True while there is
   more. What is wrong is added to the problems; without any, it can be opened. */
bool generation_build_part(struct generation *g);
/* All of both. blame may be NULL. */
void generation_build(struct generation *g, struct sources *sources, struct modules *modules,
                      struct problems *problems, struct blame *blame,
                      const struct generation_request *request);
/* Calls open() of every conf in order, of one at each call. True while there is more. All that
   refuse say why in the problems, which must be there. A module is not asked when one that it must
   follow has refused. */
bool generation_open_part(struct generation *g);
/* All of that; 0, or -1 when one refuses: all are closed again. */
int generation_open(struct generation *g);
/* Closes what is open, one conf at each call. True while there is more. */
bool generation_close_part(struct generation *g);
/* Closes what is open and frees all. */
void generation_finish(struct generation *g);
/* Tells the blame which files are loaded by now, the modules' and others. */
void generation_tell_files(struct generation *g);
bool generation_has(const struct generation *g, const struct module *m); /* a conf of it */

/* Where a name stands, or would stand, in the table. */
struct vhost_name *vhost_name_slot(const struct generation *g, struct mpx_str name);
/* The virtual host for a host name (lower case, no port), or NULL. */
struct vhost *vhost_find(const struct generation *g, struct mpx_str host);
/* The page that a virtual host has for an error, or NULL. */
const struct error_page *error_page_find(const struct vhost *v, int status);
/* The directory with the longest path that covers a normal path. */
const struct directory *directory_find(const struct vhost *v, struct mpx_str path);
/* The conf of that module in a chain, or NULL. */
const struct mpx_conf *chain_conf(const struct chain *c, const struct module *m);

#endif
