/* SPDX-License-Identifier: MIT
   The modules of a process: found by name in the module path, verified, loaded once, kept for good.
   Whatever is wrong with one is a sentence that names the file and the cure. */
#ifndef MODULE_H
#define MODULE_H
#include "arena.h"
#include "option.h"

#include <sys/stat.h>

struct module {
    struct mpx_module d; /* a copy; what an older module lacks is zeroed */
    const char *name, *file;
    struct stat as_loaded; /* its file */
    bool is_absent;        /* it was not loaded: a name alone, see module_absent */
    unsigned index;        /* 0, 1, ... in the order of loading: opened in it, closed in reverse */
};

struct modules {
    struct mpx_arena arena;
    char **path; /* folders, absolute */
    size_t path_count;
    struct module **loaded;
    unsigned count, room;
    bool is_lacking; /* one could not be loaded: what it provides is not known */
    struct refusal *refused;
    /* Told before anything of a module's file is run, and afterwards with NULL; may be NULL. */
    void (*on_load)(void *arg, const char *name);
    void *arg;
};
void modules_init(struct modules *ms);
void modules_finish(struct modules *ms); /* the shared objects stay where they are */
/* The path is empty again: another configuration names its own. */
void modules_forget_folders(struct modules *ms);
/* Adds a folder to the path; one that is there already is not added again. */
void modules_add_folder(struct modules *ms, struct mpx_str folder);
/* From now on this module is not loaded, for that reason: it crashed another process. Copies. */
void modules_refuse(struct modules *ms, const char *name, const char *why);
/* Where modules are when the configuration does not say: the build tree that this program runs
   from, else the installed folder. */
const char *modules_default_folder(struct mpx_arena *a);

/* The module of that name, loaded if it is not yet. careful: everything the dynamic linker can
   find wrong is asked for first, as a process that may die should. NULL and *error (in the
   arena) when it cannot be had; unknown modules are *error as well. */
struct module *module_load(struct modules *ms, struct mpx_str name, bool careful,
                           const char **error);
/* The module of that name as far as it can be known without loading it: nothing but the name. Where
   it is loaded already, that one. */
struct module *module_absent(struct modules *ms, struct mpx_str name);
struct module *module_find(const struct modules *ms, struct mpx_str name); /* loaded, or NULL */
/* Is there a file for it? */
bool module_is_installed(const struct modules *ms, struct mpx_str name);
/* Logs which files are others by now than those that were loaded, each change once: what runs is
   what was loaded. Files that are mapped have their inodes in memory: no disk is waited for. */
void modules_warn_of_changed(struct modules *ms);
struct option_table module_options(const struct module *m);
/* Calls fn with the name of each file name.so in the path, sorted inside a folder. */
void modules_each_installed(const struct modules *ms, void (*fn)(void *arg, struct mpx_str name),
                            void *arg);

#endif
