/* SPDX-License-Identifier: MIT */
#include "page_text.h"

#include "accept.h"
#include "method.h"
#include "str.h"

enum form { FORM_HTML, FORM_JSON, FORM_TEXT };
enum { FORMS = FORM_TEXT + 1 };

static const struct mpx_str types[FORMS] = {
    [FORM_HTML] = { "text/html", 9 },
    [FORM_JSON] = { "application/json", 16 },
    [FORM_TEXT] = { "text/plain", 10 },
};
static const struct mpx_str content_types[FORMS] = {
    [FORM_HTML] = { "text/html; charset=utf-8", 24 },
    [FORM_JSON] = { "application/json", 16 },
    [FORM_TEXT] = { "text/plain; charset=utf-8", 25 },
};

#define HTML_TOP                                                      \
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n" \
    "<meta name=\"viewport\" content=\"width=device-width\">\n"       \
    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>"

static void drop_fields(struct mpx_req *r, const struct mpx_str *names, size_t count)
{
    for (size_t i = 0; i < count && r->res.count > 0; i++)
        res_remove(r, names[i]);
}

/* What described a body that is not sent, and what held for a success that is none. */
static void drop_body(struct mpx_req *r, int status)
{
    static const struct mpx_str of_body[] = {
        { "Content-Type", 12 },        { "ETag", 4 },
        { "Last-Modified", 13 },       { "Content-Encoding", 16 },
        { "Content-Length", 14 },      { "Content-Language", 16 },
        { "Content-Range", 13 },       { "Accept-Ranges", 13 },
        { "Content-Disposition", 19 }, { "Content-Location", 16 },
        { "Content-Digest", 14 },      { "Repr-Digest", 11 },
    };
    static const struct mpx_str of_success[] = { { "Cache-Control", 13 },
                                                 { "Expires", 7 },
                                                 { "Location", 8 } };
    bool was_success = r->res.ended && r->res.status < 400;

    drop_fields(r, of_body, sizeof(of_body) / sizeof(of_body[0]));
    if (was_success)
        drop_fields(r, of_success, sizeof(of_success) / sizeof(of_success[0]));
    struct mpx_pair *kept = r->res.fields;
    size_t count = r->res.count, room = r->res.room;
    res_reset(r, status);
    r->res.fields = kept;
    r->res.count = count;
    r->res.room = room;
}

/* The answer depends on Accept: caches are told, once (RFC 9110 12.5.5). */
static void vary(struct mpx_req *r)
{
    for (size_t i = 0; i < r->res.count; i++) {
        struct mpx_str list = r->res.fields[i].value, item;

        if (!str_same_word(r->res.fields[i].key, MPX_STR("Vary")))
            continue;
        while (str_next_item(&list, &item))
            if (str_is(item, "*") || str_same_word(item, MPX_STR("Accept")))
                return;
    }
    res_add_own(r, MPX_STR("Vary"), MPX_STR("Accept"));
}

/* HTML, and no word about a choice, where the head could not be read. */
static enum form choose_form(struct mpx_req *r)
{
    struct mpx_str accept;

    if (!r->is_read)
        return FORM_HTML;
    vary(r);
    if (!req_header(r, MPX_STR("Accept"), &accept))
        return FORM_HTML;
    return (enum form)accept_choose(accept, types, FORMS);
}

/* The body is the parts, one behind the other. */
static void send_parts(struct mpx_req *r, enum form form, const struct mpx_str *parts, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += parts[i].n;
    char *text = arena_take(&r->arena, n), *at = text;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n > 0)
            memcpy(at, parts[i].p, parts[i].n);
        at += parts[i].n;
    }
    res_set_own(r, MPX_STR("Content-Type"), content_types[form]);
    res_bytes(r, (struct mpx_str){ text, n });
    r->res.ended = true;
}
#define SEND_PARTS(r, form, ...)                                     \
    send_parts((r), (form), (const struct mpx_str[]){ __VA_ARGS__ }, \
               sizeof((const struct mpx_str[]){ __VA_ARGS__ }) / sizeof(struct mpx_str))

/* A status of three digits; lives as long as text does. */
static struct mpx_str number(int status, char text[3])
{
    text[0] = (char)('0' + status / 100 % 10);
    text[1] = (char)('0' + status / 10 % 10);
    text[2] = (char)('0' + status % 10);
    return (struct mpx_str){ text, 3 };
}

