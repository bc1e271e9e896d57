/* SPDX-License-Identifier: MIT
   Pages: buffers of one size for bytes on their way through, recycled so that steady traffic
   takes no memory from the system. They belong to the thread that runs the loop. */
#ifndef PAGE_H
#define PAGE_H
#include <stddef.h>

enum { PAGE_BYTES = 16384 - 32 };

struct page {
    struct page *next;
    size_t n;      /* bytes in use */
    unsigned uses; /* it is free again when the last one has put it back */
    char bytes[PAGE_BYTES];
};
struct pages {
    struct page *free;
    unsigned count, most;
};
void pages_init(struct pages *ps, unsigned most); /* how many free ones are kept */
void pages_finish(struct pages *ps);
struct page *page_get(struct pages *ps);         /* empty, with one use; never NULL */
void page_put(struct pages *ps, struct page *p); /* gives a use back */

#endif
