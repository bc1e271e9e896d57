/* SPDX-License-Identifier: MIT */
#include "str.h"
#include "unit.h"

#include <stdio.h>

START_TEST(a_view_of_nothing_is_empty)
{
    ck_assert_uint_eq(str_of(NULL).n, 0);
    ck_assert(str_eq(str_of(NULL), str_of("")));
    ck_assert(str_is((struct mpx_str){ NULL, 0 }, ""));
    ck_assert(str_starts(str_of(NULL), str_of("")));
    ck_assert(!str_starts(str_of(NULL), str_of("a")));
    ck_assert_uint_eq(str_trim(str_of(NULL)).n, 0);
    ck_assert_ptr_null(str_from(str_of(NULL), 0).p); /* clang's UBSan watches */
    ck_assert_ptr_null(str_from(str_of(NULL), 5).p);
    ck_assert_uint_eq(str_find(str_of(NULL), 'a'), 0);
    ck_assert_uint_eq(str_find_last(str_of(NULL), 'a'), 0);
}
END_TEST

START_TEST(equality_is_of_length_and_bytes)
{
    ck_assert(str_is(MPX_STR("abc"), "abc"));
    ck_assert(!str_is(MPX_STR("abc"), "ab"));
    ck_assert(!str_is(MPX_STR("ab"), "abc"));
    ck_assert(!str_is(MPX_STR("abc"), "abC"));
    ck_assert(!str_is(MPX_STR("ab\0"), "ab"));
    ck_assert(str_eq(MPX_STR("a\0b"), MPX_STR("a\0b")));
    ck_assert(!str_eq(MPX_STR("a\0b"), MPX_STR("a\0c")));
}
END_TEST

START_TEST(cuts_stay_within_the_view)
{
    struct mpx_str s = MPX_STR("abc");

    ck_assert_view_eq(str_from(s, 0), "abc");
    ck_assert_view_eq(str_from(s, 2), "c");
    ck_assert_view_eq(str_from(s, 3), "");
    ck_assert_view_eq(str_from(s, SIZE_MAX), "");
    ck_assert_ptr_eq(str_from(s, SIZE_MAX).p, s.p + 3);
    ck_assert_view_eq(str_head(s, 0), "");
    ck_assert_view_eq(str_head(s, 2), "ab");
    ck_assert_view_eq(str_head(s, SIZE_MAX), "abc");
    ck_assert(str_starts(s, MPX_STR("abc")));
    ck_assert(!str_starts(s, MPX_STR("abcd")));
    ck_assert(!str_starts(s, MPX_STR("b")));
}
END_TEST

START_TEST(a_field_value_has_no_control_byte_but_tab)
{
    ck_assert(str_is_field_value(str_of(NULL)));
    for (int c = 0; c < 0x100; c++) {
        char text[3] = { 'a', (char)c, 'b' };
        bool may = c == '\t' || (c >= 0x20 && c != 0x7f);

        ck_assert_msg(str_is_field_value((struct mpx_str){ text, 3 }) == may, "%d", c);
    }
}
END_TEST

START_TEST(trims_spaces_and_tabs_alone)
{
    ck_assert_view_eq(str_trim(MPX_STR(" \t a b\t ")), "a b");
    ck_assert_view_eq(str_trim(MPX_STR(" \t ")), "");
    ck_assert_view_eq(str_trim(MPX_STR("\ra\n")), "\ra\n");
    ck_assert_view_eq(str_trim(MPX_STR("\va\f")), "\va\f");
}
END_TEST

START_TEST(finds_the_first_and_the_last)
{
    struct mpx_str s = MPX_STR("a.b.c");

    ck_assert_uint_eq(str_find(s, '.'), 1);
    ck_assert_uint_eq(str_find_last(s, '.'), 3);
    ck_assert_uint_eq(str_find(s, 'a'), 0);
    ck_assert_uint_eq(str_find_last(s, 'a'), 0);
    ck_assert_uint_eq(str_find(s, 'x'), 5);
    ck_assert_uint_eq(str_find_last(s, 'x'), 5);
    ck_assert_uint_eq(str_find(str_head(s, 3), 'c'), 3);
}
END_TEST

