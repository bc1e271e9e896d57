/* SPDX-License-Identifier: MIT
   Keys that select and configure modules: the short ones, the wrong ones, those that are not
   selected. */
#include "shorthand.h"

#include "given.h"

START_TEST(a_short_key_is_its_modules_option)
{
    static const struct {
        const char *vhost, *merged;
    } cases[] = {
        { "{ \"index_file\": \"x\" }", "{\"index_file\":\"x\"}" },
        { "{ \"index_file\": [\"x\", \"y\"], \"static\": { \"charset\": \"\" } }",
          "{\"charset\":\"\",\"index_file\":[\"x\",\"y\"]}" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct given t;

        given_init(&t);
        const struct generation *g =
            given_site(&t, arena_printf(&t.arena, "{ \"vhosts\": %s }", cases[i].vhost).p);
        ck_assert_errors(&t, "");
        ck_assert_str_eq(given_text(&t, given_conf(&g->vhosts->chain, "static")->merged),
                         cases[i].merged);
        given_finish(&t);
    }
}
END_TEST

START_TEST(a_short_key_stands_beside_its_modules_key_of_any_form)
{
    static const struct {
        const char *vhost, *merged;
    } cases[] = {
        { "{ \"rewrite\": [ { \"/a\": \"/b\" } ], \"redirect\": { \"/c\": \"/d\" } }",
          "{\"rules\":[{\"/a\":\"/b\"}],\"redirect\":{\"/c\":\"/d\"}}" },
        { "{ \"rewrite\": { \"/a\": \"/b\" }, \"redirect\": {}, \"fallback\": \"/e\" }",
          "{\"rules\":{\"/a\":\"/b\"},\"redirect\":{},\"fallback\":\"/e\"}" },
        { "{ \"fallback\": \"/e\", \"rewrite\": true, \"redirect\": {} }",
          "{\"fallback\":\"/e\",\"redirect\":{}}" },
        { "{ \"rewrite\": { \"rules\": [] }, \"redirect\": {} }",
          "{\"rules\":[],\"redirect\":{}}" },
        { "{ \"redirect\": {}, \"fallback\": [] }", "{\"redirect\":{},\"fallback\":[]}" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct given t;

        given_init(&t);
        const struct generation *g =
            given_site(&t, arena_printf(&t.arena, "{ \"vhosts\": %s }", cases[i].vhost).p);
        ck_assert_errors(&t, "");
        ck_assert_str_eq(given_text(&t, given_conf(&g->vhosts->chain, "rewrite")->merged),
                         cases[i].merged);
        given_finish(&t);
    }
}
END_TEST

static const struct {
    const char *vhost, *said;
} mistakes[] = {
    /* the same thing said twice */
    { "{ \"index_file\": \"x\", \"static\": { \"index_file\": \"y\" } }",
      "site.json:1:15: error: \"index_file\" is set here and also at site.json:1:34: remove "
      "one\n" },
    { "{ \"index_file\": \"x\", \"static\": false }",
      "site.json:1:15: error: \"index_file\" sets what \"static\": false switches off at "
      "site.json:1:34: remove one\n" },
    { "{ \"rewrite\": { \"fallback\": \"/x\" }, \"redirect\": {}, \"fallback\": \"/y\" }",
      "site.json:1:64: error: \"fallback\" is set here and also at site.json:1:15: remove one\n" },
    /* a value that its option does not take, at the place where it stands */
    { "{ \"index_file\": 7 }",
      "site.json:1:29: error: /vhosts/0/index_file must be a string or a list of strings, not "
      "7\n" },
    { "{ \"aliases\": {} }",
      "site.json:1:26: error: /vhosts/0/aliases must be a string or a list of strings, not an "
      "object\n" },
    /* a module that does not come with this version */
    { "{ \"directory_list\": false }", "" },
    /* keys that are nobody's */
    { "{ \"documnets\": \".\" }",
      "site.json:1:15: error: unknown key \"documnets\" at /vhosts/0 (did you mean "
      "\"documents\"?)\n" },
    { "{ \"acceslog\": \"stderr\" }",
      "site.json:1:15: error: unknown key \"acceslog\" at /vhosts/0 (did you mean "
      "\"accesslog\"?)\n" },
    { "{ \"zzz\": {} }",
      "site.json:1:15: error: unknown key \"zzz\" at /vhosts/0, and no module of that name is "
      "installed\n" },
    { "{ \"location\": \".\" }",
      "site.json:1:15: error: \"location\" cannot stand here: it belongs in a directory\n" },
    { "{ \"satisfy\": {} }",
      "site.json:1:26: error: /vhosts/0/satisfy must be one of \"all\", \"any\", not an object\n" },
    /* configured, but not selected */
    { "{ \"modules\": [], \"static\": {} }",
      "site.json:1:30: error: \"static\" is configured but not active: add \"static\" to "
      "\"modules\"\n" },
    { "{ \"modules\": [], \"index_file\": \"x\" }",
      "site.json:1:30: error: \"index_file\" is configured but not active: add \"static\" to "
      "\"modules\"\n" },
    { "{ \"modules\": [], \"static\": false }", "" },
    /* lists */
    { "{ \"modules\": [ \"static\", \"static\" ] }",
      "site.json:1:38: error: module \"static\" is in this list twice\n" },
    { "{ \"modules\": [ \"static\", \"+accesslog\" ] }",
      "site.json:1:38: error: either all names have a sign, which edits the inherited list, or "
      "none has\n" },
    { "{ \"modules\": [ 7, \"\" ] }",
      "site.json:1:28: error: \"modules\" holds names of modules, not a number\n"
      "site.json:1:31: error: \"modules\" holds names of modules, not an empty one\n" },
    { "{ \"modules\": [ \"+static\", \"+static\" ] }",
      "site.json:1:39: error: module \"static\" is in this list twice\n" },
    { "{ \"modules\": [ \"+static\", \"-static\" ] }",
      "site.json:1:39: error: module \"static\" is in this list twice\n" },
    { "{ \"modules\": null, \"index_file\": \"x\" }", "" },
    { "{ \"modules\": \"-accesslog\" }",
      "site.json:1:26: error: module \"accesslog\" is not in the list that this edits\n" },
};

START_TEST(mistakes_with_keys_are_told_at_their_place)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct given t;

        given_init(&t);
        (void)given_site(&t, arena_printf(&t.arena, "{ \"vhosts\": %s }", mistakes[i].vhost).p);
        ck_assert_errors(&t, mistakes[i].said);
        given_finish(&t);
    }
}
END_TEST

START_TEST(a_short_key_needs_its_module)
{
    struct given t;

    given_init(&t);
    (void)given_site(&t, "{ \"daemon\": { \"module_path\": \".\" },\n"
                         "\"vhosts\": { \"directory_list\": true } }");
    ck_assert_errors(&t, "site.json:2:13: error: \"directory_list\" needs module \"dirlist\", "
                         "which is not installed\n");
    given_finish(&t);
}
END_TEST

Suite *suite_shorthand(void)
{
    static const TTest **const tests[] = { &a_short_key_is_its_modules_option,
                                           &a_short_key_stands_beside_its_modules_key_of_any_form,
                                           &mistakes_with_keys_are_told_at_their_place,
                                           &a_short_key_needs_its_module, NULL };

    return unit_suite("shorthand", tests);
}
