/* SPDX-License-Identifier: MIT
   Modules in quarantine, in the chains of a generation. */
#include "confine.h"

#include "loopback.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned logged, checked, opened;

static enum mpx_rc next(struct mpx_req *r, const void *conf)
{
    (void)r;
    (void)conf;
    return MPX_NEXT;
}

static enum mpx_rc admit(struct mpx_req *r, const void *conf)
{
    (void)r;
    (void)conf;
    return MPX_GRANT;
}

static enum mpx_rc serve(struct mpx_req *r, const void *conf)
{
    (void)conf;
    (void)mpx_res_write(r, MPX_STR("served"));
    return mpx_res_end(r);
}

static enum mpx_rc log_it(struct mpx_req *r, const void *conf)
{
    (void)r;
    (void)conf;
    logged++;
    return MPX_NEXT;
}

static int check_it(struct mpx_conf *c, void *conf)
{
    (void)c;
    (void)conf;
    checked++;
    return 0;
}

static int open_it(struct mpx_conf *c, void *conf)
{
    static const struct mpx_service service = { .size = sizeof(service), .major = 1 };

    (void)conf;
    opened++;
    return mpx_provide(c, "s", &service);
}

static int open_user(struct mpx_conf *c, void *conf)
{
    (void)conf;
    return mpx_require(c, "s", 1, 0) != NULL ? 0 : mpx_conf_error(c, "", "needs s");
}

static int get(struct mpx_req *r, struct mpx_str word, struct mpx_str *value)
{
    (void)r;
    (void)word;
    *value = MPX_STR("told");
    return 0;
}

static const struct mpx_variable variables[] = { { .name = "sick_one", .get = get },
                                                 { .name = NULL } };

/* One module for each phase that may be in quarantine. */
static const struct mpx_module route = { MPX_HEADER(route, "1"), .on = { [MPX_PH_ROUTE] = next } };
static const struct mpx_module guard = { MPX_HEADER(guard, "1"), .check = check_it, .open = open_it,
                                         .on = { [MPX_PH_ACCESS] = next } };
static const struct mpx_module door = { MPX_HEADER(door, "1"), .on = { [MPX_PH_ACCESS] = admit } };
static const struct mpx_module page = { MPX_HEADER(page, "1"), .on = { [MPX_PH_CONTENT] = serve } };
static const struct mpx_module after = { MPX_HEADER(after, "1"),
                                         .on = { [MPX_PH_RESPONSE] = next } };
static const struct mpx_module scribe = { MPX_HEADER(scribe, "1"), .variables = variables,
                                          .on = { [MPX_PH_LOG] = log_it } };
static const struct mpx_module user = { MPX_HEADER(user, "1"), .open = open_user,
                                        .on = { [MPX_PH_ACCESS] = next } };

static const struct mpx_module *const all[] = { &route, &guard,  &door, &page,
                                                &after, &scribe, &user, NULL };

#define EVERY "\"route\", \"guard\", \"door\", \"page\", \"after\", \"scribe\""

static struct loopback *serving(const char *config, const char *list)
{
    struct loopback *lb = loopback_create_confined(config, all, list);

    ck_assert_ptr_nonnull(lb);
    return lb;
}

