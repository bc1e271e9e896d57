/* SPDX-License-Identifier: MIT
   The pages that core makes, on a request that a hook has suspended. */
#include "page_text.h"

#include "loopback.h"
#include "method.h"
#include "unit.h"

#include <stdio.h>

static struct loopback *lb;
static struct loopback_req q;

/* A request with these field lines, each with its CRLF. */
static struct mpx_req *begin(const char *lines)
{
    char head[512];

    lb = loopback_create("{\"vhosts\":{\"modules\":[\"probe\"]}}");
    ck_assert_ptr_nonnull(lb);
    q = (struct loopback_req){ .lb = lb };
    (void)snprintf(head, sizeof(head), "GET /sleep-long HTTP/1.1\r\nHost: a\r\n%s\r\n", lines);
    loopback_send(lb, &q, head, NULL);
    ck_assert(q.r->suspended);
    return q.r;
}

static void end(void)
{
    loopback_end(&q);
    loopback_destroy(lb);
}

/* "Name: value" lines joined by " | ". */
static const char *fields(void)
{
    const struct res *res = &q.r->res;
    static char text[1024];
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < res->count; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s: %.*s", i > 0 ? " | " : "",
                              STR_ARGS(res->fields[i].key), STR_ARGS(res->fields[i].value));
    return text;
}

static struct mpx_str body(void)
{
    const struct piece *p = q.r->res.queue.first;

    ck_assert(p != NULL && p->next == NULL);
    return (struct mpx_str){ p->p, p->n };
}

static void set(const char *name, const char *value)
{
    ck_assert_int_eq(res_add(q.r, str_of(name), str_of(value)), 0);
}

START_TEST(an_error_is_made_when_it_is_due)
{
    struct mpx_req *r = begin("Accept: text/plain\r\n");

    page_text_error(r, 404);
    ck_assert(r->res.page_due && r->res.ended);
    ck_assert_int_eq(r->res.status, 404);
    ck_assert_ptr_null(r->res.queue.first);
    ck_assert_str_eq(fields(), "");
    page_text_fill(r);
    ck_assert(!r->res.page_due && r->res.ended);
    ck_assert_str_eq(fields(), "Vary: Accept | Content-Type: text/plain; charset=utf-8");
    ck_assert_view_eq(body(), "404 Not Found\n");
    ck_assert_uint_eq(r->res.written, 14);
    end();
}
END_TEST

START_TEST(html_is_whole)
{
    struct mpx_req *r = begin("");

    page_text_error(r, 599);
    page_text_fill(r);
    ck_assert_view_eq(body(), "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                              "<meta name=\"viewport\" content=\"width=device-width\">\n"
                              "<meta name=\"color-scheme\" content=\"light dark\">\n"
                              "<title>599 Unknown</title>\n<h1>599 Unknown</h1>\n");
    ck_assert_str_eq(fields(), "Vary: Accept | Content-Type: text/html; charset=utf-8");
    end();
}
END_TEST

START_TEST(what_spoke_of_the_old_body_goes_and_the_rest_stays)
{
    struct mpx_req *r = begin("");

    set("Content-Type", "a/b");
    set("etag", "\"x\"");
    set("Last-Modified", "then");
    set("Content-Encoding", "br");
    set("Content-Language", "en");
    set("Content-Range", "bytes 0-1/2");
    set("Content-Location", "/x");
    set("Content-Disposition", "attachment");
    set("Accept-Ranges", "bytes");
    set("Content-Digest", "x");
    set("Repr-Digest", "x");
    set("Set-Cookie", "a=1");
    set("Set-Cookie", "b=2");
    set("Cache-Control", "no-store");
    set("Content-Security-Policy", "default-src 'none'");
    r->res.declared = 5;
    ck_assert_int_eq(res_write(r, MPX_STR("old")), 0);
    page_text_error(r, 500);
    ck_assert_str_eq(fields(), "Set-Cookie: a=1 | Set-Cookie: b=2 | Cache-Control: no-store | "
                               "Content-Security-Policy: default-src 'none'");
    ck_assert_ptr_null(r->res.queue.first);
    ck_assert_int_eq((int)r->res.declared, -1);
    end();
}
END_TEST

START_TEST(the_lifetime_and_place_of_a_success_go_with_it)
{
    struct mpx_req *r = begin("");

    set("Cache-Control", "max-age=60");
    set("Expires", "later");
    set("Location", "/x");
    set("X", "y");
    r->res.ended = true;
    page_text_error(r, 412);
    ck_assert_str_eq(fields(), "X: y");
    end();
}
END_TEST

