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

void piece_insert(struct mpx_req *r, struct piece *behind, struct piece *p)
{
    struct piece **link = behind != NULL ? &behind->next : &r->res.first;

    p->next = *link;
    *link = p;
    if (p->next == NULL)
        r->res.last = p;
}

struct piece *piece_last_framed(const struct mpx_req *r)
{
    struct piece *last = NULL;

    for (struct piece *p = r->res.first; p != NULL && p->is_framed; p = p->next)
        last = p;
    return last;
}

struct piece *piece_detach_behind(struct mpx_req *r, struct piece *behind)
{
    struct piece **link = behind != NULL ? &behind->next : &r->res.first, *first = *link;

    *link = NULL;
    r->res.last = behind;
    return first;
}

static void append(struct mpx_req *r, struct piece *p)
{
    p->is_body = true;
    piece_insert(r, r->res.last, p);
}

void piece_append(struct mpx_req *r, const struct piece *from, size_t skip, size_t n)
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
    append(r, p);
    if (p->kind != PIECE_FILE)
        r->res.waiting += n;
}

/* The last piece when more can be written into its page; else NULL. */
static struct piece *open_piece(const struct res *res)
{
    struct piece *last = res->last;

    return last != NULL && last->kind == PIECE_PAGE && !last->is_framed ? last : NULL;
}

void piece_copy(struct mpx_req *r, const struct piece *from, size_t skip, size_t n)
{
    struct mpx_str bytes = { from->p + skip, n };
    struct piece *last = open_piece(&r->res);

    r->res.waiting += n;
    while (bytes.n > 0) {
        struct page *page = last != NULL ? last->owner.page : NULL;

        if (page == NULL || page->n == PAGE_BYTES) {
            page = page_get(&r->w->pages);
            last = piece_new(r, PIECE_PAGE);
            last->owner.page = page;
            last->p = page->bytes;
            append(r, last);
        }
        size_t part = bytes.n < PAGE_BYTES - page->n ? bytes.n : PAGE_BYTES - page->n;
        memcpy(page->bytes + page->n, bytes.p, part);
        page->n += part;
        last->n += part;
        bytes = str_from(bytes, part);
    }
}
