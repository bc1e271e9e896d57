/* SPDX-License-Identifier: MIT */
#include "greeting.h"

#include "listener.h"
#include "log.h"
#include "must.h"
#include "proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct mpx_conn *c, const char *why)
{
    char text[ADDRESS_TEXT];

    log_info("closed a connection of %s: %s", address_write(&c->peer, text), why);
    conn_close(c, false);
}

/* The header is read; the rest is the business of the listener's protocol. */
static void go_on(struct mpx_conn *c)
{
    free(c->session);
    c->session = NULL;
    c->protocol = c->listener->protocol;
    if (listener_admit(c))
        c->protocol->drive(c);
}

/* It did not come whole: what there is of it waits for the rest. */
static void keep(struct mpx_conn *c, const struct proxy *p)
{
    if (c->session == NULL && p->n > 0) {
        c->session = must_alloc(sizeof(*p));
        memcpy(c->session, p, sizeof(*p));
    }
}

/* Who sends nothing at all is not worth a word: load balancers look whether somebody listens. */
static void end_early(struct mpx_conn *c, bool has_begun, bool reset)
{
    if (has_begun)
        refuse(c, "its PROXY header does not end");
    else
        conn_close(c, reset);
}

static void tell(struct mpx_conn *c, const union address *client)
{
    c->told = must_alloc(sizeof(*client));
    *c->told = *client;
}

/* Looks at bytes first and receives those that belong to the header: not one behind it. False when
   there is no more to do now. */
static bool step(struct mpx_conn *c, struct proxy *p)
{
    char bytes[PROXY_MAX];
    union address client;
    size_t used;
    ssize_t n = c->transport->peek(c, bytes, sizeof(bytes));

    if (n < 0 && errno == EAGAIN) {
        c->readable = false;
        keep(c, p);
        return false;
    }
    if (n <= 0) {
        end_early(c, p->n > 0, n < 0);
        return false;
    }
    enum proxy_rc rc = proxy_read(p, (struct mpx_str){ bytes, (size_t)n }, &used, &client);
    if (rc == PROXY_BAD || c->transport->recv(c, bytes, used) != (ssize_t)used) {
        refuse(c, p->n <= 12 ? "it does not begin with a PROXY header"
                             : "its PROXY header breaks the rules");
        return false;
    }
    if (rc == PROXY_MORE)
        return true;
    if (rc == PROXY_TOLD)
        tell(c, &client);
    go_on(c);
    return false;
}

static void drive(struct mpx_conn *c)
{
    struct proxy fresh, *p = c->session;

    if (p == NULL) {
        memset(&fresh, 0, sizeof(fresh));
        p = &fresh;
    }
    while (step(c, p))
        ;
}

static void timeout(struct mpx_conn *c, enum conn_timer timer)
{
    (void)timer;
    end_early(c, c->session != NULL, false);
}

static void finish(struct mpx_conn *c)
{
    free(c->session);
}

static const struct protocol greeting = { .drive = drive, .timeout = timeout, .finish = finish };

void greeting_start(struct mpx_conn *c)
{
    c->protocol = &greeting;
    if (!cidr_table_has(&c->settings->trusted, &c->peer))
        refuse(c, "\"trust\" does not name it");
}
