/* SPDX-License-Identifier: MIT */
#include "method.h"

#include "str.h"

/* Each one's bit is its place here: the order in which Allow names them. */
static const struct mpx_str methods[] = {
    { "GET", 3 },    { "HEAD", 4 },    { "POST", 4 },   { "PUT", 3 },      { "DELETE", 6 },
    { "PATCH", 5 },  { "OPTIONS", 7 }, { "TRACE", 5 },  { "COPY", 4 },     { "LOCK", 4 },
    { "MKCOL", 5 },  { "MOVE", 4 },    { "ACL", 3 },    { "PROPFIND", 8 }, { "PROPPATCH", 9 },
    { "UNLOCK", 6 }, { "REPORT", 6 },  { "SEARCH", 6 },
};
enum { METHODS = sizeof(methods) / sizeof(methods[0]) };

uint32_t method_find(struct mpx_str name)
{
    for (unsigned i = 0; i < METHODS; i++)
        if (str_eq(name, methods[i]))
            return (uint32_t)1 << i;
    return 0;
}

uint32_t method_set(struct mpx_str list, struct mpx_str *unknown)
{
    struct mpx_str item;
    uint32_t set = 0;

    *unknown = (struct mpx_str){ NULL, 0 };
    while (str_next_item(&list, &item)) {
        uint32_t one = method_find(item);

        if (one == 0 && unknown->n == 0)
            *unknown = item;
        set |= one;
    }
    return (set & METHOD_GET) != 0 ? set | METHOD_HEAD : set;
}

size_t method_text(uint32_t set, char out[METHOD_TEXT_MAX])
{
    char *at = out;

    for (unsigned i = 0; i < METHODS; i++) {
        if ((set & (uint32_t)1 << i) == 0)
            continue;
        if (at > out) {
            memcpy(at, ", ", 2);
            at += 2;
        }
        memcpy(at, methods[i].p, methods[i].n);
        at += methods[i].n;
    }
    return (size_t)(at - out);
}
