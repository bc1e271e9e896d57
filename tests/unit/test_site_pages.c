/* SPDX-License-Identifier: MIT
   The key "error_pages": which page a virtual host has for an error, and what is said when it
   cannot be. */
#include "site_pages.h"

#include "given.h"

/* "path" or "path?query" of the page for a status, "-" for none. */
static const char *page_of(struct given *t, size_t vhost, int status)
{
    const struct error_page *p = error_page_find(&t->g.vhosts[vhost], status);

    if (p == NULL)
        return "-";
    return arena_printf(&t->arena, "%.*s%s%.*s", STR_ARGS(p->path), p->query.n > 0 ? "?" : "",
                        STR_ARGS(p->query))
        .p;
}

START_TEST(a_status_goes_before_its_class)
{
    static const struct {
        int status;
        const char *page;
    } cases[] = {
        { 400, "/any" }, { 403, "/any" }, { 404, "/none" }, { 405, "/any" },
        { 499, "/any" }, { 500, "/bad" }, { 501, "-" },     { 503, "/busy?a=b?c" },
        { 599, "-" },    { 304, "-" },    { 399, "-" },
    };
    struct given t;

    given_init(&t);
    (void)given_site(&t,
                     "{ \"vhosts\": { \"error_pages\": { \"4xx\": \"/any\", \"404\": \"/none\", "
                     "\"503\": \"//x/../busy?a=b?c\", \"500\": \"/bad\" } } }");
    ck_assert_errors(&t, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(strcmp(page_of(&t, 0, cases[i].status), cases[i].page) == 0, "%d: %s",
                      cases[i].status, page_of(&t, 0, cases[i].status));
    given_finish(&t);
}
END_TEST

START_TEST(a_virtual_host_goes_before_defaults_status_by_status)
{
    struct given t;

    given_init(&t);
    (void)given_site(
        &t,
        "{ \"defaults\": { \"error_pages\": { \"404\": \"/d4\", \"5xx\": \"/d5\", \"403\": "
        "\"/d3\" } },\n\"vhosts\": [ { \"name\": \"a\" },\n"
        "{ \"name\": \"b\", \"error_pages\": { \"404\": null, \"403\": \"/own\", \"4xx\": "
        "\"/c4\", \"500\": \"/own\" } },\n"
        "{ \"name\": \"c\", \"error_pages\": null }, { \"name\": \"d\", \"error_pages\": false },\n"
        "{ \"name\": \"e\", \"error_pages\": {} } ] }");
    ck_assert_errors(&t, "");
    ck_assert_str_eq(page_of(&t, 0, 404), "/d4");
    ck_assert_str_eq(page_of(&t, 0, 500), "/d5");
    ck_assert_str_eq(page_of(&t, 1, 404), "/c4"); /* taken back: what else there is for it */
    ck_assert_str_eq(page_of(&t, 1, 403), "/own");
    ck_assert_str_eq(page_of(&t, 1, 500), "/own");
    ck_assert_str_eq(page_of(&t, 1, 502), "/d5");
    ck_assert_str_eq(page_of(&t, 2, 404), "-");
    ck_assert_str_eq(page_of(&t, 3, 404), "-");
    ck_assert_str_eq(page_of(&t, 4, 404), "/d4");
    given_finish(&t);
}
END_TEST

START_TEST(the_welcome_page_has_those_of_defaults)
{
    struct given t;

    given_init(&t);
    (void)given_site(&t, "{ \"defaults\": { \"error_pages\": { \"404\": \"/x\" } } }");
    ck_assert_errors(&t, "");
    ck_assert_str_eq(page_of(&t, 0, 404), "/x");
    given_finish(&t);
}
END_TEST

START_TEST(pages_that_cannot_be_are_told_with_the_cure)
{
    struct given t;

    given_init(&t);
    (void)given_site(
        &t,
        "{ \"vhosts\": [ { \"error_pages\": {\n\"40\": \"/a\", \"304\": \"/a\", \"6xx\": \"/a\",\n"
        "\"4XX\": \"/a\", \"4x4\": \"/a\", \"4040\": \"/a\", \"default\": null,\n"
        "\"400\": \"a.html\", \"401\": \"http://x/\", \"402\": \"/../a\",\n"
        "\"403\": 7, \"404\": \"\", \"405\": [ \"/a\" ] } },\n"
        "{ \"name\": \"b\", \"error_pages\": \"/404.html\" },\n"
        "{ \"name\": \"c\", \"directories\": { \"path\": \"/x\", \"error_pages\": {} } } ],\n"
        "\"defaults\": { \"error_pages\": { \"200\": \"/ok\" } } }");
    ck_assert_errors(
        &t,
#define NO_ERROR \
    "at /vhosts/0/error_pages is no error: \"400\" to \"599\", \"4xx\" or \"5xx\" may stand here\n"
#define NO_PATH "must be a path of this virtual host: begin with a slash and stay below it, not "
        "site.json:2:1: error: \"40\" " NO_ERROR "site.json:2:13: error: \"304\" " NO_ERROR
        "site.json:2:26: error: \"6xx\" " NO_ERROR "site.json:3:1: error: \"4XX\" " NO_ERROR
        "site.json:3:14: error: \"4x4\" " NO_ERROR "site.json:3:27: error: \"4040\" " NO_ERROR
        "site.json:3:41: error: \"default\" " NO_ERROR
        "site.json:4:8: error: /vhosts/0/error_pages/400 " NO_PATH "the string \"a.html\"\n"
        "site.json:4:25: error: /vhosts/0/error_pages/401 " NO_PATH "the string \"http://x/\"\n"
        "site.json:4:45: error: /vhosts/0/error_pages/402 " NO_PATH "the string \"/../a\"\n"
        "site.json:5:8: error: /vhosts/0/error_pages/403 must be a path, such as "
        "\"/error.html\", not 7\n"
        "site.json:5:18: error: /vhosts/0/error_pages/404 " NO_PATH "the string \"\"\n"
        "site.json:5:29: error: /vhosts/0/error_pages/405 must be a path, such as "
        "\"/error.html\", not a list\n"
        "site.json:6:31: error: /vhosts/1/error_pages must be an object, { \"404\": "
        "\"/404.html\" }, not the string \"/404.html\"\n"
        "site.json:7:47: error: \"error_pages\" cannot stand here: it belongs in a virtual host\n"
        "site.json:8:32: error: \"200\" at /defaults/error_pages is no error: \"400\" to \"599\", "
        "\"4xx\" or \"5xx\" may stand here\n");
    given_finish(&t);
}
END_TEST

Suite *suite_site_pages(void)
{
    static const TTest **const tests[] = {
        &a_status_goes_before_its_class,
        &a_virtual_host_goes_before_defaults_status_by_status,
        &the_welcome_page_has_those_of_defaults,
        &pages_that_cannot_be_are_told_with_the_cure,
        NULL,
    };

    return unit_suite("site_pages", tests);
}