void page_text_error(struct mpx_req *r, int status)
{
    struct mpx_str value;

    drop_body(r, status);
    r->res.page_due = r->res.ended = true;
    if (status == 503 && !res_get(r, MPX_STR("Retry-After"), &value))
        res_add_own(r, MPX_STR("Retry-After"), MPX_STR("1"));
}

void page_text_fill(struct mpx_req *r)
{
    char digits[3];

    r->res.page_due = r->res.ended = false;
    struct mpx_str reason = str_of(res_reason(r->res.status)), space = MPX_STR(" ");
    struct mpx_str status = number(r->res.status, digits);
    enum form form = choose_form(r);
    switch (form) {
    case FORM_JSON:
        SEND_PARTS(r, form, MPX_STR("{\"status\":"), status, MPX_STR(",\"reason\":\""), reason,
                   MPX_STR("\"}\n"));
        return;
    case FORM_TEXT:
        SEND_PARTS(r, form, status, space, reason, MPX_STR("\n"));
        return;
    case FORM_HTML:
        SEND_PARTS(r, FORM_HTML, MPX_STR(HTML_TOP), status, space, reason,
                   MPX_STR("</title>\n<h1>"), status, space, reason, MPX_STR("</h1>\n"));
        return;
    }
}

/* Text that cannot do harm in a page of that form. */
static struct mpx_str escape(struct mpx_req *r, struct mpx_str s,
                             int (*add)(struct buffer *b, struct mpx_str s))
{
    struct buffer b;

    buffer_init(&b, 6 * s.n + 1); /* "&quot;" and "\\u0000" are the longest */
    (void)add(&b, s);
    s = arena_copy(&r->arena, buffer_str(&b));
    buffer_finish(&b);
    return s;
}

void page_text_redirect(struct mpx_req *r, int status, struct mpx_str location)
{
    struct mpx_str reason = str_of(res_reason(status)), space = MPX_STR(" "), shown;
    char digits[3];

    drop_body(r, status);
    location = arena_copy(&r->arena, location);
    res_set_own(r, MPX_STR("Location"), location);
    struct mpx_str code = number(status, digits);
    enum form form = choose_form(r);
    switch (form) {
    case FORM_JSON:
        shown = escape(r, location, buffer_add_json);
        SEND_PARTS(r, form, MPX_STR("{\"status\":"), code, MPX_STR(",\"reason\":\""), reason,
                   MPX_STR("\",\"location\":\""), shown, MPX_STR("\"}\n"));
        return;
    case FORM_TEXT:
        SEND_PARTS(r, form, code, space, reason, MPX_STR("\n"), location, MPX_STR("\n"));
        return;
    case FORM_HTML:
        shown = escape(r, location, buffer_add_html);
        SEND_PARTS(r, FORM_HTML, MPX_STR(HTML_TOP), code, space, reason, MPX_STR("</title>\n<h1>"),
                   code, space, reason, MPX_STR("</h1>\n<p><a href=\""), shown, MPX_STR("\">"),
                   shown, MPX_STR("</a>\n"));
        return;
    }
}

static void set_allow(struct mpx_req *r, uint32_t set)
{
    char text[METHOD_TEXT_MAX];
    size_t n = method_text(set | METHOD_OPTIONS, text);

    res_set_own(r, MPX_STR("Allow"), arena_copy(&r->arena, (struct mpx_str){ text, n }));
}

void page_text_not_allowed(struct mpx_req *r, uint32_t set)
{
    page_text_error(r, 405);
    set_allow(r, set);
}

void page_text_no_content(struct mpx_req *r)
{
    drop_body(r, 204);
    r->res.ended = true;
}

void page_text_options(struct mpx_req *r, uint32_t set)
{
    page_text_no_content(r);
    set_allow(r, set);
}

void page_text_welcome(struct mpx_req *r)
{
    drop_body(r, 200);
    SEND_PARTS(r, FORM_HTML,
               MPX_STR(HTML_TOP
                       "multiplexd is running</title>\n<h1>multiplexd is running</h1>\n"
                       "<p>No virtual host is configured yet. The smallest configuration that "
                       "serves a folder:\n"
                       "<pre>{ \"vhosts\": { \"documents\": \"/srv/www\" } }</pre>\n"
                       "<p>It is read with <code>multiplexd -c FILE</code>; "
                       "<code>multiplexd --test -c FILE</code> tells what is wrong with it.\n"));
}
