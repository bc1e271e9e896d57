/* SPDX-License-Identifier: MIT
   What the module session does in plain C: values as bytes, and what becomes of a session. */
#include "../../modules/session/op.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1000000, IDLE = 16000, LIFETIME = 50000 };

/* Data with these values: "key=value", NULL at the end. */
static struct mpx_str data_of(char *out, const char *const *values)
{
    size_t n = 0;

    for (; *values != NULL; values++) {
        const char *equals = strchr(*values, '=');
        char copy[1024];

        memcpy(copy, out, n);
        n = values_put((struct mpx_str){ copy, n },
                       (struct mpx_str){ *values, (size_t)(equals - *values) }, str_of(equals + 1),
                       out);
    }
    return (struct mpx_str){ out, n };
}

START_TEST(a_value_is_found_replaced_in_its_place_and_dropped)
{
    char a[1024], b[1024];
    struct mpx_str data = data_of(a, (const char *const[]){ "a=1", "bb=22", "c=", NULL }), value;

    ck_assert(values_get(data, MPX_STR("bb"), &value) && str_is(value, "22"));
    ck_assert(values_get(data, MPX_STR("c"), &value) && value.n == 0);
    ck_assert(!values_get(data, MPX_STR("b"), &value));
    size_t n = values_put(data, MPX_STR("a"), MPX_STR("longer"), b);
    struct mpx_str rest = { b, n };
    struct mpx_pair pair;
    ck_assert(values_next(&rest, &pair) && str_is(pair.key, "a") && str_is(pair.value, "longer"));
    n = values_put((struct mpx_str){ b, n }, MPX_STR("a"), (struct mpx_str){ NULL, 0 }, a);
    ck_assert(!values_get((struct mpx_str){ a, n }, MPX_STR("a"), &value));
    ck_assert(values_get((struct mpx_str){ a, n }, MPX_STR("bb"), &value));
}
END_TEST

START_TEST(bytes_that_are_cut_or_none_of_ours_are_never_read_past)
{
    char a[1024];
    struct mpx_str data = data_of(a, (const char *const[]){ "key=value", "other=more", NULL });

    for (size_t n = 0; n < data.n; n++) {
        char *cut = malloc(n + 1);
        struct mpx_pair pair;
        unsigned count = 0;

        memcpy(cut, data.p, n);
        for (struct mpx_str rest = { cut, n }; values_next(&rest, &pair);)
            count++;
        ck_assert_uint_le(count, 1);
        memset(cut, 0xff, n);
        struct mpx_str rest = { cut, n };
        ck_assert(!values_next(&rest, &pair));
        free(cut);
    }
}
END_TEST

START_TEST(keys_are_words_of_64_bytes_at_most)
{
    char word[66];

    memset(word, 'x', sizeof(word));
    ck_assert(values_is_key((struct mpx_str){ word, 64 }));
    ck_assert(!values_is_key((struct mpx_str){ word, 65 }));
    ck_assert(values_is_key(MPX_STR("aZ09_")));
    ck_assert(!values_is_key(MPX_STR("")) && !values_is_key(MPX_STR("a b")) &&
              !values_is_key(MPX_STR("a\0")) && !values_is_key(MPX_STR("\xc3\xa4")));
}
END_TEST

