/* SPDX-License-Identifier: MIT
   Doubly linked lists through a member of the element: no allocation, O(1) removal. */
#ifndef LIST_H
#define LIST_H
#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *prev, *next; /* both NULL: in no list */
};
struct list {
    struct link head; /* circular; head.next is the first element */
};

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
    l->head.prev = l->head.next = &l->head;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->head.next == &l->head;
}

static inline bool link_is_in_list(const struct link *k)
{
    return k->next != NULL;
}

/* The first element's link, or NULL. */
static inline struct link *list_first(const struct list *l)
{
    return list_is_empty(l) ? NULL : l->head.next;
}

/* The element after k, or NULL. */
static inline struct link *list_next(const struct list *l, const struct link *k)
{
    return k->next == &l->head ? NULL : k->next;
}

static inline void list_push(struct list *l, struct link *k)
{
    k->prev = l->head.prev;
    k->next = &l->head;
    k->prev->next = k;
    l->head.prev = k;
}

static inline void list_push_first(struct list *l, struct link *k)
{
    k->prev = &l->head;
    k->next = l->head.next;
    k->next->prev = k;
    l->head.next = k;
}

/* Harmless when k is in no list. */
static inline void list_remove(struct link *k)
{
    if (k->next == NULL)
        return;
    k->prev->next = k->next;
    k->next->prev = k->prev;
    k->prev = k->next = NULL;
}

/* Removes and returns the first element's link, or NULL. */
static inline struct link *list_pop(struct list *l)
{
    struct link *k = list_first(l);

    if (k != NULL)
        list_remove(k);
    return k;
}

#endif
