/* SPDX-License-Identifier: MIT */
#include "compose.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names that no file has: messages do not show their text. */
static const char command_line[] = "(command line)", given_folder[] = "(folder)";

static void add_string(struct buffer *b, const char *key, const char *value)
{
    if (value == NULL)
        return;
    (void)buffer_printf(b, "%s\"%s\":\"", b->p[b->n - 1] == '{' ? "" : ",", key);
    (void)buffer_add_json(b, str_of(value));
    (void)buffer_add_char(b, '"');
}

/* A section of what the options set; the brace that closes it is left to whoever adds more. */
static void add_daemon(struct buffer *b, const struct cli *c, const char *user)
{
    (void)buffer_add(b, MPX_STR("{\"daemon\":{"));
    add_string(b, "user", user);
    add_string(b, "group", c->group);
    if (c->detach || c->stay)
        (void)buffer_printf(b, "%s\"detach\":%s", b->p[b->n - 1] == '{' ? "" : ",",
                            c->detach ? "true" : "false");
    (void)buffer_add(b, MPX_STR("},\"command_line\":{"));
    if (c->verbose)
        (void)buffer_add(b, MPX_STR("\"verbose\":true"));
}

static void add_listener(struct buffer *b, const struct cli *c)
{
    if (c->host == NULL && c->port < 0)
        return;
    (void)buffer_printf(b, "%s\"listener\":{", c->verbose ? "," : "");
    add_string(b, "host", c->host);
    if (c->port >= 0)
        (void)buffer_printf(b, "%s\"port\":%ld", c->host != NULL ? "," : "", c->port);
    (void)buffer_add_char(b, '}');
}

/* Lays the text over the configuration; empties the buffer. */
static void set_overrides(struct launch *l, struct buffer *b)
{
    (void)source_add(&l->sources, command_line, buffer_str(b));
    l->overrides = command_line;
    b->n = 0;
}

static bool has_listing(struct launch *l)
{
    const char *folder = modules_default_folder(&l->arena);

    return access(arena_printf(&l->arena, "%s/dirlist.so", folder).p, F_OK) == 0;
}

/* Started as root to serve a folder: as its owner, or as nobody where that is root. */
static const char *folder_user(struct launch *l, const struct stat *st)
{
    struct child_user owner;

    if (geteuid() != 0)
        return NULL;
    if (st->st_uid == 0)
        return "nobody";
    child_user_of(&l->arena, st->st_uid, st->st_gid, &owner);
    return arena_printf(&l->arena, "%u", (unsigned)owner.uid).p;
}

int compose_folder(struct launch *l, const struct cli *c)
{
    char path[PATH_MAX];
    struct stat st;
    struct buffer b;

    if (realpath(c->folder, path) == NULL || stat(path, &st) < 0) {
        fprintf(stderr, "multiplexd: cannot serve \"%s\": %s\n", c->folder, strerror(errno));
        return -1;
    }
    if (!S_ISDIR(st.st_mode)) {
        fprintf(stderr, "multiplexd: cannot serve \"%s\": it is a file, name its folder\n",
                c->folder);
        return -1;
    }
    buffer_init(&b, 65536);
    add_daemon(&b, c, c->user != NULL ? c->user : folder_user(l, &st));
    (void)buffer_add(&b, MPX_STR("}}"));
    set_overrides(l, &b);
    (void)buffer_add(&b, MPX_STR("{\"connection\":{"));
    add_string(&b, "host", c->host != NULL ? c->host : "127.0.0.1");
    (void)buffer_printf(&b, ",\"port\":%ld},\"vhosts\":[{", c->port >= 0 ? c->port : 8080);
    add_string(&b, "documents", path);
    if (has_listing(l))
        (void)buffer_add(&b, MPX_STR(",\"directory_list\":true"));
    (void)buffer_add(&b, MPX_STR("}]}"));
    (void)source_add(&l->sources, given_folder, buffer_str(&b));
    l->file = given_folder;
    buffer_finish(&b);
    return 0;
}

void compose_file(struct launch *l, const struct cli *c, const char *file)
{
    struct buffer b;

    l->file = file;
    l->strict = c->strict;
    if (c->user == NULL && c->group == NULL && !c->verbose && c->host == NULL && c->port < 0 &&
        !c->detach && !c->stay)
        return;
    buffer_init(&b, 65536);
    add_daemon(&b, c, c->user);
    add_listener(&b, c);
    (void)buffer_add(&b, MPX_STR("}}"));
    set_overrides(l, &b);
    buffer_finish(&b);
}

void compose_empty(struct launch *l, const struct cli *c)
{
    (void)source_add(&l->sources, given_folder, MPX_STR("{}"));
    compose_file(l, c, given_folder);
}