static int status_of(struct loopback *lb, const char *path, int64_t *retry)
{
    struct loopback_req q = { .lb = NULL };
    char head[256];

    (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    loopback_send(lb, &q, head, "");
    ck_assert(loopback_wait(&q));
    int status = q.status;
    const char *at = strstr(q.fields, "Retry-After: ");
    *retry = at != NULL ? strtoll(at + 13, NULL, 10) : 0;
    loopback_end(&q);
    return status;
}

START_TEST(in_every_phase_but_log_nothing_passes)
{
    static const char *const names[] = { "route", "guard", "door", "page", "after" };

    for (size_t i = 0; i < 5; i++) {
        char list[64];
        int64_t retry;

        (void)snprintf(list, sizeof(list), "%s 40 o\n", names[i]);
        struct loopback *lb = serving("{\"vhosts\": {\"modules\": [" EVERY "]}}", list);
        ck_assert_int_eq(status_of(lb, "/", &retry), 503);
        ck_assert_int_ge(retry, 39);
        ck_assert_int_le(retry, 40);
        loopback_destroy(lb);
    }
}
END_TEST

START_TEST(who_logs_is_left_out_and_its_variables_have_no_value)
{
    int64_t retry;
    struct loopback *lb = serving("{\"vhosts\": {\"modules\": [" EVERY "], \"headers\": {\"X\": "
                                  "\"<$sick_one>\"}}}",
                                  "scribe 5 o\n");
    struct loopback_req q = { .lb = NULL };

    logged = 0;
    ck_assert_int_eq(status_of(lb, "/", &retry), 200);
    ck_assert_uint_eq(logged, 0);
    loopback_send(lb, &q, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "");
    ck_assert(loopback_has_field(&q, "X: <>"));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(where_one_that_admits_is_enough_it_is_not)
{
    int64_t retry;
    struct loopback *lb = serving("{\"vhosts\": {\"modules\": [\"guard\", \"door\", \"page\"], "
                                  "\"satisfy\": \"any\"}}",
                                  "guard 5 o\n");

    ck_assert_int_eq(status_of(lb, "/", &retry), 503);
    loopback_destroy(lb);
    lb = serving("{\"vhosts\": {\"modules\": [\"door\", \"guard\", \"page\"], \"satisfy\": "
                 "\"any\"}}",
                 "guard 5 o\n");
    ck_assert_int_eq(status_of(lb, "/", &retry), 503);
    loopback_destroy(lb);
}
END_TEST

START_TEST(requests_that_do_not_come_to_it_go_on)
{
    int64_t retry;
    struct loopback *lb =
        serving("{\"vhosts\": {\"modules\": [\"page\"], \"directories\": [{\"path\": "
                "\"/in\", \"modules\": [\"guard\", \"page\"]}]}}",
                "guard 5 o\n");

    ck_assert_int_eq(status_of(lb, "/in/x", &retry), 503);
    ck_assert_int_eq(status_of(lb, "/out", &retry), 200);
    loopback_destroy(lb);
}
END_TEST

START_TEST(it_is_neither_checked_nor_opened)
{
    checked = opened = 0;
    struct loopback *lb = serving("{\"vhosts\": {\"modules\": [" EVERY "]}}", "guard 5 o\n");

    ck_assert_uint_eq(checked, 0);
    ck_assert_uint_eq(opened, 0);
    loopback_destroy(lb);
}
END_TEST

START_TEST(who_lacks_its_service_is_in_quarantine_with_it)
{
    int64_t retry;
    struct loopback *lb =
        serving("{\"vhosts\": {\"modules\": [\"page\"], \"directories\": [{\"path\": "
                "\"/g\", \"modules\": [\"guard\", \"page\"]}, {\"path\": \"/u\", "
                "\"modules\": [\"user\", \"page\"]}]}}",
                "guard 7 o\n");

    ck_assert_int_eq(status_of(lb, "/u", &retry), 503);
    ck_assert_int_ge(retry, 6);
    ck_assert_int_eq(status_of(lb, "/x", &retry), 200);
    ck_assert_ptr_nonnull(strstr(loopback_complaints(lb), "module \"user\" lacks the service"));
    loopback_destroy(lb);
}
END_TEST

START_TEST(one_that_is_not_even_loaded_lets_nothing_pass_where_it_is_selected)
{
    int64_t retry;
    struct loopback *lb =
        serving("{\"vhosts\": {\"modules\": [\"page\"], \"directories\": [{\"path\": "
                "\"/in\", \"modules\": [\"gone\", \"page\"], \"gone\": {\"any\": 1}}]}}",
                "gone 5 l\n");

    ck_assert_int_eq(status_of(lb, "/in/", &retry), 503);
    ck_assert_int_eq(status_of(lb, "/", &retry), 200);
    loopback_destroy(lb);
}
END_TEST

START_TEST(for_a_whole_virtual_host_too)
{
    int64_t retry;
    struct loopback *lb =
        serving("{\"vhosts\": {\"modules\": [\"gone\", \"page\"]}}", "gone 5 l\n");

    ck_assert_int_eq(status_of(lb, "/", &retry), 503);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_confine(void)
{
    static const TTest **const tests[] = {
        &in_every_phase_but_log_nothing_passes,
        &who_logs_is_left_out_and_its_variables_have_no_value,
        &where_one_that_admits_is_enough_it_is_not,
        &requests_that_do_not_come_to_it_go_on,
        &it_is_neither_checked_nor_opened,
        &who_lacks_its_service_is_in_quarantine_with_it,
        &one_that_is_not_even_loaded_lets_nothing_pass_where_it_is_selected,
        &for_a_whole_virtual_host_too,
        NULL
    };

    return unit_suite("confine", tests);
}
