/* SPDX-License-Identifier: MIT
   Listings that were made, for a second, and those that are being made: whoever asks meanwhile for
   the same one waits for it. Two threads at most make listings, so that others stay free for
   files. */
#ifndef DIRLIST_PAGES_H
#define DIRLIST_PAGES_H
#include "listing.h"

enum {
    PAGES_LIVE_MS = 1000,   /* a change shows within this time */
    PAGES_BYTES = 32 << 20, /* of pages that are kept; the newest one may be longer */
    PAGES_RUNNING = 2,      /* that are made at a time */
    PAGES_PENDING = 64      /* that wait for their turn; further ones are refused */
};

struct pages;
struct page;

/* For mpx_keep: block holds a pointer to it. */
struct pages *pages_create(void); /* NULL: no memory */
void pages_end(void *block);
uint64_t pages_next_id(struct pages *ps); /* 1, 2, 3 */

/* Whether a failure may be logged: once in ten seconds. */
bool pages_may_tell(struct pages *ps);

/* What a page is found by. */
struct page_key {
    struct mpx_str text;    /* all that makes it a page of its own; copied */
    const struct stat *dir; /* the directory as it is now */
};
/* The page for a key, being made or not older than a second, or NULL. A use is the caller's, to
   be given back. */
struct page *pages_find(struct pages *ps, const struct page_key *key);
/* Begins to make one: job says what. Its path is copied, its files are held, its settings and
   policy live as long as somebody waits. NULL, with errno, when that cannot be. A use is the
   caller's. */
struct page *pages_make(struct pages *ps, const struct page_key *key, const struct job *job);
void page_release(void *page);

/* Waits until it is made, then fn. */
enum mpx_rc page_wait(struct mpx_req *r, struct page *p, mpx_resume_fn fn, void *state);
bool page_is_ready(const struct page *p);
/* Of one that is ready: 0, or errno of why there is none. */
int page_error(const struct page *p);
struct mpx_blob *page_blob(const struct page *p); /* borrowed */
struct mpx_str page_tag(const struct page *p);    /* an entity tag: strong, of the bytes */

#endif
