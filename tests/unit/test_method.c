/* SPDX-License-Identifier: MIT */
#include "method.h"
#include "unit.h"

static const char *text_of(uint32_t set)
{
    static char text[METHOD_TEXT_MAX + 1];

    text[method_text(set, text)] = '\0';
    return text;
}

/* The set of a list that holds known ones alone, as text. */
static const char *list(const char *given)
{
    struct mpx_str unknown;
    uint32_t set = method_set(str_of(given), &unknown);

    ck_assert_msg(unknown.n == 0, "%.*s", STR_ARGS(unknown));
    return text_of(set);
}

START_TEST(each_method_is_a_set_of_its_own)
{
    static const char *const known[] = {
        "GET",  "HEAD",  "POST", "PUT", "DELETE",   "PATCH",     "OPTIONS", "TRACE",  "COPY",
        "LOCK", "MKCOL", "MOVE", "ACL", "PROPFIND", "PROPPATCH", "UNLOCK",  "REPORT", "SEARCH",
    };
    uint32_t all = 0;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        uint32_t one = method_find(str_of(known[i]));

        ck_assert_msg(one != 0 && (one & (one - 1)) == 0 && (all & one) == 0, "%s", known[i]);
        ck_assert_str_eq(text_of(one), known[i]);
        all |= one;
    }
    ck_assert_uint_eq(method_find(MPX_STR("GET")), METHOD_GET);
    ck_assert_uint_eq(method_find(MPX_STR("HEAD")), METHOD_HEAD);
    ck_assert_uint_eq(method_find(MPX_STR("OPTIONS")), METHOD_OPTIONS);
    ck_assert_uint_eq(method_find(MPX_STR("TRACE")), METHOD_TRACE);
    ck_assert_str_eq(text_of(UINT32_MAX), text_of(all)); /* and the longest list has room */
}
END_TEST

START_TEST(names_are_whole_and_have_a_case)
{
    static const char *const unknown[] = { "",    "get",      "Get",     "GE",   "GETS",
                                           "PRI", "M-SEARCH", "CONNECT", "PURGE" };

    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        ck_assert_msg(method_find(str_of(unknown[i])) == 0, "%s", unknown[i]);
}
END_TEST

START_TEST(a_list_is_put_in_one_order_and_get_brings_head)
{
    ck_assert_str_eq(list(""), "");
    ck_assert_str_eq(list("POST"), "POST");
    ck_assert_str_eq(list("HEAD"), "HEAD");
    ck_assert_str_eq(list("GET"), "GET, HEAD");
    ck_assert_str_eq(list("OPTIONS,POST ,\tGET, , POST"), "GET, HEAD, POST, OPTIONS");
}
END_TEST

START_TEST(the_first_unknown_name_is_told_and_the_others_count)
{
    struct mpx_str unknown;
    uint32_t set = method_set(MPX_STR("PUT, get, FETCH, DELETE"), &unknown);

    ck_assert_view_eq(unknown, "get");
    ck_assert_str_eq(text_of(set), "PUT, DELETE");
}
END_TEST

Suite *suite_method(void)
{
    static const TTest **const tests[] = {
        &each_method_is_a_set_of_its_own,
        &names_are_whole_and_have_a_case,
        &a_list_is_put_in_one_order_and_get_brings_head,
        &the_first_unknown_name_is_told_and_the_others_count,
        NULL,
    };

    return unit_suite("method", tests);
}
