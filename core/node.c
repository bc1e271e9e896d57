/* SPDX-License-Identifier: MIT */
#include "node.h"

#include "must.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEARCHED_MAX = 16 }; /* members that are searched one by one */

struct node *node_new(struct mpx_arena *a, enum node_kind kind, struct place at)
{
    struct node *j = arena_zero(a, sizeof(*j));

    j->kind = kind;
    j->at = j->key_at = at;
    return j;
}

void node_append(struct node *parent, struct node *j, struct mpx_str key)
{
    j->key = key;
    j->parent = parent;
    j->next = NULL;
    if (parent->last != NULL)
        parent->last->next = j;
    else
        parent->first = j;
    parent->last = j;
    parent->count++;
}

void node_unlink(struct node *j)
{
    struct node *parent = j->parent, *previous = NULL;

    for (struct node *k = parent->first; k != j; k = k->next)
        previous = k;
    if (previous != NULL)
        previous->next = j->next;
    else
        parent->first = j->next;
    if (parent->last == j)
        parent->last = previous;
    parent->count--;
    j->parent = j->next = NULL;
}

struct node *node_member_named(const struct node *object, struct mpx_str name)
{
    if (object == NULL || object->kind != NODE_OBJECT)
        return NULL;
    for (struct node *j = object->first; j != NULL; j = j->next)
        if (str_eq(j->key, name))
            return j;
    return NULL;
}

static int by_key(const void *a, const void *b)
{
    const struct node *x = *(const struct node *const *)a, *y = *(const struct node *const *)b;
    size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
    int order = n > 0 ? memcmp(x->key.p, y->key.p, n) : 0;

    if (order == 0)
        order = (x->key.n > y->key.n) - (x->key.n < y->key.n);
    return order != 0 ? order : (x->at.off > y->at.off) - (x->at.off < y->at.off);
}

void node_index_init(struct node_index *ix, const struct node *object)
{
    size_t n = 0;

    *ix = (struct node_index){ .object = object };
    if (object == NULL || object->kind != NODE_OBJECT || object->count <= SEARCHED_MAX)
        return;
    ix->sorted = must_alloc(object->count * sizeof(struct node *));
    for (const struct node *m = object->first; m != NULL; m = m->next)
        ix->sorted[n++] = m;
    qsort(ix->sorted, n, sizeof(struct node *), by_key);
}

void node_index_finish(struct node_index *ix)
{
    free(ix->sorted);
    ix->sorted = NULL;
}

struct node *node_index_find(const struct node_index *ix, struct mpx_str name)
{
    const struct node key = { .key = name, .at.off = 0 };
    size_t low = 0, high = ix->sorted != NULL ? ix->object->count : 0;
    const struct node *wanted = &key;

