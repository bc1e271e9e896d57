/* SPDX-License-Identifier: MIT */
#include "node.h"

#include "given.h"

START_TEST(members_are_found_by_name)
{
    struct given t;

    given_init(&t);
    const struct node *j = given_json(&t, "{ \"a\": 1, \"ab\": 2, \"\": 3, \"l\": [] }");
    ck_assert_int_eq(node_member(j, "ab")->integer, 2);
    ck_assert_int_eq(node_member(j, "")->integer, 3);
    ck_assert_int_eq(node_member_named(j, str_head(MPX_STR("abc"), 1))->integer, 1);
    ck_assert_ptr_null(node_member(j, "b"));
    ck_assert_ptr_null(node_member(j, "A"));
    ck_assert_ptr_null(node_member(node_member(j, "l"), "a"));
    ck_assert_ptr_null(node_member(NULL, "a"));
    given_finish(&t);
}
END_TEST

START_TEST(an_index_finds_what_a_search_finds)
{
    struct given t;
    struct buffer b;

    given_init(&t);
    buffer_init(&b, 1 << 16);
    for (unsigned n = 0; n < 40; n++) {
        struct node_index ix;

        b.n = 0;
        for (unsigned i = 0; i < n; i++) /* in no order; the empty key is one of them */
            (void)buffer_printf(&b, "%c\"%.*s%u\":%u", i > 0 ? ',' : '{', (int)(i * 7 % 5), "zyxwv",
                                i * 13 % 40, i);
        (void)buffer_printf(&b, "%c\"\":\"last\"}", n > 0 ? ',' : '{');
        const struct node *object = given_json(&t, arena_copyz(&t.arena, buffer_str(&b)));
        node_index_init(&ix, object);
        for (const struct node *m = object->first; m != NULL; m = m->next)
            ck_assert_ptr_eq(node_index_find(&ix, m->key), m);
        ck_assert_ptr_null(node_index_find(&ix, MPX_STR("zz")));
        ck_assert_ptr_null(node_index_find(&ix, MPX_STR("~")));
        node_index_finish(&ix);
    }
    struct node_index nothing;
    node_index_init(&nothing, NULL);
    ck_assert_ptr_null(node_index_find(&nothing, MPX_STR("a")));
    node_index_finish(&nothing);
    ck_assert_errors(&t, "");
    buffer_finish(&b);
    given_finish(&t);
}
END_TEST

START_TEST(pointers_name_the_way_from_the_root)
{
    struct given t;

    given_init(&t);
    const struct node *j = given_json(&t, "{ \"a/b\": [ 1, { \"m~n\": { \"\": 2 } }, 3 ] }");
    const struct node *list = j->first;
    ck_assert_str_eq(node_pointer(&t.arena, j), "");
    ck_assert_str_eq(node_pointer(&t.arena, list), "/a~1b");
    ck_assert_str_eq(node_pointer(&t.arena, list->first), "/a~1b/0");
    ck_assert_str_eq(node_pointer(&t.arena, list->last), "/a~1b/2");
    ck_assert_str_eq(node_pointer(&t.arena, list->first->next->first), "/a~1b/1/m~0n");
    ck_assert_str_eq(node_pointer(&t.arena, list->first->next->first->first), "/a~1b/1/m~0n/");
    given_finish(&t);
}
END_TEST

START_TEST(elements_are_unlinked_wherever_they_stand)
{
    struct given t;

    given_init(&t);
    struct node *list = given_json(&t, "{ \"l\": [ 0, 1, 2, 3 ] }")->first;
    node_unlink(list->first->next);
    ck_assert_str_eq(given_text(&t, list), "[0,2,3]");
    node_unlink(list->last);
    ck_assert_str_eq(given_text(&t, list), "[0,2]");
    node_unlink(list->first);
    ck_assert_str_eq(given_text(&t, list), "[2]");
    struct node *two = list->first;
    node_unlink(two);
    ck_assert_str_eq(given_text(&t, list), "[]");
    ck_assert_uint_eq(list->count, 0);
    node_append(list, two, (struct mpx_str){ NULL, 0 });
    ck_assert_str_eq(given_text(&t, list), "[2]");
    ck_assert_str_eq(node_pointer(&t.arena, two), "/l/0");
    given_finish(&t);
}
END_TEST

START_TEST(a_copy_is_deep_and_keeps_its_places)
{
    struct given t;

    given_init(&t);
    struct node *j = given_json(&t, "{ \"a\": { \"b\": [ 1, \"x\" ] } }");
    struct node *copy = node_copy(&t.arena, j->first);
    ck_assert_ptr_null(copy->parent);
    ck_assert_ptr_null(copy->next);
    ck_assert_uint_eq(copy->first->at.off, j->first->first->at.off);
    ck_assert_uint_eq(copy->key_at.off, 2);
    node_unlink(j->first->first->first);
    ck_assert_str_eq(given_text(&t, copy), "{\"b\":[1,\"x\"]}");
    ck_assert_str_eq(given_text(&t, j), "{\"a\":{\"b\":[\"x\"]}}");
    given_finish(&t);
}
END_TEST

