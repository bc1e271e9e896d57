/* SPDX-License-Identifier: MIT */
#include "accept.h"
#include "unit.h"

#include <stdlib.h>

static const struct mpx_str types[] = { { "text/html", 9 },
                                        { "application/json", 16 },
                                        { "text/plain", 10 } };

/* "h", "j", "t" for the type that is chosen. */
static char choice(const char *accept)
{
    return "hjt"[accept_choose(str_of(accept), types, 3)];
}

struct choice_case {
    const char *accept;
    char chosen;
};

static void check(const struct choice_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(choice(cases[i].accept) == cases[i].chosen, "\"%s\" chooses %c",
                      cases[i].accept, choice(cases[i].accept));
}
#define CHECK(cases) check((cases), sizeof(cases) / sizeof((cases)[0]))

START_TEST(the_first_type_when_nothing_is_preferred)
{
    static const struct choice_case cases[] = {
        { "", 'h' },
        { ",, ,", 'h' },
        { "*/*", 'h' },
        { "text/*", 'h' },
        { "image/png", 'h' },
        { "*/*;q=0", 'h' },
        { "text/html", 'h' },
        { "text/html;q=0", 'h' },
        { "text/html, application/json", 'h' },
        { "application/json, text/html", 'h' },
    };

    CHECK(cases);
}
END_TEST

START_TEST(the_heaviest_type_wins)
{
    static const struct choice_case cases[] = {
        { "text/html;q=0.5, application/json", 'j' },
        { "text/html;q=0.5, application/json;q=0.4, text/plain;q=0.6", 't' },
        { "text/html;q=0.001, application/json;q=0", 'h' },
        { "text/html;q=0, application/json;q=0.001", 'j' },
        { "text/html;q=0.998,text/plain;q=0.999", 't' },
        { "text/html;q=1.000,text/plain;q=1", 'h' },
        { "text/html;q=1.,text/plain", 'h' },
        { "text/html;Q=0.1,text/plain;q=0.2", 't' },
    };

    CHECK(cases);
}
END_TEST

START_TEST(the_most_specific_range_gives_the_weight)
{
    static const struct choice_case cases[] = {
        { "*/*;q=0.1, application/*;q=0.2", 'j' },
        { "text/*, text/html;q=0.1", 't' },
        { "text/html;q=0.1, text/*", 't' },
        { "*/*, text/html;q=0", 'j' },
        { "*/*, text/*;q=0", 'j' },
        { "text/html, text/html;charset=utf-8;q=0.1, text/plain;q=0.2", 't' },
        { "text/html;charset=utf-8;q=0.1, text/html, text/plain;q=0.2", 't' },
        { "text/html;q=0.1, text/html;q=0.5, text/plain;q=0.4", 'h' }, /* twice: the better */
    };

    CHECK(cases);
}
END_TEST

START_TEST(a_named_type_goes_before_a_wildcard)
{
    static const struct choice_case cases[] = {
        { "application/json, text/plain, */*", 'j' },
        { "*/*, text/plain", 't' },
        { "text/plain, text/*", 't' },
        { "application/*, */*", 'j' },
        { "application/json;q=0.9, */*", 'h' },
    };

    CHECK(cases);
}
END_TEST

START_TEST(names_have_no_case_and_blanks_do_not_count)
{
    static const struct choice_case cases[] = {
        { "APPLICATION/Json", 'j' },
        { " text/plain ", 't' },
        { "text/html ;\tq=0.1 , text/plain ; q=0.2", 't' },
        { "text/plain; charset=UTF-8", 't' },
        { "text/plain; Charset=\"utf-8\"", 't' },
        { "text/plain;;q=0.5", 't' },
    };

    CHECK(cases);
}
END_TEST

START_TEST(what_nothing_here_has_or_cannot_be_read_counts_for_nothing)
{
    static const struct choice_case cases[] = {
        { "application/json;version=1", 'h' },
        { "application/json;charset=latin1", 'h' },
        { "application/json;a=\"x;q=0.5\", text/plain;q=0.1", 't' },
        { "application/json;a=\"x,text/html\", text/plain;q=0.1", 't' },
        { "application/json;a=\"\\\"\", text/plain;q=0.1", 't' },
        { "application/json;q=0.5;ext=1, text/plain;q=0.1", 'j' }, /* behind q: not looked at */
        { "application/json;q, text/plain;q=0.1", 't' },
        { "application/json;q=, text/plain;q=0.1", 't' },
        { "application/json;q=2, text/plain;q=0.1", 't' },
        { "application/json;q=1.001, text/plain;q=0.1", 't' },
        { "application/json;q=0.1234, text/plain;q=0.1", 't' },
        { "application/json;q=0x1, text/plain;q=0.1", 't' },
        { "application/json;q=.5, text/plain;q=0.1", 't' },
        { "application/json;q=-1, text/plain;q=0.1", 't' },
        { "application/json;q=\"1\", text/plain;q=0.1", 't' },
        { "application/json;q =1, text/plain;q=0.1", 't' },
        { "json, text/plain;q=0.1", 't' },
        { "/json, application/, /, text/plain;q=0.1", 't' },
        { "*/json, text/plain;q=0.1", 't' },
        { "application /json, text/plain;q=0.1", 't' },
        { "application/json/x, text/plain;q=0.1", 't' },
        { "application/jso, application/jsonx, applicatio/json, text/plain;q=0.1", 't' },
        { "\"application/json\", text/plain;q=0.1", 't' },
        { "application/json;a=\"", 'h' },
        { ";q=1", 'h' },
    };

    CHECK(cases);
}
END_TEST

START_TEST(nothing_behind_a_view_is_looked_at)
{
    static const char text[] = "application/json;charset=\"utf-8\\\";q=0.333,*/*;q=1.00";

    for (size_t n = 0; n < sizeof(text); n++) {
        char *end = malloc(n > 0 ? n : 1); /* a sanitizer sees what is read past it */

        ck_assert_ptr_nonnull(end);
        memcpy(end, text, n);
        ck_assert_uint_lt(accept_choose((struct mpx_str){ end, n }, types, 3), 3);
        free(end);
    }
}
END_TEST

Suite *suite_accept(void)
{
    static const TTest **const tests[] = {
        &the_first_type_when_nothing_is_preferred,
        &the_heaviest_type_wins,
        &the_most_specific_range_gives_the_weight,
        &a_named_type_goes_before_a_wildcard,
        &names_have_no_case_and_blanks_do_not_count,
        &what_nothing_here_has_or_cannot_be_read_counts_for_nothing,
        &nothing_behind_a_view_is_looked_at,
        NULL,
    };

    return unit_suite("accept", tests);
}
