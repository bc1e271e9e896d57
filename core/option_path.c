/* SPDX-License-Identifier: MIT
   Options that name files and folders, and what must be true of these. */
#include "child.h"
#include "option_value.h"
#include "sink.h"
#include "suggest.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* The name in the same folder that is most like the one that does not exist. */
static struct mpx_str similar_path(struct mpx_arena *a, struct mpx_str path)
{
    size_t slash = str_find_last(path, '/');
    struct mpx_str folder = str_head(path, slash > 0 ? slash : 1);
    DIR *d = opendir(arena_copyz(a, folder));
    struct suggestion s;
    const struct dirent *e;

    suggest_start(&s, str_from(path, slash + 1));
    while (d != NULL && (e = readdir(d)) != NULL) {
        struct mpx_str before = s.best;

        suggest_offer(&s, str_of(e->d_name));
        if (s.best.p != before.p)
            s.best = arena_copy(a, s.best);
    }
    if (d != NULL)
        closedir(d);
    if (s.best.n == 0)
        return s.best;
    return arena_printf(a, "%.*s/%.*s", STR_ARGS(str_head(path, slash)), STR_ARGS(s.best));
}

static int check_exists(const struct option_reading *rd, const struct node *value,
                        struct mpx_str path)
{
    struct stat st;

    if (stat(path.p, &st) == 0)
        return 0;
    int error = errno;
    if (rd->problems == NULL)
        return -1;
    struct mpx_str near = error == ENOENT ? similar_path(rd->a, path) : MPX_STR("");
    const char *pointer = option_pointer(rd, value);
    if (near.n > 0)
        problem_add(rd->problems, value->at, "%s: \"%s\" does not exist (did you mean \"%.*s\"?)",
                    pointer, path.p, STR_ARGS(near));
    else if (error == ENOENT)
        problem_add(rd->problems, value->at,
                    "%s: \"%s\" does not exist: create it, or mend the path", pointer, path.p);
    else if (error == EACCES)
        problem_add(rd->problems, value->at,
                    "%s: user \"%s\" cannot reach \"%s\": give it the right to search the folders "
                    "above it (chmod o+x)",
                    pointer, child_name(rd->a), path.p);
    else
        problem_add(rd->problems, value->at, "%s: \"%s\" cannot be reached: %s", pointer, path.p,
                    strerror(error));
    return -1;
}

/* A file that will be made needs a folder, and must not be one. What only the daemon may look at is
   seen when it is opened. */
static int check_place(const struct option_reading *rd, const struct node *value,
                       struct mpx_str path)
{
    struct mpx_str folder = str_head(path, str_find_last(path, '/'));
    const char *parent = folder.n > 0 ? arena_copyz(rd->a, folder) : "/", *what = NULL;
    struct stat st;

    if (stat(path.p, &st) == 0 && S_ISDIR(st.st_mode))
        what = arena_printf(rd->a, "\"%s\" is a folder: name a file in it", path.p).p;
    else if (stat(parent, &st) == 0 ? !S_ISDIR(st.st_mode) : errno == ENOENT || errno == ENOTDIR)
        what =
            arena_printf(rd->a, "there is no folder \"%s\": create it, or mend the path", parent).p;
    if (what != NULL && rd->problems != NULL)
        problem_add(rd->problems, value->at, "%s: %s", option_pointer(rd, value), what);
    return what != NULL ? -1 : 0;
}

static int read_private_text(const struct option_reading *rd, const struct node *value,
                             struct mpx_str *field)
{
    const char *path = field->p;
    int error;

    if (rd->read_private != NULL) {
        error = rd->read_private(rd->arg, path, rd->a, field);
    } else {
        const struct source *src = source_get(rd->sources, SOURCE_VALUE, path);

        error = src->error;
        *field = arena_copy(rd->a, src->text);
    }
    if (error != 0 && rd->problems != NULL)
        problem_add(rd->problems, value->at, "%s: \"%s\" cannot be read: %s",
                    option_pointer(rd, value), path, strerror(error));
    return error != 0 ? -1 : 0;
}

int option_read_path(const struct option_reading *rd, const struct mpx_option *o,
                     const struct node *value, struct mpx_str *field)
{
    if (option_read_string(rd, o, value, field) < 0)
        return -1;
    if (field->n == 0 || str_find(*field, '\0') < field->n)
        return option_complain(rd, o, value, "must be the name of a file or folder");
    if ((o->flags & MPX_OPT_SINK) != 0 && !sink_is_file(*field))
        return 0;
    if ((o->flags & MPX_OPT_SINK) != 0 && str_starts(*field, MPX_STR("journald:")))
        return option_complain(rd, o, value,
                               "must be \"journald\", or \"journald:\" and the absolute path of "
                               "its socket");
    if ((o->flags & MPX_OPT_SINK) != 0 &&
        (str_is(*field, "syslog") || str_starts(*field, MPX_STR("syslog:"))))
        return option_complain(rd, o, value,
                               "must name a facility: \"syslog:daemon\", \"syslog:user\", "
                               "\"syslog:auth\" or \"syslog:local0\" to \"syslog:local7\"");
    if (value->at.src != NULL)
        *field = source_absolute(rd->sources, value->at.src, *field, rd->a);
    if (rd->sources == NULL || !rd->sources->frozen) {
        if ((o->flags & MPX_OPT_EXISTS) != 0 && check_exists(rd, value, *field) < 0)
            return -1;
        if ((o->flags & (MPX_OPT_SINK | OPTION_FILE)) != 0 && check_place(rd, value, *field) < 0)
            return -1;
    }
    if ((o->flags & MPX_OPT_SINK) != 0 && rd->on_sink != NULL)
        rd->on_sink(rd->arg, field->p);
    return (o->flags & MPX_OPT_PRIVATE) != 0 ? read_private_text(rd, value, field) : 0;
}
