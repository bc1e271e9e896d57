/* SPDX-License-Identifier: MIT */
#include "page_text.h"

#include "str.h"

#include <stdio.h>

enum { PAGE_MAX = 16384 };

/* What described a body that is not sent. */
static void drop_body(struct mpx_req *r, int status)
{
    static const struct mpx_str fields[] = {
        { "Content-Length", 14 },   { "Content-Encoding", 16 },
        { "Content-Range", 13 },    { "ETag", 4 },
        { "Last-Modified", 13 },    { "Content-Type", 12 },
        { "Content-Language", 16 },
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        res_remove(r, fields[i]);
    struct mpx_pair *kept = r->res.fields;
    size_t count = r->res.count, room = r->res.room;
    res_reset(r, status);
    r->res.fields = kept;
    r->res.count = count;
    r->res.room = room;
}

static void send_page(struct mpx_req *r, struct buffer *b)
{
    (void)res_set(r, MPX_STR("Content-Type"), MPX_STR("text/html; charset=utf-8"));
    res_bytes(r, arena_copy(&r->arena, buffer_str(b)));
    buffer_finish(b);
    r->res.ended = true;
}

static void open_page(struct buffer *b, const char *title)
{
    buffer_init(b, PAGE_MAX);
    (void)buffer_printf(b,
                        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                        "<meta name=\"viewport\" content=\"width=device-width\">\n"
                        "<meta name=\"color-scheme\" content=\"light dark\">\n"
                        "<title>%s</title>\n<h1>%s</h1>\n",
                        title, title);
}

void page_text_error(struct mpx_req *r, int status)
{
    char title[64];
    struct buffer b;

    drop_body(r, status);
    snprintf(title, sizeof(title), "%d %s", status, res_reason(status));
    open_page(&b, title);
    if (status == 503)
        (void)res_set(r, MPX_STR("Retry-After"), MPX_STR("1"));
    send_page(r, &b);
}

void page_text_redirect(struct mpx_req *r, int status, struct mpx_str location)
{
    char title[64];
    struct buffer b;

    drop_body(r, status);
    (void)res_set(r, MPX_STR("Location"), location);
    snprintf(title, sizeof(title), "%d %s", status, res_reason(status));
    open_page(&b, title);
    (void)buffer_add(&b, MPX_STR("<p><a href=\""));
    (void)buffer_add_html(&b, location);
    (void)buffer_add(&b, MPX_STR("\">"));
    (void)buffer_add_html(&b, location);
    (void)buffer_add(&b, MPX_STR("</a>\n"));
    send_page(r, &b);
}

static void set_allow(struct mpx_req *r, struct mpx_str methods)
{
    (void)res_set(r, MPX_STR("Allow"), arena_printf(&r->arena, "%.*s, OPTIONS", STR_ARGS(methods)));
}

void page_text_not_allowed(struct mpx_req *r, struct mpx_str methods)
{
    page_text_error(r, 405);
    set_allow(r, methods);
}

void page_text_options(struct mpx_req *r, struct mpx_str methods)
{
    drop_body(r, 204);
    set_allow(r, methods);
    r->res.ended = true;
}

void page_text_welcome(struct mpx_req *r)
{
    struct buffer b;

    drop_body(r, 200);
    open_page(&b, "multiplexd is running");
    (void)buffer_add(
        &b, MPX_STR("<p>No virtual host is configured yet. The smallest configuration that "
                    "serves a folder:\n"
                    "<pre>{ \"vhosts\": { \"documents\": \"/srv/www\" } }</pre>\n"
                    "<p>It is read with <code>multiplexd -c FILE</code>; "
                    "<code>multiplexd --test -c FILE</code> tells what is wrong with it.\n"));
    send_page(r, &b);
}
