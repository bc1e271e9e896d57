/* SPDX-License-Identifier: MIT
   Which modules are active at a level, in what order, with what settings. */
#include "level.h"

#include "given.h"

/* The chain of a virtual host, or of the directory of a path in it. */
static const char *chain_of(struct given *t, size_t vhost, const char *path)
{
    const struct vhost *v = &t->g.vhosts[vhost];

    ck_assert_uint_lt(vhost, t->g.vhost_count);
    return given_chain(t, path != NULL ? &directory_find(v, str_of(path))->chain : &v->chain);
}

START_TEST(without_a_list_the_keys_select_in_a_fixed_order)
{
    static const struct {
        const char *vhost, *chain;
    } cases[] = {
        { "{}", "" },
        { "{ \"documents\": \".\" }", "static" },
        { "{ \"documents\": null }", "" },
        { "{ \"static\": {}, \"accesslog\": \"stderr\" }", "accesslog static" },
        { "{ \"index_file\": \"x\", \"accesslog\": \"stderr\" }", "accesslog static" },
        { "{ \"documents\": \".\", \"static\": false }", "" },
        { "{ \"documents\": \".\", \"accesslog\": null }", "static" },
        { "{ \"static\": true, \"accesslog\": { \"file\": \"stderr\" } }", "accesslog static" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct given t;

        given_init(&t);
        (void)given_site(&t, arena_printf(&t.arena, "{ \"vhosts\": %s }", cases[i].vhost).p);
        ck_assert_errors(&t, "");
        ck_assert_str_eq(chain_of(&t, 0, NULL), cases[i].chain);
        given_finish(&t);
    }
}
END_TEST

START_TEST(a_list_selects_in_its_own_order)
{
    struct given t;

    given_init(&t);
    const struct generation *g =
        given_site(&t, "{ \"vhosts\": { \"modules\": [ \"static\", \"accesslog\" ], \"accesslog\": "
                       "\"stderr\" } }");
    ck_assert_errors(&t, "");
    ck_assert_str_eq(chain_of(&t, 0, NULL), "static accesslog");
    const struct chain *chain = &g->vhosts->chain;
    ck_assert_uint_eq(chain->count[MPX_PH_CONTENT], 1);
    ck_assert_uint_eq(chain->count[MPX_PH_LOG], 1);
    ck_assert_uint_eq(chain->count[MPX_PH_ROUTE], 0);
    ck_assert_ptr_eq(chain->hooks[MPX_PH_LOG][0].conf, given_conf(chain, "accesslog"));
    given_finish(&t);
}
END_TEST

START_TEST(a_module_is_told_whether_anything_is_said_of_it)
{
    static const struct {
        const char *site;
        bool given;
    } cases[] = {
        { "\"vhosts\": { \"modules\": \"static\" }", false },
        { "\"vhosts\": { \"modules\": \"static\", \"static\": null }", false },
        { "\"process\": { \"static\": { \"mime_types\": \"x\" } }, \"vhosts\": { \"modules\": "
          "\"static\" }",
          false },
        { "\"vhosts\": { \"modules\": \"static\", \"static\": {} }", true },
        { "\"vhosts\": { \"modules\": \"static\", \"static\": true }", true },
        { "\"defaults\": { \"static\": {} }, \"vhosts\": { \"modules\": \"static\" }", true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct given t;

        given_init(&t);
        const struct generation *g =
            given_site(&t, arena_printf(&t.arena, "{ %s }", cases[i].site).p);
        ck_assert_errors(&t, "");
        ck_assert_msg(mpx_conf_given(given_conf(&g->vhosts->chain, "static")) == cases[i].given,
                      "%s", cases[i].site);
        given_finish(&t);
    }
}
END_TEST

START_TEST(signs_edit_the_inherited_list)
{
    static const struct {
        const char *defaults, *vhost, *chain;
    } cases[] = {
        { "\"modules\": \"accesslog\", \"accesslog\": \"stderr\"", "\"modules\": \"+static\"",
          "accesslog static" },
        { "\"modules\": [\"accesslog\", \"static\"], \"accesslog\": \"stderr\"",
          "\"modules\": [\"-accesslog\"]", "static" },
        { "\"modules\": [\"static\"]", "\"modules\": [\"accesslog\"], \"accesslog\": \"stderr\"",
          "accesslog" },
        { "\"modules\": [\"static\"]", "\"modules\": []", "" },
        /* a computed list can be edited as well */
        { "\"accesslog\": \"stderr\"", "\"documents\": \".\", \"modules\": \"-static\"",
          "accesslog" },
        { "", "\"documents\": \".\", \"modules\": \"+accesslog\", \"accesslog\": \"stderr\"",
          "accesslog static" },
        { "", "\"accesslog\": \"stderr\", \"modules\": \"+static\"", "accesslog static" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct given t;

        given_init(&t);
        (void)given_site(&t, arena_printf(&t.arena, "{ \"defaults\": { %s }, \"vhosts\": { %s } }",
                                          cases[i].defaults, cases[i].vhost)
                                 .p);
        ck_assert_errors(&t, "");
        ck_assert_str_eq(chain_of(&t, 0, NULL), cases[i].chain);
        given_finish(&t);
    }
}
END_TEST

START_TEST(a_directory_edits_or_replaces_the_list_around_it)
{
    struct given t;

    given_init(&t);
    (void)given_site(
        &t, "{ \"vhosts\": { \"documents\": \".\", \"accesslog\": \"stderr\", \"directories\": [\n"
            "{ \"path\": \"/a\", \"modules\": \"-accesslog\" },\n"
            "{ \"path\": \"/a/b\", \"modules\": \"+accesslog\" },\n"
            "{ \"path\": \"/c\", \"modules\": [ \"accesslog\" ] },\n"
            "{ \"path\": \"/d\", \"accesslog\": false },\n"
            "{ \"path\": \"/d/e\", \"accesslog\": \"other.log\" } ] } }");
    ck_assert_errors(&t, "");
    ck_assert_str_eq(chain_of(&t, 0, NULL), "accesslog static");
    ck_assert_str_eq(chain_of(&t, 0, "/"), "accesslog static");
    ck_assert_str_eq(chain_of(&t, 0, "/a/x"), "static");
    ck_assert_str_eq(chain_of(&t, 0, "/a/b/x"), "static accesslog");
    ck_assert_str_eq(chain_of(&t, 0, "/c"), "accesslog");
    ck_assert_str_eq(chain_of(&t, 0, "/d"), "static");
    ck_assert_str_eq(chain_of(&t, 0, "/d/e"), "accesslog static");
    given_finish(&t);
}
END_TEST

START_TEST(a_level_that_says_nothing_shares_the_outer_conf)
{
    struct given t;

    given_init(&t);
    const struct generation *g = given_site(
        &t,
        "{ \"defaults\": { \"accesslog\": \"stderr\" }, \"vhosts\": [\n"
        "{ \"name\": \"a\", \"documents\": \".\", \"directories\": [ { \"path\": \"/x\" },\n"
        "  { \"path\": \"/y\", \"static\": { \"charset\": \"\" } }, { \"path\": \"/y/z\" } ] },\n"
        "{ \"name\": \"b\", \"accesslog\": { \"format\": \"common\" } } ] }");
    ck_assert_errors(&t, "");
    const struct vhost *a = &g->vhosts[0], *b = &g->vhosts[1];
    const struct mpx_conf *log = given_conf(&g->defaults.chain, "accesslog");
    ck_assert_ptr_eq(given_conf(&a->chain, "accesslog"), log);
    const struct chain *x = &directory_find(a, MPX_STR("/x"))->chain;
    const struct chain *y = &directory_find(a, MPX_STR("/y"))->chain;
    const struct chain *z = &directory_find(a, MPX_STR("/y/z"))->chain;
    ck_assert_ptr_eq(given_conf(x, "accesslog"), log);
    ck_assert_ptr_eq(given_conf(x, "static"), given_conf(&a->chain, "static"));
    ck_assert_ptr_ne(given_conf(y, "static"), given_conf(&a->chain, "static"));
    ck_assert_ptr_eq(given_conf(y, "static")->outer, given_conf(&a->chain, "static"));
    ck_assert_ptr_eq(given_conf(z, "static"), given_conf(y, "static"));
    const struct mpx_conf *own = given_conf(&b->chain, "accesslog");
    ck_assert_ptr_eq(own->outer, log);
    ck_assert_str_eq(own->pointer, "/vhosts/1/accesslog");
    ck_assert_str_eq(own->vhost, "b");
    ck_assert_ptr_null(log->vhost);
    given_finish(&t);
}
END_TEST

START_TEST(settings_merge_from_the_outside_in)
{
    static const struct {
        const char *defaults, *vhost, *directory, *merged;
    } cases[] = {
        { "{ \"charset\": \"a\", \"index_file\": [\"x\", \"y\"] }", "{ \"index_file\": \"z\" }",
          "{ \"default_type\": \"t/t\" }",
          "{\"mime_types\":\"/m\",\"charset\":\"a\",\"index_file\":\"z\","
          "\"default_type\":\"t/t\"}" },
        { "{ \"types\": { \"a\": \"t/1\", \"b\": \"t/2\" } }", "{ \"types\": { \"b\": \"t/3\" } }",
          "{ \"types\": { \"a\": null, \"c\": \"t/4\" } }",
          "{\"mime_types\":\"/m\",\"types\":{\"b\":\"t/3\",\"c\":\"t/4\"}}" },
        { "{ \"charset\": \"a\" }", "{ \"charset\": null }", "true", "{\"mime_types\":\"/m\"}" },
        { "{ \"charset\": \"a\" }", "null", "{}", "{\"mime_types\":\"/m\"}" },
        { "{ \"charset\": \"a\" }", "false", "{ \"default_type\": \"t/t\" }",
          "{\"mime_types\":\"/m\",\"default_type\":\"t/t\"}" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct given t;

        given_init(&t);
        const struct generation *g = given_site(
            &t, arena_printf(&t.arena,
                             "{ \"process\": { \"static\": { \"mime_types\": \"/m\" } },\n"
                             "\"defaults\": { \"static\": %s },\n"
                             "\"vhosts\": { \"static\": %s,\n"
                             "\"directories\": { \"path\": \"/x\", \"static\": %s } } }",
                             cases[i].defaults, cases[i].vhost, cases[i].directory)
                    .p);
        ck_assert_errors(&t, "");
        const struct directory *x = directory_find(g->vhosts, MPX_STR("/x"));
        ck_assert_str_eq(given_text(&t, given_conf(&x->chain, "static")->merged), cases[i].merged);
        given_finish(&t);
    }
}
END_TEST

START_TEST(what_holds_for_one_level_alone_is_not_merged)
{
    struct given t;

    given_init(&t);
    const struct generation *g =
        given_site(&t, "{ \"defaults\": { \"deny\": \"10.0.0.1\" },\n"
                       "\"vhosts\": { \"allow\": \"10/8\", \"directories\": [\n"
                       "{ \"path\": \"/x\", \"access\": { \"inherit\": false } },\n"
                       "{ \"path\": \"/x/y\", \"deny\": \"*\" }, { \"path\": \"/x/y/z\" } ] } }");
    ck_assert_errors(&t, "");
    const struct mpx_conf *all = given_conf(&g->defaults.chain, "access");
    const struct mpx_conf *vhost = given_conf(&g->vhosts->chain, "access");
    const struct mpx_conf *x =
        given_conf(&directory_find(g->vhosts, MPX_STR("/x"))->chain, "access");
    const struct mpx_conf *y =
        given_conf(&directory_find(g->vhosts, MPX_STR("/x/y"))->chain, "access");
    ck_assert_str_eq(given_text(&t, vhost->merged), "{\"allow\":\"10/8\"}");
    ck_assert_str_eq(given_text(&t, x->merged), "{\"inherit\":false}");
    ck_assert_str_eq(given_text(&t, y->merged), "{\"deny\":\"*\"}");
    ck_assert_ptr_eq(given_conf(&directory_find(g->vhosts, MPX_STR("/x/y/z"))->chain, "access"), y);
    ck_assert(y->outer == x && x->outer == vhost && vhost->outer == all);
    given_finish(&t);
}
END_TEST

START_TEST(a_text_in_the_place_of_the_settings_changes_only_its_option)
{
    struct given t;

    given_init(&t);
    const struct generation *g = given_site(
        &t, "{ \"defaults\": { \"accesslog\": { \"file\": \"a.log\", \"format\": "
            "\"common\" } }, \"vhosts\": [ { \"name\": \"a\", \"accesslog\": \"b.log\" },\n"
            "{ \"name\": \"b\", \"accesslog\": true },\n"
            "{ \"name\": \"c\", \"accesslog\": false } ] }");
    ck_assert_errors(&t, "");
    const struct chain *a = &g->vhosts[0].chain, *b = &g->vhosts[1].chain;
    ck_assert_str_eq(given_text(&t, given_conf(a, "accesslog")->merged),
                     "{\"file\":\"b.log\",\"format\":\"common\"}");
    ck_assert_str_eq(given_text(&t, given_conf(b, "accesslog")->merged),
                     "{\"file\":\"a.log\",\"format\":\"common\"}");
    ck_assert_str_eq(chain_of(&t, 2, NULL), "");
    given_finish(&t);
}
END_TEST

START_TEST(defaults_are_a_template_that_each_virtual_host_completes)
{
    struct given t;

    given_init(&t);
    const struct generation *g = given_site(
        &t, "{ \"defaults\": { \"modules\": [ \"accesslog\", \"static\" ],\n"
            "\"accesslog\": { \"format\": \"common\" } },\n"
            "\"vhosts\": [ { \"name\": \"a\", \"accesslog\": { \"file\": \"a.log\" } },\n"
            "{ \"name\": \"b\", \"accesslog\": \"b.log\" },\n"
            "{ \"name\": \"c\", \"accesslog\": false } ] }");
    ck_assert_errors(&t, "");
    ck_assert_str_eq(given_chain(&t, &g->defaults.chain), "static");
    ck_assert_str_eq(given_text(&t, given_conf(&g->vhosts[0].chain, "accesslog")->merged),
                     "{\"format\":\"common\",\"file\":\"a.log\"}");
    ck_assert_str_eq(given_text(&t, given_conf(&g->vhosts[1].chain, "accesslog")->merged),
                     "{\"format\":\"common\",\"file\":\"b.log\"}");
    ck_assert_str_eq(chain_of(&t, 2, NULL), "static");
    given_finish(&t);
}
END_TEST

START_TEST(what_the_template_lacks_is_asked_of_the_virtual_host)
{
    struct given t;

    given_init(&t);
    (void)given_site(&t, "{ \"defaults\": { \"modules\": [ \"accesslog\" ] },\n"
                         "\"vhosts\": [ { \"name\": \"a\", \"accesslog\": \"a.log\" },\n"
                         "  { \"name\": \"b\" },\n"
                         "  { \"name\": \"c\", \"accesslog\": { \"format\": \"common\" } },\n"
                         "  { \"name\": \"d\", \"modules\": [ \"accesslog\" ] } ] }");
    ck_assert_errors(
        &t, "site.json:3:3: error: module \"accesslog\" needs \"file\" at /vhosts/1/accesslog: a "
            "file, \"stderr\", \"journald\" or \"syslog:FACILITY\"\n"
            "site.json:4:18: error: module \"accesslog\" needs \"file\" at /vhosts/2/accesslog: a "
            "file, \"stderr\", \"journald\" or \"syslog:FACILITY\"\n"
            "site.json:5:31: error: module \"accesslog\" needs \"file\" at /vhosts/3/accesslog: a "
            "file, \"stderr\", \"journald\" or \"syslog:FACILITY\"\n");
    given_finish(&t);
}
END_TEST

Suite *suite_level(void)
{
    static const TTest **const tests[] = {
        &without_a_list_the_keys_select_in_a_fixed_order,
        &a_list_selects_in_its_own_order,
        &a_module_is_told_whether_anything_is_said_of_it,
        &signs_edit_the_inherited_list,
        &a_directory_edits_or_replaces_the_list_around_it,
        &a_level_that_says_nothing_shares_the_outer_conf,
        &settings_merge_from_the_outside_in,
        &what_holds_for_one_level_alone_is_not_merged,
        &a_text_in_the_place_of_the_settings_changes_only_its_option,
        &defaults_are_a_template_that_each_virtual_host_completes,
        &what_the_template_lacks_is_asked_of_the_virtual_host,
        NULL,
    };

    return unit_suite("level", tests);
}
