/* SPDX-License-Identifier: MIT */
#include "module.h"

#include "dso.h"
#include "log.h"
#include "must.h"
#include "suggest.h"
#include "variable_name.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MODULE_DIR
#error "MODULE_DIR is set by the build"
#endif

enum {
    NAME_MAX_BYTES = 64,
    /* the descriptor and option of ABI 1.0, which no module can be older than */
    DESCRIPTOR_MIN = offsetof(struct mpx_module, after) + sizeof(const char *const *),
    OPTION_MIN = offsetof(struct mpx_option, of_size) + sizeof(uint32_t)
};

struct refusal {
    struct refusal *next;
    const char *name, *why;
};

void modules_init(struct modules *ms)
{
    *ms = (struct modules){ .path = NULL };
    arena_init(&ms->arena, NULL);
}

void modules_finish(struct modules *ms)
{
    modules_forget_folders(ms);
    free(ms->loaded);
    free(ms->path);
    arena_finish(&ms->arena);
}

void modules_forget_folders(struct modules *ms)
{
    while (ms->path_count > 0)
        free(ms->path[--ms->path_count]);
    ms->is_lacking = false;
}

/* Its own memory: a server reads its configuration any number of times, and keeps the arena. */
static char *copy_of(struct mpx_str s)
{
    char *copy = must_alloc(s.n + 1);

    memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

void modules_add_folder(struct modules *ms, struct mpx_str folder)
{
    char real[PATH_MAX];
    char *name = copy_of(folder);

    if (realpath(name, real) != NULL) {
        free(name);
        name = copy_of(str_of(real));
    }
    for (size_t i = 0; i < ms->path_count; i++)
        if (strcmp(ms->path[i], name) == 0) {
            free(name);
            return;
        }
    ms->path = must_realloc(ms->path, (ms->path_count + 1) * sizeof(*ms->path));
    ms->path[ms->path_count++] = name;
}

const char *modules_default_folder(struct mpx_arena *a)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

    if (n > 0) {
        struct mpx_str path = { exe, (size_t)n };
        struct mpx_str folder = str_head(path, str_find_last(path, '/'));
        const char *status = arena_printf(a, "%.*s/config.status", STR_ARGS(folder)).p;
        const char *built = arena_printf(a, "%.*s/modules/.libs", STR_ARGS(folder)).p;

        if (access(status, F_OK) == 0 && access(built, F_OK) == 0)
            return built;
    }
    return MODULE_DIR;
}

struct module *module_find(const struct modules *ms, struct mpx_str name)
{
    for (unsigned i = 0; i < ms->count; i++)
        if (str_is(name, ms->loaded[i]->name))
            return ms->loaded[i];
    return NULL;
}

static bool is_name(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9' && i > 0) && c != '_')
            return false;
    }
    return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

/* Whether the i-th folder has a file of that name. */
static bool is_in(const struct modules *ms, size_t i, struct mpx_str name, char file[PATH_MAX])
{
    int n = snprintf(file, PATH_MAX, "%s/%.*s.so", ms->path[i], STR_ARGS(name));
    struct stat st; /* of a link itself: where it leads is looked at when it is loaded */

    return n < PATH_MAX && lstat(file, &st) == 0;
}

