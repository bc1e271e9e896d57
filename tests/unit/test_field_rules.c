/* SPDX-License-Identifier: MIT
   What the key "headers" does to a response. */
#include "field_rules.h"

#include "loopback.h"
#include "unit.h"

#include <stdio.h>

/* The fields of the answer to GET path. */
static const char *fields_of(struct loopback *lb, const char *path)
{
    static char text[4096];
    char head[512];
    struct loopback_req q = { .lb = lb };

    ck_assert_ptr_nonnull(lb);
    (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n",
                   path);
    loopback_forget_log(lb);
    loopback_send(lb, &q, head, NULL);
    ck_assert(loopback_wait(&q));
    (void)snprintf(text, sizeof(text), "%s", q.fields);
    loopback_end(&q);
    return text;
}

START_TEST(rules_are_carried_out_in_their_order)
{
    struct loopback *lb = loopback_create(
        "{\"vhosts\":{\"modules\":[\"refuse\"],\"headers\":{\"set\":{\"x-why\":[\"1\",\"2\"],"
        "\"New\":\"n\"},\"add\":{\"Cache-Control\":[\"a\",\"b\"]},"
        "\"remove\":[\"ETAG\",\"Nothing\"]}}}");

    ck_assert_str_eq(fields_of(lb, "/tagged"),
                     "Cache-Control: max-age=60\nContent-Type: text/plain\nAccept-Ranges: bytes\n"
                     "x-why: 1\nx-why: 2\n"
                     "New: n\nCache-Control: a\nCache-Control: b\n");
    loopback_destroy(lb);
}
END_TEST

START_TEST(they_come_behind_response_hooks_and_the_standard_page)
{
    struct loopback *lb = loopback_create(
        "{\"vhosts\":{\"modules\":[\"refuse\"],\"refuse\":{\"tell\":true},"
        "\"headers\":{\"set\":{\"X-Method\":\"mine\"},\"remove\":[\"X-Path\",\"Vary\"]}}}");

    ck_assert_str_eq(fields_of(lb, "/nowhere"),
                     "Content-Type: text/plain; charset=utf-8\nX-Method: mine\n");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_value_that_no_field_may_hold_is_never_sent)
{
    struct loopback *lb = loopback_create(
        "{\"vhosts\":{\"modules\":[\"refuse\"],\"headers\":{\"set\":{\"X-Path\":\"<$path>\","
        "\"X-Why\":\"$refuse.split\",\"X-Status\":\"$status\"},\"add\":{\"ETag\":\"$path\"}}}}");

    for (int c = 1; c < 0x100; c++) {
        bool may = c == '\t' || (c >= 0x20 && c != 0x7f);
        char path[16], wanted[16];

        if (c == '/' || c == '\\')
            continue;
        (void)snprintf(path, sizeof(path), "/a%%%02xb", (unsigned)c);
        (void)snprintf(wanted, sizeof(wanted), "</a%cb>\n", (char)c);
        const char *fields = fields_of(lb, path);
        const char *at = strstr(fields, "X-Path: ");
        ck_assert_msg((at != NULL) == may, "%s: %s", path, fields);
        ck_assert_msg(at == NULL || strncmp(at + 8, wanted, strlen(wanted)) == 0, "%s", fields);
        ck_assert_msg(strstr(fields, "X-Injected") == NULL, "%s", fields);
        ck_assert_msg(strstr(fields, "X-Status: 404\n") != NULL, "%s", fields);
        ck_assert_ptr_nonnull(strstr(loopback_log(lb), "\"X-Why\" is not sent"));
    }
    ck_assert_ptr_null(strstr(fields_of(lb, "/tagged"), "X-Why")); /* and the module's is gone */
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_value_that_is_too_long_is_not_sent)
{
    static char config[4096];
    size_t n = (size_t)snprintf(
        config, sizeof(config),
        "{\"vhosts\":{\"modules\":[\"refuse\"],\"headers\":{\"X-B\":\"b\",\"X-A\":\"");

    for (int i = 0; i < 200; i++) /* 200 times a path of 400 bytes */
        n += (size_t)snprintf(config + n, sizeof(config) - n, "$path ");
    (void)snprintf(config + n, sizeof(config) - n, "\"}}}");
    struct loopback *lb = loopback_create(config);
    char path[401];
    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    ck_assert_ptr_null(strstr(fields_of(lb, path), "X-A"));
    ck_assert_ptr_nonnull(strstr(fields_of(lb, path), "X-B: b"));
    ck_assert_ptr_nonnull(strstr(fields_of(lb, "/y"), "X-A: /y /y"));
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_value_without_variables_is_the_configurations_own)
{
    struct loopback *lb =
        loopback_create("{\"vhosts\":{\"modules\":[\"probe\"],\"headers\":{\"X-A\":\"a\"}}}");
    struct loopback_req q = { .lb = lb };

    ck_assert_ptr_nonnull(lb);
    loopback_send(lb, &q, "GET /sleep-long HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    const struct field_rules *rules = &q.r->vhost->fields;
    field_rules_apply(q.r);
    ck_assert_uint_eq(q.r->res.count, 1);
    ck_assert_ptr_eq(q.r->res.fields[0].key.p, rules->list[0].name.p);
    ck_assert_ptr_eq(q.r->res.fields[0].value.p, rules->list[0].value.p);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

static uint64_t at_work;

static int spy(struct mpx_req *r, struct mpx_str word, struct mpx_str *value)
{
    (void)word;
    at_work = blame_get(r->w->blame);
    *value = MPX_STR("seen");
    return 0;
}

START_TEST(a_module_that_gives_a_variable_is_the_one_at_work)
{
    static const struct mpx_variable variables[] = { { "spy", spy }, { NULL, NULL } };
    static const struct mpx_module d = { MPX_HEADER(eye, "1"), .variables = variables };
    const struct mpx_module *const built_in[] = { &d, NULL };
    struct loopback *lb = loopback_create_with(
        "{\"vhosts\":{\"modules\":[\"eye\",\"refuse\"],\"headers\":{\"X-A\":\"$spy\"}}}", built_in);

    ck_assert_ptr_nonnull(lb);
    struct worker *w = loopback_worker(lb);
    ck_assert_ptr_nonnull(strstr(fields_of(lb, "/tagged"), "X-A: seen\n"));
    ck_assert_uint_eq(blame_kind_of(at_work), BLAME_CALLBACK);
    ck_assert_uint_eq(blame_get(w->blame), 0);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_field_rules(void)
{
    static const TTest **const tests[] = {
        &rules_are_carried_out_in_their_order,
        &they_come_behind_response_hooks_and_the_standard_page,
        &a_value_that_no_field_may_hold_is_never_sent,
        &a_value_that_is_too_long_is_not_sent,
        &a_value_without_variables_is_the_configurations_own,
        &a_module_that_gives_a_variable_is_the_one_at_work,
        NULL,
    };

    return unit_suite("field_rules", tests);
}