START_TEST(objects_merge_by_key_and_anything_else_replaces)
{
    static const struct {
        const char *under, *over, *merged;
    } cases[] = {
        { "{\"a\":1,\"b\":2}", "{\"b\":3,\"c\":4}", "{\"a\":1,\"b\":3,\"c\":4}" },
        { "{\"o\":{\"x\":1,\"y\":2}}", "{\"o\":{\"y\":3}}", "{\"o\":{\"x\":1,\"y\":3}}" },
        { "{\"l\":[1,2]}", "{\"l\":[3]}", "{\"l\":[3]}" },
        { "{\"a\":1}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}" },
        { "{\"a\":{\"b\":1}}", "{\"a\":false}", "{\"a\":false}" },
        { "{\"a\":1,\"b\":2}", "{\"a\":null}", "{\"b\":2}" },
        { "{\"o\":{\"x\":1,\"y\":2}}", "{\"o\":{\"x\":null}}", "{\"o\":{\"y\":2}}" },
        { "{}", "{\"a\":null,\"o\":{\"x\":null,\"y\":1}}", "{\"o\":{\"y\":1}}" },
    };
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct node *under = given_json(&t, cases[i].under);
        const struct node *over = given_json(&t, cases[i].over);

        ck_assert_str_eq(given_text(&t, node_merge(&t.arena, under, over)), cases[i].merged);
        ck_assert_str_eq(given_text(&t, under), cases[i].under); /* as they were */
        ck_assert_str_eq(given_text(&t, over), cases[i].over);
    }
    const struct node *one = given_json(&t, "{\"a\":1}");
    ck_assert_str_eq(given_text(&t, node_merge(&t.arena, one, NULL)), "{\"a\":1}");
    ck_assert_str_eq(given_text(&t, node_merge(&t.arena, NULL, one)), "{\"a\":1}");
    ck_assert_ptr_null(node_merge(&t.arena, NULL, NULL));
    given_finish(&t);
}
END_TEST

START_TEST(a_merged_value_knows_where_it_came_from)
{
    struct given t;

    given_init(&t);
    const struct node *under = given_json(&t, "{ \"o\": { \"x\": 1, \"y\": 2 } }");
    const struct node *over = given_json(&t, "{\n\"o\": { \"y\": 3 } }");
    const struct node *o = node_merge(&t.arena, under, over)->first;
    ck_assert_ptr_eq(o->at.src, over->at.src);
    ck_assert_ptr_eq(o->first->at.src, under->at.src);
    ck_assert_uint_eq(o->first->at.off, under->first->first->at.off);
    ck_assert_ptr_eq(o->last->at.src, over->at.src);
    ck_assert_str_eq(node_pointer(&t.arena, o->last), "/o/y");
    given_finish(&t);
}
END_TEST

START_TEST(writes_json_that_reads_back)
{
    static const char *const texts[] = {
        "{\"a\":[],\"b\":{},\"c\":[null,true,false,-9223372036854775808]}",
        "{\"quote\\\"\":\"back\\\\slash\\n\\u0001 \xc3\xa4\"}",
        "{\"r\":1.5}",
    };
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_str_eq(given_text(&t, given_json(&t, texts[i])), texts[i]);
    given_finish(&t);
}
END_TEST

START_TEST(kinds_have_names_for_messages)
{
    struct given t;

    given_init(&t);
    const struct node *j = given_json(&t, "{\"l\":[ null, true, false, 1, 1.5, \"\", [], {} ]}");
    static const char *const names[] = { "null",     "true",     "false",  "a number",
                                         "a number", "a string", "a list", "an object" };
    size_t i = 0;
    for (const struct node *e = j->first->first; e != NULL; e = e->next)
        ck_assert_str_eq(node_kind_name(e), names[i++]);
    given_finish(&t);
}
END_TEST

Suite *suite_node(void)
{
    static const TTest **const tests[] = {
        &members_are_found_by_name,
        &an_index_finds_what_a_search_finds,
        &pointers_name_the_way_from_the_root,
        &elements_are_unlinked_wherever_they_stand,
        &a_copy_is_deep_and_keeps_its_places,
        &objects_merge_by_key_and_anything_else_replaces,
        &a_merged_value_knows_where_it_came_from,
        &writes_json_that_reads_back,
        &kinds_have_names_for_messages,
        NULL,
    };

    return unit_suite("node", tests);
}
