/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const known[] = { "path",   "host",   "method", "fields", "close", "upload",
                                     "weight", "status", "length", "file",   "from",  "leave" };

static const char *text_in(const json_t *o, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text != NULL ? text : otherwise;
}

static int64_t number_in(const json_t *o, const char *key, int64_t otherwise)
{
    const json_t *n = json_object_get(o, key);

    return n != NULL ? json_integer_value(n) : otherwise;
}

static void check_members(json_t *o)
{
    const char *key;
    json_t *value;

    json_object_foreach(o, key, value)
    {
        size_t i = 0;

        while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], key) != 0)
            i++;
        if (i == sizeof(known) / sizeof(known[0]))
            errx(2, "a target has no member \"%s\"", key);
    }
}

/* Where the expected bytes are; sets the length where the target says none. */
static const char *content_of(const json_t *o, struct target *t)
{
    const char *path = text_in(o, "file", NULL);
    int64_t from = number_in(o, "from", 0);
    struct stat st;

    if (path == NULL)
        return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        err(2, "%s", path);
    if (t->length < 0)
        t->length = st.st_size - from;
    if (from < 0 || t->length < 0 || from + t->length > st.st_size)
        errx(2, "%s: from and length lie beyond its end", path);
    const char *all =
        st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : "";
    if (all == MAP_FAILED)
        err(2, "%s", path);
    (void)close(fd);
    return all + from;
}

static void write_request(const json_t *o, struct target *t)
{
    int64_t upload = number_in(o, "upload", -1);
    const json_t *field;
    size_t i;
    FILE *f = open_memstream(&t->request, &t->request_n);

    if (f == NULL)
        err(2, "memory");
    (void)fprintf(f, "%s %s HTTP/1.1\r\nHost: %s\r\n", text_in(o, "method", "GET"),
                  text_in(o, "path", "/"), text_in(o, "host", "localhost"));
    json_array_foreach(json_object_get(o, "fields"), i, field)(void)
        fprintf(f, "%s\r\n", json_string_value(field));
    if (t->close)
        (void)fputs("Connection: close\r\n", f);
    if (upload >= 0)
        (void)fprintf(f, "Content-Length: %jd\r\n", (intmax_t)upload);
    (void)fputs("\r\n", f);
    for (int64_t n = 0; n < upload; n++)
        (void)fputc('a' + (int)(n % 26), f);
    if (fclose(f) != 0)
        err(2, "memory");
}

static void read_one(struct target *t, json_t *o)
{
    check_members(o);
    t->status = (int)number_in(o, "status", 200);
    t->length = number_in(o, "length", -1);
    t->leave = number_in(o, "leave", -1);
    t->weight = (unsigned)number_in(o, "weight", 1);
    t->close = json_is_true(json_object_get(o, "close"));
    t->is_head = strcmp(text_in(o, "method", "GET"), "HEAD") == 0;
    t->content = content_of(o, t);
    if (asprintf(&t->name, "%s %s%s: %d%s", text_in(o, "method", "GET"), text_in(o, "host", ""),
                 text_in(o, "path", "/"), t->status, t->leave >= 0 ? ", and leaves" : "") < 0)
        err(2, "memory");
    write_request(o, t);
}

void targets_read(struct targets *ts, const char *path)
{
    json_error_t error;
    json_t *o, *list = json_load_file(path, 0, &error);
    size_t i;

    if (list == NULL)
        errx(2, "%s:%d: %s", path, error.line, error.text);
    ts->count = json_array_size(list);
    ts->list = calloc(ts->count + 1, sizeof(*ts->list));
    if (ts->list == NULL)
        err(2, "memory");
    json_array_foreach(list, i, o)
    {
        read_one(&ts->list[i], o);
        ts->weights += ts->list[i].weight;
    }
    if (ts->weights == 0)
        errx(2, "%s: nothing to ask for", path);
    json_decref(list);
}

void targets_finish(struct targets *ts)
{
    for (size_t i = 0; i < ts->count; i++) {
        free(ts->list[i].name);
        free(ts->list[i].request);
    }
    free(ts->list);
}

struct target *targets_choose(const struct targets *ts, uint32_t random)
{
    unsigned at = random % ts->weights;
    struct target *t = ts->list;

    while (at >= t->weight)
        at -= t++->weight;
    return t;
}

json_t *targets_json(const struct targets *ts)
{
    json_t *list = json_array();

    for (size_t i = 0; i < ts->count; i++) {
        const struct target *t = &ts->list[i];

        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:I, s:I}", "name", t->name, "ok",
                                              (json_int_t)t->ok, "broken", (json_int_t)t->broken));
    }
    return list;
}
