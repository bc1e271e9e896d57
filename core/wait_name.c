/* SPDX-License-Identifier: MIT
   The wait of wait.h for a client's name. */
#include "client.h"
#include "str.h"
#include "wait.h"

#include <errno.h>

struct wait_name {
    struct resolver_wait from;
    struct mpx_req *r;
};

static void take(struct mpx_req *r, enum resolver_result result, struct mpx_str name)
{
    r->client_name = MPX_STR("");
    switch (result) {
    case RESOLVER_NAME:
        r->client_name = arena_copy(&r->arena, name);
        r->client_name_rc = 0;
        break;
    case RESOLVER_NONE:
        r->client_name_rc = -ENOENT;
        break;
    case RESOLVER_UNSURE:
        r->client_name_rc = -EAGAIN;
        break;
    }
}

static void on_name(struct resolver_wait *w, enum resolver_result result, struct mpx_str name)
{
    struct mpx_req *r = CONTAINER_OF(w, struct wait_name, from)->r;

    worker_update_clock(r->w);
    take(r, result, name);
    r->wait.name = NULL;
    wait_ready(r, WAIT_NAME);
}

/* Whether it is known without the resolver. */
static bool is_clear(struct mpx_req *r, const union address *a)
{
    if (a != NULL && (a->any.sa_family == AF_INET || a->any.sa_family == AF_INET6))
        return r->client_name_rc != -EINPROGRESS;
    r->client_name_rc = -ENOENT;
    return true;
}

enum mpx_rc wait_name(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    const union address *a = client_address(r);
    enum resolver_result result;
    struct mpx_str name;

    if (wait_begin(r, WAIT_NAME, fn, state) == NULL)
        return MPX_FAIL;
    if (is_clear(r, a)) {
        wait_ready(r, WAIT_NAME);
        return MPX_WAIT;
    }
    if (r->name == NULL)
        r->name = arena_zero(&r->arena, sizeof(*r->name));
    *r->name = (struct wait_name){ .from.done = on_name, .r = r };
    if (resolver_ask(r->w->resolver, a, &r->name->from, &result, &name)) {
        take(r, result, name);
        wait_ready(r, WAIT_NAME);
    } else {
        r->wait.name = r->name;
    }
    return MPX_WAIT;
}

void wait_cancel_name(struct mpx_req *r)
{
    resolver_forget(&r->wait.name->from);
}