    if (ix->sorted == NULL)
        return node_member_named(ix->object, name);
    while (low < high) { /* the first that does not stand before it */
        size_t middle = low + (high - low) / 2;

        if (by_key(&ix->sorted[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == ix->object->count || !str_eq(ix->sorted[low]->key, name))
        return NULL;
    return (struct node *)(uintptr_t)ix->sorted[low];
}

struct node *node_member(const struct node *object, const char *name)
{
    return node_member_named(object, str_of(name));
}

const char *node_kind_name(const struct node *j)
{
    switch (j->kind) {
    case NODE_NULL:
        return "null";
    case NODE_BOOL:
        return j->boolean ? "true" : "false";
    case NODE_INT:
    case NODE_REAL:
        return "a number";
    case NODE_STRING:
        return "a string";
    case NODE_ARRAY:
        return "a list";
    case NODE_OBJECT:
        return "an object";
    }
    return "";
}

static struct node *copy_alone(struct mpx_arena *a, const struct node *j)
{
    struct node *copy = arena_take(a, sizeof(*copy));

    *copy = *j;
    copy->parent = copy->next = copy->first = copy->last = NULL;
    copy->count = 0;
    return copy;
}

struct node *node_copy(struct mpx_arena *a, const struct node *j)
{
    struct node *copy = copy_alone(a, j);

    for (const struct node *k = j->first; k != NULL; k = k->next)
        node_append(copy, node_copy(a, k), k->key);
    return copy;
}

struct node *node_merge(struct mpx_arena *a, const struct node *under, const struct node *over)
{
    if (over == NULL)
        return under != NULL ? node_copy(a, under) : NULL;
    if (over->kind == NODE_NULL)
        return NULL;
    if (over->kind != NODE_OBJECT)
        return node_copy(a, over);
    struct node *merged = copy_alone(a, over);
    struct node_index in_over, in_under;
    node_index_init(&in_over, over);
    node_index_init(&in_under, under);
    for (const struct node *u = under != NULL && under->kind == NODE_OBJECT ? under->first : NULL;
         u != NULL; u = u->next) {
        struct node *m = node_merge(a, u, node_index_find(&in_over, u->key));

        if (m != NULL)
            node_append(merged, m, u->key);
    }
    for (const struct node *o = over->first; o != NULL; o = o->next) {
        if (node_index_find(&in_under, o->key) != NULL)
            continue;
        struct node *m = node_merge(a, NULL, o);
        if (m != NULL)
            node_append(merged, m, o->key);
    }
    node_index_finish(&in_over);
    node_index_finish(&in_under);
    return merged;
}

void node_write(const struct node *j, struct buffer *out)
{
    char close = j->kind == NODE_ARRAY ? ']' : '}';

    switch (j->kind) {
    case NODE_NULL:
        (void)buffer_add(out, MPX_STR("null"));
        return;
    case NODE_BOOL:
        (void)buffer_add(out, j->boolean ? MPX_STR("true") : MPX_STR("false"));
        return;
    case NODE_INT:
        (void)buffer_printf(out, "%lld", (long long)j->integer);
        return;
    case NODE_REAL:
        (void)buffer_printf(out, "%.17g", j->real);
        return;
    case NODE_STRING:
        (void)buffer_add_char(out, '"');
        (void)buffer_add_json(out, j->string);
        (void)buffer_add_char(out, '"');
        return;
    case NODE_ARRAY:
    case NODE_OBJECT:
        break;
    }
    (void)buffer_add_char(out, j->kind == NODE_ARRAY ? '[' : '{');
    for (const struct node *k = j->first; k != NULL; k = k->next) {
        if (k != j->first)
            (void)buffer_add_char(out, ',');
        if (j->kind == NODE_OBJECT) {
            (void)buffer_add_char(out, '"');
            (void)buffer_add_json(out, k->key);
            (void)buffer_add(out, MPX_STR("\":"));
        }
        node_write(k, out);
    }
    (void)buffer_add_char(out, close);
}

static unsigned index_of(const struct node *j)
{
    unsigned behind = 0; /* counted from j on, which may stand in for the element in the list */

    for (const struct node *k = j->next; k != NULL; k = k->next)
        behind++;
    return j->parent->count - 1 - behind;
}

static void add_pointer(struct buffer *b, const struct node *j)
{
    if (j->parent == NULL)
        return;
    add_pointer(b, j->parent);
    if (j->parent->kind == NODE_ARRAY) {
        (void)buffer_printf(b, "/%u", index_of(j));
        return;
    }
    (void)buffer_add_char(b, '/');
    for (size_t i = 0; i < j->key.n; i++) {
        char c = j->key.p[i];

        if (c == '~' || c == '/')
            (void)buffer_add(b, c == '~' ? MPX_STR("~0") : MPX_STR("~1"));
        else
            (void)buffer_add_char(b, c);
    }
}

const char *node_pointer(struct mpx_arena *a, const struct node *j)
{
    struct buffer b;

    buffer_init(&b, 4096);
    add_pointer(&b, j);
    const char *text = arena_copyz(a, buffer_str(&b));
    buffer_finish(&b);
    return text;
}