START_TEST(case_is_that_of_ascii_letters_alone)
{
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            char x[1] = { (char)a }, y[1] = { (char)b };
            bool letters = (a | 0x20) >= 'a' && (a | 0x20) <= 'z' && (a ^ b) == 0x20;
            bool same = str_same_word((struct mpx_str){ x, 1 }, (struct mpx_str){ y, 1 });

            if (same != (a == b || letters))
                ck_abort_msg("0x%02x and 0x%02x", (unsigned)a, (unsigned)b);
        }
    ck_assert(str_same_word(MPX_STR("Keep-Alive"), MPX_STR("keep-aLIVE")));
    ck_assert(!str_same_word(MPX_STR("close"), MPX_STR("closed")));
    ck_assert(!str_same_word(MPX_STR("closed"), MPX_STR("close")));
}
END_TEST

START_TEST(token_characters_are_those_of_rfc_9110)
{
    static const char all[] = "!#$%&'*+-.^_`|~0123456789"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    for (int c = 0; c < 256; c++) {
        bool wanted = memchr(all, c, sizeof(all) - 1) != NULL;

        ck_assert_msg(str_is_token_char((unsigned char)c) == wanted, "0x%02x", (unsigned)c);
    }
}
END_TEST

START_TEST(a_token_is_not_empty_and_has_no_other_character)
{
    ck_assert(str_is_token(MPX_STR("x-Token_1")));
    ck_assert(!str_is_token(MPX_STR("")));
    ck_assert(!str_is_token(MPX_STR("a b")));
    ck_assert(!str_is_token(MPX_STR("a:")));
    ck_assert(!str_is_token(MPX_STR("a\0")));
    ck_assert(!str_is_token(MPX_STR("\xc3\xa4")));
}
END_TEST

