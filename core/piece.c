/* SPDX-License-Identifier: MIT */
#include "piece.h"

#include "req.h"
#include "str.h"

#include <stdlib.h>

void blob_drop(struct mpx_blob *b)
{
    if (--b->uses > 0)
        return;
    if (b->release != NULL)
        b->release(b->owner);
    free(b);
}

struct piece *piece_new(struct mpx_req *r, enum piece_kind kind)
{
    struct piece *p = r->res.spare;

    if (p != NULL)
        r->res.spare = p->next;
    else
        p = arena_take(&r->arena, sizeof(*p));
    *p = (struct piece){ .kind = kind };
    return p;
}

void piece_release(struct mpx_req *r, struct piece *p)
{
    p->next = r->res.spare;
    r->res.spare = p;
    switch (p->kind) {
    case PIECE_PAGE:
        page_put(&r->w->pages, p->owner.page);
        return;
    case PIECE_BLOB:
        blob_drop(p->owner.blob);
        return;
    case PIECE_SMALL:
    case PIECE_FILE:
        file_drop(p->owner.file);
        return;
    case PIECE_BYTES:
        return;
    }
}

void piece_insert(struct pieces *q, struct piece *behind, struct piece *p)
{
    struct piece **link = behind != NULL ? &behind->next : &q->first;

    p->next = *link;
    *link = p;
    if (p->next == NULL)
        q->last = p;
}

struct piece *piece_last_framed(const struct pieces *q)
{
    struct piece *last = NULL;

    for (struct piece *p = q->first; p != NULL && p->is_framed; p = p->next)
        last = p;
    return last;
}

struct piece *piece_detach_behind(struct mpx_req *r, struct pieces *q, struct piece *behind)
{
    struct piece **link = behind != NULL ? &behind->next : &q->first, *first = *link;

    *link = NULL;
    q->last = behind;
    q->copied = NULL;
    r->res.waiting -= q->waiting;
    q->waiting = 0;
    return first;
}

void piece_took(struct mpx_req *r, struct pieces *q, size_t n)
{
    struct piece *p = q->first;

    p->n -= n;
    p->off += (off_t)n;
    if (p->kind != PIECE_FILE)
        p->p += n;
    if (p->is_body && p->kind != PIECE_FILE) {
        q->waiting -= n;
        r->res.waiting -= n;
    }
    if (p->n > 0)
        return;
    if (q->copied == p)
        q->copied = NULL;
    q->first = p->next;
    if (q->first == NULL)
        q->last = NULL;
    piece_release(r, p);
}

static void append(struct pieces *q, struct piece *p)
{
    p->is_body = true;
    piece_insert(q, q->last, p);
}

static void count(struct mpx_req *r, struct pieces *q, size_t n)
{
    q->waiting += n;
    r->res.waiting += n;
}

void piece_append(struct mpx_req *r, struct pieces *q, const struct piece *from, size_t skip,
                  size_t n)
{
    struct piece *p = piece_new(r, from->kind);

    p->p = from->kind != PIECE_FILE ? from->p + skip : NULL;
    p->off = from->off + (off_t)skip;
    p->n = n;
    p->owner = from->owner;
    switch (from->kind) {
    case PIECE_PAGE:
        p->owner.page->uses++;
        p->owner.page->n = (size_t)(p->p + n - p->owner.page->bytes); /* piece_copy goes on here */
        break;
    case PIECE_BLOB:
        p->owner.blob->uses++;
        break;
    case PIECE_SMALL:
    case PIECE_FILE:
        p->owner.file->uses++;
        break;
    case PIECE_BYTES:
        break;
    }
    append(q, p);
    if (p->kind != PIECE_FILE)
        count(r, q, n);
}

/* A new last piece, without bytes, in that page: of the page's uses one is its own. */
static struct piece *append_page(struct mpx_req *r, struct pieces *q, struct page *page)
{
    struct piece *p = piece_new(r, PIECE_PAGE);

    p->owner.page = page;
    p->p = page->bytes + page->n;
    append(q, p);
    return p;
}

/* A last piece that has room in its page. Where framing has closed the one before, they share its
   page: many that are small do not keep a page each. Otherwise none is shared: what is cut would
   be written over. */
static struct piece *open_piece(struct mpx_req *r, struct pieces *q)
{
    struct piece *last = q->last, *copied = q->copied;

    if (last != NULL && last->kind == PIECE_PAGE && !last->is_framed &&
        last->owner.page->n < PAGE_BYTES)
        return last;
    if (copied == NULL || !copied->is_framed || copied->owner.page->n == PAGE_BYTES ||
        copied->p + copied->n != copied->owner.page->bytes + copied->owner.page->n)
        return append_page(r, q, page_get(&r->w->pages));
    copied->owner.page->uses++;
    return append_page(r, q, copied->owner.page);
}

void piece_copy(struct mpx_req *r, struct pieces *q, const struct piece *from, size_t skip,
                size_t n)
{
    struct mpx_str bytes = { from->p + skip, n };

    count(r, q, n);
    while (bytes.n > 0) {
        struct piece *last = open_piece(r, q);
        struct page *page = last->owner.page;
        size_t part = bytes.n < PAGE_BYTES - page->n ? bytes.n : PAGE_BYTES - page->n;

        memcpy(page->bytes + page->n, bytes.p, part);
        page->n += part;
        last->n += part;
        q->copied = last;
        bytes = str_from(bytes, part);
    }
}

void piece_move(struct pieces *from, struct pieces *to)
{
    struct piece *p = from->first;
    size_t n = p->kind != PIECE_FILE ? p->n : 0;

    from->first = p->next;
    if (from->first == NULL)
        from->last = NULL;
    if (from->copied == p)
        from->copied = NULL;
    from->waiting -= n;
    to->waiting += n;
    piece_insert(to, to->last, p);
}
