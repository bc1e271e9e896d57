/* SPDX-License-Identifier: MIT */
#include "pointer.h"

#include <string.h>

const char *pointer_below(struct mpx_conf *c, const char *below, struct mpx_str key)
{
    size_t n = strlen(below);
    char *pointer = mpx_alloc(mpx_conf_arena(c), n + 2 * key.n + sizeof("/"));

    memcpy(pointer, below, n);
    if (n > 0)
        pointer[n++] = '/';
    for (size_t i = 0; i < key.n; i++) {
        bool is_special = key.p[i] == '/' || key.p[i] == '~';

        if (is_special)
            pointer[n++] = '~';
        pointer[n++] = !is_special ? key.p[i] : key.p[i] == '/' ? '1' : '0';
    }
    return pointer;
}