START_TEST(sums_stay_within_64_bits)
{
    static const struct {
        const char *number;
        int64_t by;
        const char *sum;
    } cases[] = { { NULL, 5, "5" },
                  { "-3", 5, "2" },
                  { "0", INT64_MIN, "-9223372036854775808" },
                  { "9223372036854775806", 1, "9223372036854775807" },
                  { "9223372036854775807", 1, "" },
                  { "-9223372036854775808", 0, "-9223372036854775808" },
                  { "-9223372036854775808", -1, "" },
                  { "9223372036854775808", 0, "" },
                  { "", 1, "" },
                  { "-", 1, "" },
                  { "1x", 1, "" },
                  { "00000000000000000000001", 1, "" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mpx_str number = { NULL, 0 };
        char out[21];

        if (cases[i].number != NULL)
            number = str_of(cases[i].number);
        size_t n = values_add(number, cases[i].by, out);
        ck_assert_msg(str_is((struct mpx_str){ out, n }, cases[i].sum), "case %zu", i);
    }
}
END_TEST

static struct op op_of(enum op_kind kind)
{
    return (struct op){ .kind = kind,
                        .has_id = true,
                        .may_begin = true,
                        .now = NOW,
                        .idle = IDLE,
                        .lifetime = LIFETIME,
                        .max_size = 100 };
}

static const struct row live = {
    .exists = true, .created = NOW - 1000, .used = NOW - 100, .expires = NOW + 1000
};
static const struct mpx_pair one_value = { { "k", 1 }, { "v", 1 } };

static enum op_deed apply(struct op *op, struct row before, struct row *after)
{
    enum op_deed deed = op_apply(op, &before, after);

    free(op->picture);
    op->picture = NULL;
    return deed;
}

START_TEST(a_load_is_written_down_now_and_then)
{
    struct row row = live, after;
    struct op op = op_of(OP_LOAD);

    ck_assert_int_eq(apply(&op, row, &after), OP_NOTHING);
    ck_assert(op.is_found);
    row.used = NOW - IDLE / OP_TOUCHES;
    ck_assert_int_eq(apply(&op, row, &after), OP_TOUCH);
    ck_assert_int_eq(after.expires, NOW + IDLE);
    row.created = NOW - LIFETIME + 10;
    ck_assert_int_eq(apply(&op, row, &after), OP_TOUCH);
    ck_assert_int_eq(after.expires, NOW + 10);
}
END_TEST

START_TEST(what_is_over_is_not_found)
{
    struct row row = live, after;
    struct op op = op_of(OP_LOAD);

    row.expires = NOW;
    ck_assert_int_eq(apply(&op, row, &after), OP_NOTHING);
    ck_assert(!op.is_found);
    row = live;
    row.created = NOW - LIFETIME;
    (void)apply(&op, row, &after);
    ck_assert(!op.is_found);
}
END_TEST

START_TEST(a_value_begins_a_session_where_none_was_known)
{
    struct row none = { .exists = false }, after;
    struct op op = op_of(OP_CHANGE);

    ck_assert_int_eq(apply(&op, none, &after), OP_NOTHING); /* nothing to store */
    ck_assert(!op.is_found && op.rc == 0);
    op.changes = &one_value;
    op.count = 1;
    ck_assert_int_eq(apply(&op, none, &after), OP_BEGIN);
    ck_assert(op.is_found && op.is_begun);
    op.is_known = true;
    ck_assert_int_eq(apply(&op, none, &after), OP_NOTHING);
    ck_assert_int_eq(op.rc, -ESTALE);
    op.is_known = op.may_begin = false;
    ck_assert_int_eq(apply(&op, none, &after), OP_NOTHING);
    ck_assert_int_eq(op.rc, -EALREADY);
}
END_TEST

START_TEST(an_id_that_was_replaced_begins_nothing_until_it_is_forgotten)
{
    struct row moved = live, after;
    struct op op = op_of(OP_CHANGE);

    moved.is_moved = true;
    op.changes = &one_value;
    op.count = 1;
    ck_assert_int_eq(apply(&op, moved, &after), OP_NOTHING);
    ck_assert_int_eq(op.rc, -ESTALE);
    moved.expires = NOW;
    ck_assert_int_eq(apply(&op, moved, &after), OP_BEGIN);
    struct op end = op_of(OP_END);
    moved.expires = NOW + 1;
    ck_assert_int_eq(apply(&end, moved, &after), OP_NOTHING);
}
END_TEST

START_TEST(a_new_id_moves_what_there_is)
{
    struct row after;
    struct op op = op_of(OP_CHANGE);

    op.renews = true;
    ck_assert_int_eq(apply(&op, live, &after), OP_MOVE);
    ck_assert(op.is_begun && after.created == live.created);
}
END_TEST

START_TEST(a_session_that_is_too_large_may_only_shrink)
{
    char a[1024], text[200];
    struct row row = live, after;
    struct op op = op_of(OP_CHANGE);

    memset(text, 'x', sizeof(text));
    memcpy(text, "big=", 4);
    text[150] = '\0';
    row.data = data_of(a, (const char *const[]){ text, "k=w", NULL });
    op.changes = &one_value;
    op.count = 1;
    ck_assert_int_eq(apply(&op, row, &after), OP_WRITE);
    const struct mpx_pair longer = { { "k", 1 }, { "vv", 2 } };
    op.changes = &longer;
    ck_assert_int_eq(apply(&op, row, &after), OP_NOTHING);
    ck_assert_int_eq(op.rc, -E2BIG);
}
END_TEST

Suite *suite_session(void)
{
    static const TTest **const tests[] = {
        &a_value_is_found_replaced_in_its_place_and_dropped,
        &bytes_that_are_cut_or_none_of_ours_are_never_read_past,
        &keys_are_words_of_64_bytes_at_most,
        &sums_stay_within_64_bits,
        &a_load_is_written_down_now_and_then,
        &what_is_over_is_not_found,
        &a_value_begins_a_session_where_none_was_known,
        &an_id_that_was_replaced_begins_nothing_until_it_is_forgotten,
        &a_new_id_moves_what_there_is,
        &a_session_that_is_too_large_may_only_shrink,
        NULL
    };

    return unit_suite("session", tests);
}
