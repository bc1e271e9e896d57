/* SPDX-License-Identifier: MIT
   What modules read of percent-encoded texts. */
#include "../../modules/common/percent.h"
#include "arena.h"
#include "str.h"
#include "unit.h"

START_TEST(a_byte_is_two_hexadecimal_digits_behind_a_percent_sign)
{
    static const struct {
        const char *text;
        int byte;
    } cases[] = {
        { "%41", 'A' }, { "%e4x", 0xe4 }, { "%eF", 0xef }, { "%00", 0 },  { "%fF", 255 },
        { "", -1 },     { "%", -1 },      { "%4", -1 },    { "%4g", -1 }, { "%g4", -1 },
        { "41", -1 },   { "a%41", -1 },   { "% 4", -1 },   { "%@1", -1 }, { "%%41", -1 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(percent_byte(str_of(cases[i].text)) == cases[i].byte, "%s", cases[i].text);
    ck_assert_int_eq(percent_byte((struct mpx_str){ "%41", 2 }), -1);
}
END_TEST

START_TEST(what_a_form_encodes_is_decoded_and_the_rest_stays)
{
    static const char *const cases[][2] = {
        { "", "" },           { "a+b", "a b" }, { "%2b%20+", "+  " },      { "100%", "100%" },
        { "%zz%4", "%zz%4" }, { "%%41", "%A" }, { "\xc3%A4", "\xc3\xa4" },
    };
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_view_eq(percent_decode(&a, str_of(cases[i][0])), cases[i][1]);
        ck_assert(percent_is(str_of(cases[i][0]), str_of(cases[i][1])));
        ck_assert(!percent_is(str_of(cases[i][0]), MPX_STR("other")));
    }
    ck_assert(!percent_is(MPX_STR("ab"), MPX_STR("a")));
    ck_assert(!percent_is(MPX_STR("a"), MPX_STR("ab")));
    arena_finish(&a);
}
END_TEST

START_TEST(the_first_parameter_of_a_name_counts)
{
    static const struct {
        const char *query, *name, *value; /* NULL: there is none */
    } cases[] = {
        { "a=1&b=2", "a", "1" },   { "a=1&b=2", "b", "2" }, { "a=1&a=2", "a", "1" },
        { "a=1=2", "a", "1=2" },   { "a", "a", "" },        { "a=", "a", "" },
        { "%61=%41", "a", "%41" }, { "x+y=1", "x y", "1" }, { "&&a=1&", "a", "1" },
        { "", "a", NULL },         { "ab=1", "a", NULL },   { "b=a=1", "a", NULL },
        { "A=1", "a", NULL },      { "a%3d1", "a", NULL },  { "b&c", "a", NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mpx_str value = { NULL, 0 };
        bool there = percent_parameter(str_of(cases[i].query), str_of(cases[i].name), &value);

        ck_assert_msg(there == (cases[i].value != NULL), "%s", cases[i].query);
        if (there)
            ck_assert_view_eq(value, cases[i].value);
    }
}
END_TEST

Suite *suite_percent(void)
{
    static const TTest **const tests[] = {
        &a_byte_is_two_hexadecimal_digits_behind_a_percent_sign,
        &what_a_form_encodes_is_decoded_and_the_rest_stays,
        &the_first_parameter_of_a_name_counts,
        NULL,
    };

    return unit_suite("percent", tests);
}