bool module_is_installed(const struct modules *ms, struct mpx_str name)
{
    char file[PATH_MAX];

    for (size_t i = 0; is_name(name) && i < ms->path_count; i++)
        if (is_in(ms, i, name, file))
            return true;
    return false;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

void modules_each_installed(const struct modules *ms, void (*fn)(void *arg, struct mpx_str name),
                            void *arg)
{
    for (size_t i = 0; i < ms->path_count; i++) {
        struct dirent **entries;
        int n = scandir(ms->path[i], &entries, NULL, by_name);

        for (int k = 0; k < n; k++) {
            struct mpx_str file = str_of(entries[k]->d_name);
            struct mpx_str name = str_head(file, file.n > 3 ? file.n - 3 : 0);

            if (file.n > 3 && str_is(str_from(file, file.n - 3), ".so") && is_name(name))
                fn(arg, name);
            free(entries[k]);
        }
        if (n >= 0)
            free(entries);
    }
}

struct offering {
    struct suggestion s;
    char best[NAME_MAX_BYTES]; /* the name goes with its directory entry */
};

static void offer(void *arg, struct mpx_str name)
{
    struct offering *o = arg;

    suggest_offer(&o->s, name);
    if (o->s.best.p == name.p) {
        memcpy(o->best, name.p, name.n);
        o->s.best.p = o->best;
    }
}

static const char *not_installed(struct modules *ms, struct mpx_str name)
{
    struct offering o;
    struct buffer text;

    suggest_start(&o.s, name);
    modules_each_installed(ms, offer, &o);
    buffer_init(&text, 4096);
    (void)buffer_printf(&text, "module \"%.*s\" is not installed", STR_ARGS(name));
    if (o.s.best.n > 0) {
        (void)buffer_printf(&text, "%s", suggest_text(&o.s, &ms->arena));
    } else {
        (void)buffer_printf(&text, ": there is no %.*s.so in ", STR_ARGS(name));
        for (size_t i = 0; i < ms->path_count; i++)
            (void)buffer_printf(&text, "%s%s%s", i > 0 ? ", " : "", ms->path[i],
                                access(ms->path[i], R_OK | X_OK) < 0 && errno == EACCES
                                    ? " (which this user cannot look into)"
                                    : "");
    }
    const char *said = arena_copyz(&ms->arena, buffer_str(&text));
    buffer_finish(&text);
    return said;
}

/* The one file of that name; NULL and *error when there is none or more than one. */
static const char *find_file(struct modules *ms, struct mpx_str name, const char **error)
{
    const char *found = NULL;
    char file[PATH_MAX];

    for (size_t i = 0; is_name(name) && i < ms->path_count; i++) {
        if (!is_in(ms, i, name, file))
            continue;
        if (found != NULL) {
            *error =
                arena_printf(&ms->arena,
                             "module \"%.*s\" is in two folders, as %s and %s: remove one of them",
                             STR_ARGS(name), found, file)
                    .p;
            return NULL;
        }
        found = arena_copyz(&ms->arena, str_of(file));
    }
    if (found == NULL)
        *error = not_installed(ms, name);
    return found;
}

/* What is wrong with a descriptor, or NULL. Looks at nothing behind the header before the ABI
   fits. */
static const char *verify_descriptor(struct mpx_arena *a, const struct mpx_module *d,
                                     struct mpx_str name)
{
    if (d->abi_major != MPX_ABI_MAJOR)
        return arena_printf(a,
                            "it was built for module ABI %u.%u, this server has %u.%u: build it "
                            "again with this server's headers",
                            d->abi_major, d->abi_minor, MPX_ABI_MAJOR, MPX_ABI_MINOR)
            .p;
    const char *version = d->version != NULL ? d->version : "?";
    if (d->abi_minor > MPX_ABI_MINOR)
        return arena_printf(a,
                            "version %s needs module ABI %u.%u, this server has %u.%u: upgrade "
                            "multiplexd, or build the module with this server's headers",
                            version, d->abi_major, d->abi_minor, MPX_ABI_MAJOR, MPX_ABI_MINOR)
            .p;
    if (d->size < DESCRIPTOR_MIN || d->option_size < OPTION_MIN)
        return arena_printf(
                   a,
                   "its descriptor has %u bytes and its options %u, ABI %u.%u has at least "
                   "%zu and %zu: use MPX_HEADER and build it again",
                   d->size, d->option_size, MPX_ABI_MAJOR, MPX_ABI_MINOR, (size_t)DESCRIPTOR_MIN,
                   (size_t)OPTION_MIN)
            .p;
    if (d->name == NULL || !str_is(name, d->name))
        return arena_printf(a,
                            "it calls itself \"%s\": the name in MPX_MODULE and MPX_HEADER must be "
                            "that of the file",
                            d->name != NULL ? d->name : "")
            .p;
    return NULL;
}

/* Opens the file and finds the descriptor; NULL and *why. */
static const struct mpx_module *open_file(struct modules *ms, const char *file, struct mpx_str name,
                                          bool careful, const char **why)
{
    const struct mpx_module *(*entry)(void);
    struct dso *dso = NULL;

    *why = dso_verify(&ms->arena, file);
    if (*why == NULL && careful)
        *why = dso_try(&ms->arena, file);
    if (*why == NULL)
        dso = dso_open(&ms->arena, file, why);
    if (dso == NULL)
        return NULL;
    const char *symbol = arena_printf(&ms->arena, "mpx_%.*s_module", STR_ARGS(name)).p;
    void *address = dso_symbol(dso, symbol);
    if (address == NULL) {
        *why = arena_printf(
                   &ms->arena,
                   "it has no function %s: the name in MPX_MODULE must be that of the file", symbol)
                   .p;
        return NULL;
    }
    memcpy(&entry, &address, sizeof(entry));
    const struct mpx_module *d = entry();
    if (d == NULL)
        *why = arena_printf(&ms->arena, "its %s gives no descriptor", symbol).p;
    return d;
}

static struct module *add(struct modules *ms, const struct mpx_module *d, const char *file)
{
    struct module *m = arena_zero(&ms->arena, sizeof(*m));

    memcpy(&m->d, d, d->size < sizeof(m->d) ? d->size : sizeof(m->d));
    m->name = arena_copyz(&ms->arena, str_of(d->name));
    m->file = file;
    (void)stat(file, &m->as_loaded);
    if (ms->count == ms->room) {
        ms->room = ms->room != 0 ? 2 * ms->room : 8;
        ms->loaded = must_realloc(ms->loaded, ms->room * sizeof(struct module *));
    }
    return m;
}

void modules_refuse(struct modules *ms, const char *name, const char *why)
{
    struct refusal *r = arena_zero(&ms->arena, sizeof(*r));

    r->name = arena_copyz(&ms->arena, str_of(name));
    r->why = arena_copyz(&ms->arena, str_of(why));
    r->next = ms->refused;
    ms->refused = r;
}

static const char *refusal_of(const struct modules *ms, struct mpx_str name)
{
    for (const struct refusal *r = ms->refused; r != NULL; r = r->next)
        if (str_is(name, r->name))
            return r->why;
    return NULL;
}

/* The next number; that of what stood for it, where it was absent before. */
static void take_number(struct modules *ms, struct module *m)
{
    const struct module *before = module_find(ms, str_of(m->name));

    m->index = before != NULL ? before->index : ms->count++;
    ms->loaded[m->index] = m;
}

static struct module *load(struct modules *ms, struct mpx_str name, bool careful,
                           const char **error)
{
    struct module *m = NULL;
    const char *why = NULL;

    *error = refusal_of(ms, name);
    if (*error != NULL)
        return NULL;
    const char *file = find_file(ms, name, error);
    if (file == NULL)
        return NULL;
    if (ms->on_load != NULL)
        ms->on_load(ms->arg, arena_copyz(&ms->arena, name));
    const struct mpx_module *d = open_file(ms, file, name, careful, &why);
    if (d != NULL)
        why = verify_descriptor(&ms->arena, d, name);
    if (why == NULL) {
        m = add(ms, d, file);
        why = option_verify(&ms->arena, module_options(m), m->d.conf_size);
        if (why == NULL)
            why = variable_name_verify(&ms->arena, ms, &m->d);
    }
    if (ms->on_load != NULL)
        ms->on_load(ms->arg, NULL);
    if (why != NULL) {
        *error = arena_printf(&ms->arena, "module \"%.*s\" (%s) cannot be loaded: %s",
                              STR_ARGS(name), file, why)
                     .p;
        return NULL;
    }
    take_number(ms, m);
    return m;
}

struct module *module_absent(struct modules *ms, struct mpx_str name)
{
    struct module *m = module_find(ms, name);

    if (m != NULL)
        return m;
    const struct mpx_module d = { .name = arena_copyz(&ms->arena, name), .size = sizeof(d) };
    m = add(ms, &d, "");
    m->is_absent = true;
    ms->is_lacking = true;
    take_number(ms, m);
    return m;
}

struct module *module_load(struct modules *ms, struct mpx_str name, bool careful,
                           const char **error)
{
    struct module *m = module_find(ms, name);

    if (m == NULL || m->is_absent)
        m = load(ms, name, careful, error);
    if (m == NULL)
        ms->is_lacking = true;
    return m;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void modules_warn_of_changed(struct modules *ms)
{
    for (unsigned i = 0; i < ms->count; i++) {
        struct module *m = ms->loaded[i];
        struct stat st;

        if (m->is_absent || stat(m->file, &st) < 0 || is_same(&st, &m->as_loaded))
            continue;
        m->as_loaded = st;
        log_warn("the file of module \"%s\" (%s) has changed since it was loaded, and the one of "
                 "before goes on: restart, or upgrade (signal USR2), to have the new one",
                 m->name, m->file);
    }
}

struct option_table module_options(const struct module *m)
{
    return (struct option_table){ m->d.options, m->d.option_size };
}
