/* SPDX-License-Identifier: MIT */
#include "passed.h"

#include "inherited.h"
#include "log.h"

bool passed_is(const struct listener_settings *l)
{
    return l->systemd.n > 0 || l->inherited > 0;
}

/* How messages call it. */
static const char *what_is(struct mpx_arena *a, const struct listener_settings *l)
{
    if (l->systemd.n > 0)
        return arena_printf(a, "systemd's socket \"%.*s\"", STR_ARGS(l->systemd)).p;
    return arena_printf(a, "descriptor %lld", (long long)l->inherited).p;
}

static const char *no_such_name(struct mpx_arena *a, const struct listener_settings *l)
{
    const char *names = inherited_names(a);

    if (*names == '\0')
        return arena_printf(a,
                            "cannot listen on %s: systemd passed no sockets: start multiplexd by "
                            "its socket unit, or name host and port",
                            what_is(a, l))
            .p;
    return arena_printf(a,
                        "cannot listen on %s: systemd passed only %s: name one of these, or set "
                        "FileDescriptorName= in the unit",
                        what_is(a, l), names)
        .p;
}

int passed_next(struct mpx_arena *a, const struct listener_settings *l, int after,
                const char **error)
{
    int fd = after == 0 ? (int)l->inherited : 0;

    if (l->systemd.n > 0)
        fd = inherited_by_name(l->systemd, after);
    if (fd < 0 && after == 0) {
        *error = no_such_name(a, l);
        return -1;
    }
    const char *fault = fd > 0 ? inherited_fault(fd) : NULL;
    if (fault == NULL)
        return fd < 0 ? 0 : fd;
    *error = arena_printf(a, "cannot listen on %s: it %s: it must be a stream socket that listens",
                          what_is(a, l), fault)
                 .p;
    return -1;
}

static bool is_wanted(const struct settings *s, int fd)
{
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].inherited == fd || str_eq(s->listeners[i].systemd, inherited_name(fd)))
            return true;
    return false;
}

void passed_warn_of_unused(const struct settings *s)
{
    struct mpx_str all = MPX_STR("");
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (int fd = inherited_next(0); fd >= 0; fd = inherited_next(fd)) {
        struct mpx_str name = inherited_name(fd);

        if (!is_wanted(s, fd) && inherited_by_name(name, 0) == fd)
            all = arena_printf(&a, "%.*s%s\"%.*s\"", STR_ARGS(all), all.n > 0 ? ", " : "",
                               STR_ARGS(name));
    }
    if (all.n > 0)
        log_warn("systemd passed sockets that no listener has: %.*s: add { \"systemd\": NAME } to "
                 "\"connection\", or take them out of the socket unit",
                 STR_ARGS(all));
    arena_finish(&a);
}
