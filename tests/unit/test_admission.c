/* SPDX-License-Identifier: MIT
   "satisfy": two modules say of a request what its fields First and Second tell them to. */
#include "admission.h"

#include "loopback.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static enum mpx_rc refuse(struct mpx_req *r, struct mpx_str word, const char *name)
{
    int status = (int)strtol(word.p, NULL, 10);

    if (status == 302)
        return mpx_res_redirect(r, 302, MPX_STR("/login"));
    if (word.n == 3)
        return mpx_res_error(r, status);
    mpx_res_status(r, status); /* "403 and more": with a body, of all kinds of memory */
    mpx_res_header(r, "From", str_of(name));
    mpx_res_write(r, str_of(name));
    struct mpx_blob *b = mpx_blob_make(MPX_STR(" says no"));
    mpx_res_blob(r, b);
    mpx_blob_drop(b);
    if (str_is(str_from(word, 4), "flushed"))
        mpx_res_flush(r);
    return mpx_res_end(r);
}

static enum mpx_rc say(struct mpx_req *r, const char *field, const char *name)
{
    struct mpx_str word = MPX_STR("");

    (void)mpx_req_header(r, field, &word);
    if (str_is(word, "grant"))
        return MPX_GRANT;
    if (str_is(word, "fail"))
        return MPX_FAIL;
    if (str_is(word, "restart") && str_is(mpx_req_path(r), "/"))
        return mpx_req_rewrite(r, MPX_STR("/again"), MPX_STR("")) < 0 ? MPX_FAIL : MPX_RESTART;
    return word.n >= 3 && word.p[0] <= '9' ? refuse(r, word, name) : MPX_NEXT;
}

static enum mpx_rc say_late(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    return say(r, "Second", "two");
}

static enum mpx_rc first(struct mpx_req *r, const void *conf)
{
    (void)conf;
    if (str_is(mpx_req_path(r), "/again"))
        return MPX_NEXT;
    return say(r, "First", "one");
}

static enum mpx_rc second(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_sleep(r, 1, say_late, NULL);
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    (void)conf;
    mpx_res_write(r, MPX_STR("inside"));
    return mpx_res_end(r);
}

static const struct mpx_module one = { MPX_HEADER(one, "1"), .on[MPX_PH_ACCESS] = first };
static const struct mpx_module two = {
    MPX_HEADER(two, "1"), .on = { [MPX_PH_ACCESS] = second, [MPX_PH_CONTENT] = content }
};
static const struct mpx_module *const both[] = { &one, &two, NULL };

static struct loopback *site(const char *satisfy)
{
    char config[256];

    (void)snprintf(config, sizeof(config),
                   "{\"vhosts\":{\"modules\":[\"one\",\"two\"],\"satisfy\":\"%s\"}}", satisfy);
    struct loopback *lb = loopback_create_with(config, both);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

static void begin(struct loopback *lb, struct loopback_req *q, const char *a, const char *b)
{
    char head[256];

    *q = (struct loopback_req){ .lb = lb };
    (void)snprintf(head, sizeof(head),
                   "GET / HTTP/1.1\r\nHost: localhost\r\nFirst: %s\r\nSecond: %s\r\n\r\n", a, b);
    loopback_send(lb, q, head, NULL);
}

struct expected {
    const char *first, *second;
    int status;
    const char *body; /* what it holds; NULL: anything */
};

static void check_all(const char *satisfy, const struct expected *cases)
{
    struct loopback *lb = site(satisfy);

    for (const struct expected *c = cases; c->first != NULL; c++) {
        struct loopback_req q;

        begin(lb, &q, c->first, c->second);
        ck_assert(loopback_wait(&q));
        ck_assert_msg(q.status == c->status, "%s, %s: %d", c->first, c->second, q.status);
        if (c->body != NULL)
            ck_assert_view_eq(buffer_str(&q.answer), c->body);
        loopback_end(&q);
    }
    loopback_destroy(lb);
}

START_TEST(all_of_them_must_not_refuse)
{
    static const struct expected cases[] = {
        { "-", "-", 200, "inside" },   { "grant", "-", 200, "inside" },
        { "grant", "403", 403, NULL }, { "401 and more", "grant", 401, "one says no" },
        { "403", "401", 403, NULL },   { NULL, NULL, 0, NULL },
    };

    check_all("all", cases);
}
END_TEST

START_TEST(one_that_grants_is_enough)
{
    static const struct expected cases[] = {
        { "-", "-", 200, "inside" },
        { "grant", "-", 200, "inside" },
        { "grant", "403", 200, "inside" },
        { "grant", "401 and more", 200, "inside" },
        { "403 and more", "grant", 200, "inside" },
        { "302", "grant", 200, "inside" },
        { "404", "grant", 200, "inside" },
        { NULL, NULL, 0, NULL },
    };

    check_all("any", cases);
}
END_TEST

START_TEST(without_a_grant_the_refusal_that_says_how_to_come_in_is_sent)
{
    static const struct expected cases[] = {
        { "403 and more", "-", 403, "one says no" },
        { "-", "403 and more", 403, "two says no" },
        { "403 and more", "403 by two", 403, "one says no" },
        { "403 and more", "401 and more", 401, "two says no" },
        { "401 and more", "401 by two", 401, "one says no" },
        { "302", "403", 302, NULL },
        { NULL, NULL, 0, NULL },
    };

    check_all("any", cases);
}
END_TEST

START_TEST(what_is_about_something_else_stands)
{
    static const struct expected cases[] = {
        { "429", "grant", 429, NULL },
        { "grant", "503", 503, NULL },
        { "200 and more", "grant", 200, "one says no" },
        { "grant", "fail", 500, NULL },
        { "403", "fail", 500, NULL },
        { NULL, NULL, 0, NULL },
    };

    check_all("any", cases);
}
END_TEST

START_TEST(a_restart_begins_anew)
{
    static const struct expected cases[] = {
        { "grant", "restart", 200, "inside" },
        { "403", "restart", 200, "inside" }, /* "one" has nothing against /again */
        { NULL, NULL, 0, NULL },
    };

    check_all("any", cases);
}
END_TEST

START_TEST(a_refusal_is_whole_when_it_was_put_aside)
{
    struct loopback *lb = site("any");
    struct loopback_req q;

    begin(lb, &q, "403 and more", "-");
    ck_assert(loopback_wait(&q));
    ck_assert(loopback_has_field(&q, "From: one"));
    ck_assert_view_eq(buffer_str(&q.answer), "one says no");
    loopback_end(&q);
    begin(lb, &q, "403 and more", "grant");
    ck_assert(loopback_wait(&q));
    ck_assert(!loopback_has_field(&q, "From: one"));
    ck_assert_view_eq(buffer_str(&q.answer), "inside");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

/* The sanitizer looks for what is left of it. */
START_TEST(a_client_that_leaves_takes_the_refusal_with_it)
{
    struct loopback *lb = site("any");
    struct loopback_req q;

    begin(lb, &q, "403 and more", "-");
    ck_assert(!q.done);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_admission(void)
{
    static const TTest **const tests[] = {
        &all_of_them_must_not_refuse,
        &one_that_grants_is_enough,
        &without_a_grant_the_refusal_that_says_how_to_come_in_is_sent,
        &what_is_about_something_else_stands,
        &a_restart_begins_anew,
        &a_refusal_is_whole_when_it_was_put_aside,
        &a_client_that_leaves_takes_the_refusal_with_it,
        NULL
    };

    return unit_suite("admission", tests);
}