START_TEST(caches_are_told_once)
{
    static const char *const cases[][2] = {
        { "Cookie", "Vary: Cookie | Vary: Accept" },
        { "Accept-Encoding", "Vary: Accept-Encoding | Vary: Accept" },
        { "Cookie, accept", "Vary: Cookie, accept" },
        { "*", "Vary: *" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char wanted[256];
        struct mpx_req *r = begin("Accept: application/json\r\n");

        set("Vary", cases[i][0]);
        page_text_error(r, 404);
        page_text_fill(r);
        (void)snprintf(wanted, sizeof(wanted), "%s | Content-Type: application/json", cases[i][1]);
        ck_assert_str_eq(fields(), wanted);
        end();
    }
}
END_TEST

START_TEST(an_unread_head_has_no_choice)
{
    struct mpx_req *r = begin("Accept: application/json\r\n");

    r->is_read = false;
    page_text_error(r, 400);
    page_text_fill(r);
    ck_assert_str_eq(fields(), "Content-Type: text/html; charset=utf-8");
    end();
}
END_TEST

START_TEST(when_to_come_again_is_said_where_nobody_did)
{
    struct mpx_req *r = begin("");

    page_text_error(r, 503);
    ck_assert_str_eq(fields(), "Retry-After: 1");
    page_text_error(r, 503);
    ck_assert_str_eq(fields(), "Retry-After: 1");
    (void)res_set(r, MPX_STR("retry-after"), MPX_STR("9"));
    page_text_error(r, 503);
    ck_assert_str_eq(fields(), "retry-after: 9");
    end();
}
END_TEST

START_TEST(a_redirect_is_escaped_in_each_form)
{
    static const struct {
        const char *accept, *has;
    } cases[] = {
        { "", "<p><a href=\"/&lt;&gt;&amp;&quot;&#39;\\\">/&lt;&gt;&amp;&quot;&#39;\\</a>\n" },
        { "Accept: application/json\r\n", ",\"location\":\"/<>&\\\"'\\\\\"}\n" },
        { "Accept: text/plain\r\n", "302 Found\n/<>&\"'\\\n" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mpx_req *r = begin(cases[i].accept);

        page_text_redirect(r, 302, MPX_STR("/<>&\"'\\"));
        ck_assert(r->res.ended && !r->res.page_due);
        ck_assert_msg(memmem(body().p, body().n, cases[i].has, strlen(cases[i].has)) != NULL,
                      "%.*s", STR_ARGS(body()));
        ck_assert_ptr_nonnull(strstr(fields(), "Location: /<>&\"'\\ | Vary: Accept"));
        end();
    }
}
END_TEST

START_TEST(a_location_that_grows_in_the_page_is_whole)
{
    static char location[20001];
    struct mpx_req *r = begin("");

    memset(location, '"', sizeof(location) - 1);
    location[0] = '/';
    page_text_redirect(r, 301, str_of(location));
    ck_assert_uint_gt(body().n, (size_t)2 * 6 * (sizeof(location) - 2));
    ck_assert_int_eq(memcmp(body().p + body().n - 5, "</a>\n", 5), 0);
    end();
}
END_TEST

START_TEST(methods_are_told_with_options)
{
    struct mpx_req *r = begin("");

    page_text_not_allowed(r, METHOD_GET | METHOD_HEAD);
    ck_assert_int_eq(r->res.status, 405);
    ck_assert_str_eq(fields(), "Allow: GET, HEAD, OPTIONS");
    page_text_options(r, 0);
    ck_assert_int_eq(r->res.status, 204);
    ck_assert(r->res.ended && !r->res.page_due);
    ck_assert_str_eq(fields(), "Allow: OPTIONS");
    end();
}
END_TEST

Suite *suite_page_text(void)
{
    static const TTest **const tests[] = {
        &an_error_is_made_when_it_is_due,
        &html_is_whole,
        &what_spoke_of_the_old_body_goes_and_the_rest_stays,
        &the_lifetime_and_place_of_a_success_go_with_it,
        &caches_are_told_once,
        &an_unread_head_has_no_choice,
        &when_to_come_again_is_said_where_nobody_did,
        &a_redirect_is_escaped_in_each_form,
        &a_location_that_grows_in_the_page_is_whole,
        &methods_are_told_with_options,
        NULL,
    };

    return unit_suite("page_text", tests);
}
