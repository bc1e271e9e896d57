/* SPDX-License-Identifier: MIT */
#include "page.h"

#include "must.h"

#include <stdlib.h>

void pages_init(struct pages *ps, unsigned most)
{
#ifdef IS_SANITIZED
    most = 0;
#endif
    *ps = (struct pages){ .most = most };
}

void pages_finish(struct pages *ps)
{
    while (ps->free != NULL) {
        struct page *p = ps->free;

        ps->free = p->next;
        free(p);
    }
    ps->count = 0;
}

struct page *page_get(struct pages *ps)
{
    struct page *p = ps->free;

    if (p != NULL) {
        ps->free = p->next;
        ps->count--;
    } else {
        p = must_alloc(sizeof(*p));
    }
    p->next = NULL;
    p->n = 0;
    p->uses = 1;
    return p;
}

void page_put(struct pages *ps, struct page *p)
{
    if (--p->uses > 0)
        return;
    if (ps->count >= ps->most) {
        free(p);
        return;
    }
    p->next = ps->free;
    ps->free = p;
    ps->count++;
}
