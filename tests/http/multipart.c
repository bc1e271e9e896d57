/* SPDX-License-Identifier: MIT */
#include "multipart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is left of a text while it is read. */
struct reader {
    const char *p;
    size_t n;
};

static bool take(struct reader *r, const char *text)
{
    size_t n = strlen(text);

    if (r->n < n || memcmp(r->p, text, n) != 0)
        return false;
    r->p += n;
    r->n -= n;
    return true;
}

bool multipart_range(const char *range, unsigned long long at[3])
{
    static const char ends[] = "-/";
    char again[80];

    if (strncmp(range, "bytes ", 6) != 0)
        return false;
    range += 6;
    for (size_t i = 0; i < 3; i++) {
        char *end;

        at[i] = strtoull(range, &end, 10);
        if (end == range || *end != ends[i])
            return false;
        range = end + 1;
    }
    /* no blank, sign or zero in front */
    (void)snprintf(again, sizeof(again), "%llu-%llu/%llu", at[0], at[1], at[2]);
    return strcmp(again, range - 1 - strlen(again)) == 0 && at[0] <= at[1] && at[1] < at[2];
}

/* A part's fields: Content-Range, perhaps Content-Type, nothing else. */
static bool read_fields(struct reader *r, struct part *part)
{
    while (!take(r, "\r\n")) {
        const char *end = memmem(r->p, r->n, "\r\n", 2);
        char *to = NULL;

        if (end == NULL)
            return false;
        if (take(r, "Content-Range: "))
            to = part->range;
        else if (take(r, "Content-Type: "))
            to = part->type;
        size_t n = (size_t)(end - r->p);
        if (to == NULL || to[0] != '\0' || n >= sizeof(part->range))
            return false;
        memcpy(to, r->p, n);
        r->p += n + 2;
        r->n -= n + 2;
    }
    return part->range[0] != '\0';
}

static const char *read_parts(struct multipart *m, const char *delimiter, struct reader *r)
{
    unsigned long long before[3] = { 0, 0, 0 }, at[3];

    while (!take(r, "--\r\n")) {
        struct part *part = &m->parts[m->count];

        if (m->count == MULTIPART_MOST)
            return "there are too many parts";
        if (!take(r, "\r\n") || !read_fields(r, part) || !multipart_range(part->range, at))
            return "a part's head is not well formed";
        if (m->count > 0 && (at[0] <= before[1] + 1 || at[2] != before[2]))
            return "parts do not ascend";
        part->content = r->p;
        part->n = (size_t)(at[1] - at[0] + 1);
        if (r->n < part->n)
            return "a part is cut off";
        r->p += part->n;
        r->n -= part->n;
        if (!take(r, "\r\n") || !take(r, delimiter))
            return "a part is longer than it says";
        memcpy(before, at, sizeof(before));
        m->count++;
    }
    return r->n > 0 ? "something stands behind the last part" : NULL;
}

void multipart_read(struct multipart *m, const char *type, const char *body, size_t n)
{
    static const char before[] = "multipart/byteranges; boundary=";
    struct reader r = { body, n };
    char delimiter[80];

    *m = (struct multipart){ .count = 0 };
    if (strncmp(type, before, sizeof(before) - 1) != 0 || strlen(type) - sizeof(before) + 1 > 70) {
        m->fault = "it names no boundary";
        return;
    }
    (void)snprintf(delimiter, sizeof(delimiter), "--%s", type + sizeof(before) - 1);
    if (take(&r, delimiter))
        m->fault = read_parts(m, delimiter, &r);
    else
        m->fault = "it does not begin with the boundary";
    if (m->fault == NULL && m->count < 2)
        m->fault = "one part needs no multipart";
}