START_TEST(hex_digits_have_their_value)
{
    static const char digits[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

    for (int c = 0; c < 256; c++) {
        const char *at = memchr(digits, c, 16);
        long wanted = at != NULL ? at - digits : -1;

        at = memchr(upper, c, 16);
        wanted = at != NULL ? at - upper : wanted;
        ck_assert_msg(str_hex_digit((char)c) == wanted, "0x%02x", (unsigned)c);
    }
}
END_TEST

/* The items of a list, each in brackets. */
static const char *items_of(const char *text)
{
    static char out[128];
    struct mpx_str list = str_of(text), item;
    size_t n = 0;

    memset(out, 0, sizeof(out));
    while (str_next_item(&list, &item)) {
        out[n++] = '[';
        memcpy(out + n, item.p, item.n);
        n += item.n;
        out[n++] = ']';
    }
    ck_assert_uint_eq(list.n, 0);
    return out;
}

START_TEST(splits_lists_at_commas_that_are_not_quoted)
{
    static const char *const lists[][2] = {
        { "", "" },
        { " ", "" },
        { ",", "" },
        { ", ,\t,", "" },
        { "a", "[a]" },
        { "a,b", "[a][b]" },
        { " a ,\tb c ,", "[a][b c]" },
        { ",,a,,b,,", "[a][b]" },
        { "\"a,b\",c", "[\"a,b\"][c]" },
        { "W/\"a,b\", \"c\"", "[W/\"a,b\"][\"c\"]" },
        { "a;q=\"x,y\";r=1,b", "[a;q=\"x,y\";r=1][b]" },
        { "\"a\\\",b\",c", "[\"a\\\",b\"][c]" },
        { "\"a\\\\\",b", "[\"a\\\\\"][b]" },
        { "a\\,b", "[a\\][b]" },
        { "\"a,b", "[\"a,b]" },
        { "\"a,b\\", "[\"a,b\\]" },
        { "\"\",\"\"", "[\"\"][\"\"]" },
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        ck_assert_msg(strcmp(items_of(lists[i][0]), lists[i][1]) == 0, "%s: %s", lists[i][0],
                      items_of(lists[i][0]));
}
END_TEST

static bool is_number(const char *text, uint64_t wanted)
{
    uint64_t v = ~wanted;

    return str_to_u64(str_of(text), &v) == 0 && v == wanted;
}

START_TEST(reads_numbers_up_to_64_bits)
{
    ck_assert(is_number("0", 0));
    ck_assert(is_number("007", 7));
    ck_assert(is_number("1234567890", 1234567890));
    ck_assert(is_number("18446744073709551615", UINT64_MAX));
    ck_assert(is_number("000000000000000000000018446744073709551615", UINT64_MAX));
}
END_TEST

START_TEST(refuses_what_is_no_number_and_leaves_the_value)
{
    static const char *const wrong[] = {
        "",
        "+1",
        "-1",
        "-0",
        " 1",
        "1 ",
        "\t1",
        "1\n",
        "1a",
        "0x1",
        "1.0",
        "1,",
        "1_0",
        "1e3",
        "/",
        ":",
        "\xb2",
        "18446744073709551616",
        "18446744073709551620",
        "28446744073709551615",
        "99999999999999999999",
        "184467440737095516150",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint64_t v = 4711;

        ck_assert_msg(str_to_u64(str_of(wrong[i]), &v) == -1, "\"%s\"", wrong[i]);
        ck_assert_msg(v == 4711, "\"%s\"", wrong[i]);
    }
    uint64_t v;
    ck_assert_int_eq(str_to_u64(MPX_STR("1\0"), &v), -1);
}
END_TEST

START_TEST(a_buffer_grows_up_to_its_maximum_and_keeps_its_bytes)
{
    struct buffer b;

    buffer_init(&b, 1000);
    ck_assert_ptr_null(b.p);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(buffer_add_char(&b, (char)(i % 251)), 0);
    ck_assert_uint_eq(b.n, 1000);
    ck_assert_uint_le(b.cap, 1000);
    ck_assert(!b.full);
    ck_assert_int_eq(buffer_add_char(&b, 'x'), -1);
    ck_assert_uint_eq(b.n, 1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(b.p[i], (char)(i % 251));
    buffer_finish(&b);
}
END_TEST

START_TEST(what_does_not_fit_is_left_out_whole)
{
    struct buffer b;

    buffer_init(&b, 5);
    ck_assert_int_eq(buffer_add(&b, MPX_STR("abc")), 0);
    ck_assert_int_eq(buffer_add(&b, MPX_STR("def")), -1);
    ck_assert_view_eq(buffer_str(&b), "abc");
    buffer_finish(&b);
    buffer_init(&b, 5);
    ck_assert_int_eq(buffer_printf(&b, "%d", 12345), 0);
    ck_assert_view_eq(buffer_str(&b), "12345");
    buffer_finish(&b);
    buffer_init(&b, 5);
    ck_assert_int_eq(buffer_printf(&b, "%d", 123456), -1);
    ck_assert_view_eq(buffer_str(&b), "");
    buffer_finish(&b);
}
END_TEST

START_TEST(a_full_buffer_takes_nothing_more)
{
    struct buffer b;

    buffer_init(&b, 5);
    ck_assert_int_eq(buffer_add(&b, MPX_STR("abcdef")), -1);
    ck_assert(b.full);
    ck_assert_int_eq(buffer_add(&b, MPX_STR("a")), -1);
    ck_assert_int_eq(buffer_add(&b, MPX_STR("")), -1);
    ck_assert_int_eq(buffer_printf(&b, "b"), -1);
    ck_assert_uint_eq(b.n, 0);
    buffer_finish(&b);
    ck_assert(!b.full);
    ck_assert_int_eq(buffer_add(&b, MPX_STR("a")), 0);
    buffer_finish(&b);
    buffer_finish(&b);
    ck_assert_ptr_null(b.p);
}
END_TEST

START_TEST(memory_that_is_reserved_is_taken_once)
{
    struct buffer b;

    buffer_init(&b, 1000);
    ck_assert_int_eq(buffer_reserve(&b, 700), 0);
    ck_assert_uint_eq(b.cap, 700);
    const char *p = b.p;
    for (int i = 0; i < 700; i++)
        ck_assert_int_eq(buffer_add_char(&b, 'x'), 0);
    ck_assert_ptr_eq(b.p, p);
    ck_assert_int_eq(buffer_reserve(&b, 0), 0);
    ck_assert_int_eq(buffer_reserve(&b, 301), -1); /* and it is not full for that */
    ck_assert_int_eq(buffer_reserve(&b, 300), 0);
    ck_assert_uint_eq(b.cap, 1000);
    ck_assert_uint_eq(b.n, 700);
    ck_assert_int_eq(buffer_add_char(&b, 'y'), 0);
    buffer_finish(&b);
}
END_TEST

START_TEST(a_buffer_of_nothing_holds_nothing)
{
    struct buffer b;

    buffer_init(&b, 0);
    ck_assert_int_eq(buffer_add(&b, (struct mpx_str){ NULL, 0 }), 0);
    ck_assert_uint_eq(buffer_str(&b).n, 0);
    ck_assert_int_eq(buffer_add_char(&b, 'a'), -1);
    buffer_finish(&b);
}
END_TEST

START_TEST(html_escapes_what_is_markup)
{
    struct buffer b;

    buffer_init(&b, 100);
    ck_assert_int_eq(buffer_add_html(&b, MPX_STR("<a href='x' b=\"y\">&\xc3\xa4")), 0);
    ck_assert_view_eq(buffer_str(&b), "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;\xc3\xa4");
    buffer_finish(&b);
    buffer_init(&b, 4);
    ck_assert_int_eq(buffer_add_html(&b, MPX_STR("\"")), -1);
    ck_assert_uint_eq(b.n, 0);
    buffer_finish(&b);
}
END_TEST

static void check_json(struct mpx_str in, const char *wanted)
{
    struct buffer b;

    buffer_init(&b, 200);
    ck_assert_int_eq(buffer_add_json(&b, in), 0);
    ck_assert_view_eq(buffer_str(&b), wanted);
    buffer_finish(&b);
}

START_TEST(json_escapes_quotes_backslashes_and_control_bytes)
{
    check_json(MPX_STR("a\"b\\c/d"), "a\\\"b\\\\c/d");
    check_json(MPX_STR("\n\r\t\0\x1f "), "\\n\\u000d\\u0009\\u0000\\u001f ");
}
END_TEST

START_TEST(json_keeps_utf_8_and_replaces_bytes_that_are_none)
{
    static const char *const texts[][2] = {
        { "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
        { "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf" },
        { "\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
          "\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
        { "a\xff"
          "b",
          "a\\ufffdb" },
        { "\x80", "\\ufffd" },
        { "\xc3", "\\ufffd" },
        { "\xc3(", "\\ufffd(" },
        { "\xe2\x82", "\\ufffd\\ufffd" },
        { "\xc0\xaf", "\\ufffd\\ufffd" }, /* longer than need be */
        { "\xc1\xbf", "\\ufffd\\ufffd" },
        { "\xe0\x9f\xbf", "\\ufffd\\ufffd\\ufffd" },
        { "\xf0\x8f\xbf\xbf", "\\ufffd\\ufffd\\ufffd\\ufffd" },
        { "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" },            /* half of a pair */
        { "\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd" }, /* past the last one */
        { "\xf5\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd" },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_json(str_of(texts[i][0]), texts[i][1]);
    check_json((struct mpx_str){ "\xc3\xa4", 1 }, "\\ufffd"); /* nothing behind the view is read */
}
END_TEST

START_TEST(escaped_text_is_printable_ascii_without_quotes)
{
    for (int c = 0; c < 256; c++) {
        char in[1] = { (char)c }, wanted[8];
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        struct buffer b;

        buffer_init(&b, 100);
        ck_assert_int_eq(buffer_add_escaped(&b, (struct mpx_str){ in, 1 }), 0);
        (void)snprintf(wanted, sizeof(wanted), plain ? "%c" : "\\x%02x", (unsigned)c);
        ck_assert_view_eq(buffer_str(&b), wanted);
        buffer_finish(&b);
    }
}
END_TEST

START_TEST(text_cut_by_the_maximum_ends_between_characters)
{
    struct buffer b;

    buffer_init(&b, 6);
    ck_assert_int_eq(buffer_add_escaped(&b, MPX_STR("abc\n")), -1);
    ck_assert_view_eq(buffer_str(&b), "abc");
    buffer_finish(&b);
    buffer_init(&b, 4);
    ck_assert_int_eq(buffer_add_json(&b, MPX_STR("abc\xc3\xa4")), -1);
    ck_assert_view_eq(buffer_str(&b), "abc");
    buffer_finish(&b);
}
END_TEST

Suite *suite_str(void)
{
    static const TTest **const tests[] = {
        &a_view_of_nothing_is_empty,
        &equality_is_of_length_and_bytes,
        &cuts_stay_within_the_view,
        &a_field_value_has_no_control_byte_but_tab,
        &trims_spaces_and_tabs_alone,
        &finds_the_first_and_the_last,
        &case_is_that_of_ascii_letters_alone,
        &token_characters_are_those_of_rfc_9110,
        &a_token_is_not_empty_and_has_no_other_character,
        &hex_digits_have_their_value,
        &splits_lists_at_commas_that_are_not_quoted,
        &reads_numbers_up_to_64_bits,
        &refuses_what_is_no_number_and_leaves_the_value,
        &a_buffer_grows_up_to_its_maximum_and_keeps_its_bytes,
        &what_does_not_fit_is_left_out_whole,
        &a_full_buffer_takes_nothing_more,
        &memory_that_is_reserved_is_taken_once,
        &a_buffer_of_nothing_holds_nothing,
        &html_escapes_what_is_markup,
        &json_escapes_quotes_backslashes_and_control_bytes,
        &json_keeps_utf_8_and_replaces_bytes_that_are_none,
        &escaped_text_is_printable_ascii_without_quotes,
        &text_cut_by_the_maximum_ends_between_characters,
        NULL,
    };

    return unit_suite("str", tests);
}
