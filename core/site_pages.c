/* SPDX-License-Identifier: MIT */
#include "site_pages.h"

#include "option_value.h"
#include "str.h"
#include "uri.h"

/* The statuses that a key stands for; false when it is none. */
static bool read_key(struct mpx_str key, struct error_page *page)
{
    uint64_t n;

    if (key.n != 3 || (key.p[0] != '4' && key.p[0] != '5'))
        return false;
    if (str_is(str_from(key, 1), "xx")) {
        page->first = (key.p[0] - '0') * 100;
        page->last = page->first + 99;
        return true;
    }
    if (str_to_u64(key, &n) < 0)
        return false;
    page->first = page->last = (int)n;
    return true;
}

/* A path as requests have it, with a query behind '?'. */
static int read_path(const struct building *b, const struct node *value, struct error_page *page)
{
    struct option_reading rd = level_reading(b, 0, NULL);
    size_t mark = str_find(value->string, '?'), n;

    if (value->kind != NODE_STRING)
        return option_complain(&rd, NULL, value, "must be a path, such as \"/error.html\"");
    char *path = arena_take(&b->g->arena, mark + 1);
    if (uri_normal_decoded(str_head(value->string, mark), path, &n) != 0)
        return option_complain(&rd, NULL, value,
                               "must be a path of this virtual host: begin with a slash and stay "
                               "below it");
    page->path = (struct mpx_str){ path, n };
    page->query = str_from(value->string, mark + 1);
    return 0;
}

/* One member of the object; path is empty where it is null. */
static int read_page(const struct building *b, const struct node *member, struct error_page *page)
{
    *page = (struct error_page){ .first = 0 };
    if (!read_key(member->key, page)) {
        problem_add(b->g->problems, member->key_at,
                    "\"%.*s\" at %s is no error: \"400\" to \"599\", \"4xx\" or \"5xx\" may stand "
                    "here",
                    STR_ARGS(member->key), node_pointer(&b->g->arena, member->parent));
        return -1;
    }
    return member->kind == NODE_NULL ? 0 : read_path(b, member, page);
}

static const struct error_page *find(const struct error_page *list, size_t count,
                                     const struct error_page *same)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].first == same->first && list[i].last == same->last)
            return &list[i];
    return NULL;
}

/* Adds those of a list that are for one status, or those that are for a class, and that no closer
   level has named. */
static void add(struct error_page *out, size_t *count, struct error_pages from,
                struct error_pages closer, bool classes)
{
    for (size_t i = 0; i < from.count; i++) {
        const struct error_page *page = &from.list[i];

        if ((page->first != page->last) == classes && page->path.n > 0 &&
            find(closer.list, closer.count, page) == NULL)
            out[(*count)++] = *page;
    }
}

void site_pages_read(const struct building *b, struct level *l)
{
    const struct node *own = node_member(l->node, "error_pages");
    const struct error_pages none = { NULL, 0 };
    struct error_pages outer = l->outer != NULL ? l->outer->error_pages : none, mine = none;
    struct option_reading rd = level_reading(b, 0, NULL);
    struct mpx_arena *a = &b->g->arena;

    l->error_pages = own != NULL ? none : outer;
    if (own == NULL || own->kind == NODE_NULL || level_is_off(own))
        return;
    if (own->kind != NODE_OBJECT) {
        (void)option_complain(&rd, NULL, own, "must be an object, { \"404\": \"/404.html\" }");
        return;
    }
    struct error_page *list = arena_zero(a, own->count * sizeof(*list));
    for (const struct node *m = own->first; m != NULL; m = m->next)
        if (read_page(b, m, &list[mine.count]) == 0)
            mine.count++;
    mine.list = list;
    struct error_page *all = arena_zero(a, (mine.count + outer.count) * sizeof(*all));
    for (int classes = 0; classes <= 1; classes++) {
        add(all, &l->error_pages.count, mine, none, classes != 0);
        add(all, &l->error_pages.count, outer, mine, classes != 0);
    }
    l->error_pages.list = all;
}
