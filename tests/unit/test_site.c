/* SPDX-License-Identifier: MIT
   Virtual hosts by name, directories by path, and what is said when they cannot be. */
#include "site.h"

#include "given.h"
#include "uri.h"

/* The virtual host that answers to a Host field, "-" for none. */
static const char *host_of(struct given *t, const char *host)
{
    char name[URI_HOST_MAX];
    int n = uri_parse_host(str_of(host), name);
    const struct vhost *v = n < 0 ? NULL : vhost_find(&t->g, (struct mpx_str){ name, (size_t)n });

    return v != NULL ? v->name.p : "-";
}

START_TEST(a_name_goes_before_a_wildcard_and_the_longer_wildcard_first)
{
    static const char *const cases[][2] = {
        { "example.org", "one" },
        { "EXAMPLE.ORG:8080", "one" },
        { "example.org.", "one" },
        { "a.example.org", "two" },
        { "a.b.example.org", "two" },
        { "x.a.example.org", "three" },
        { "y.x.a.example.org", "three" },
        { "www.example.org", "four" },
        { "x.www.example.org", "two" },
        { "xexample.org", "-" },
        { "org", "-" },
        { "[::1]", "five" },
        { "[0::1]:80", "-" },
        { "127.0.0.1", "five" },
        { "", "-" },
    };
    struct given t;

    given_init(&t);
    (void)given_site(&t, "{ \"vhosts\": [ { \"name\": \"one\", \"aliases\": \"Example.ORG\" },\n"
                         "{ \"name\": \"two\", \"aliases\": [ \"*.example.org\" ] },\n"
                         "{ \"name\": \"three\", \"aliases\": \"*.a.example.org\" },\n"
                         "{ \"name\": \"four\", \"aliases\": \"www.example.org.\" },\n"
                         "{ \"name\": \"five\", \"aliases\": [ \"[::1]\", \"127.0.0.1\" ] } ] }");
    ck_assert_errors(&t, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(strcmp(host_of(&t, cases[i][0]), cases[i][1]) == 0, "%s is for %s",
                      cases[i][0], host_of(&t, cases[i][0]));
    ck_assert_ptr_null(t.g.fallback);
    given_finish(&t);
}
END_TEST

START_TEST(one_without_a_name_answers_to_all_unknown_ones)
{
    struct given t;

    given_init(&t);
    const struct generation *g = given_site(&t, "{ \"vhosts\": [ { \"name\": \"a\" }, {} ] }");
    ck_assert_errors(&t, "");
    ck_assert_ptr_eq(g->fallback, &g->vhosts[1]);
    ck_assert_view_eq(g->fallback->name, "default");
    given_finish(&t);
}
END_TEST

START_TEST(names_that_cannot_be_are_told_with_the_cure)
{
    struct given t;

    given_init(&t);
    (void)given_site(&t, "{ \"vhosts\": [ { \"name\": \"a:80\" }, { \"name\": \"*\" },\n"
                         "{ \"name\": \"::1\" }, { \"name\": \"a b\" },\n"
                         "{ \"name\": \"x\", \"aliases\": [ \"y\", \"X.\", \"*.y\" ] },\n"
                         "{ \"name\": \"z\", \"aliases\": \"*.Y\" },\n"
                         "{}, {}, 7, { \"name\": 7 } ] }");
    ck_assert_errors(
        &t, "site.json:1:25: error: \"a:80\" is not a host name: ports belong in \"connection\"\n"
            "site.json:1:45: error: \"*\" is not a host name: the virtual host named \"default\" "
            "answers to all other names\n"
            "site.json:2:11: error: \"::1\" is not a host name: an IPv6 address stands in "
            "brackets, ports belong in \"connection\"\n"
            "site.json:2:30: error: \"a b\" is not a host name\n"
            "site.json:3:34: error: the host name \"X.\" is used twice (first at site.json:3:11)\n"
            "site.json:4:27: error: the host name \"*.Y\" is used twice (first at "
            "site.json:3:40)\n"
            "site.json:5:5: error: a virtual host without \"name\" is \"default\", and so is the "
            "one at site.json:5:1: name one of them\n"
            "site.json:5:9: error: /vhosts/8 must be an object, { ... }, not a number\n"
            "site.json:5:22: error: /vhosts/9/name must be a string, not 7\n");
    given_finish(&t);
}
END_TEST

/* "path root base location" of the directory that rules a path. */
static const char *directory_of(struct given *t, const char *path)
{
    const struct directory *d = directory_find(t->g.vhosts, str_of(path));

    return arena_printf(&t->arena, "'%.*s' '%.*s' '%.*s' '%.*s'", STR_ARGS(d->path),
                        STR_ARGS(d->root), STR_ARGS(d->base), STR_ARGS(d->location))
        .p;
}

START_TEST(the_longest_path_rules_and_a_folder_is_that_of_the_enclosing_one)
{
    static const char *const cases[][2] = {
        { "/", "'' '/usr' '' '/usr'" },
        { "/sharex", "'' '/usr' '' '/usr'" },
        { "/share.txt", "'' '/usr' '' '/usr'" },
        { "/share", "'/share' '/usr' 'share/' '/usr/share'" },
        { "/share/x", "'/share' '/usr' 'share/' '/usr/share'" },
        { "/share/doc/x/y", "'/share/doc' '/usr' 'share/doc/' '/usr/share/doc'" },
        { "/pub/x", "'/pub' '/var' '' '/var'" },
        { "/pub/a b/x", "'/pub/a b' '/var' 'a b/' '/var/a b'" },
    };
    struct given t;

    given_init(&t);
    (void)given_site(&t, "{ \"vhosts\": { \"documents\": \"/usr\", \"directories\": [\n"
                         "{ \"path\": \"/share//doc/\" }, { \"path\": \"/pub/a b\" },\n"
                         "{ \"path\": \"/./share/x/..\" },\n"
                         "{ \"path\": \"/pub/\", \"location\": \"/var\" } ] } }");
    ck_assert_errors(&t, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_str_eq(directory_of(&t, cases[i][0]), cases[i][1]);
    given_finish(&t);
}
END_TEST

START_TEST(directories_that_cannot_be_are_told)
{
    struct given t;

    given_init(&t);
    given_file(&t, "file", "");
    (void)given_site(&t, "{ \"vhosts\": { \"documents\": \"/usr\", \"directories\": [\n"
                         "{ \"path\": \"a\" }, { \"path\": \"/..\" }, {}, \"/x\",\n"
                         "{ \"path\": \"/b\" }, { \"path\": \"/b/\" },\n"
                         "{ \"path\": \"/\", \"location\": \"/var\" },\n"
                         "{ \"path\": \"/c\", \"location\": \"nowhere\" },\n"
                         "{ \"path\": \"/d\", \"location\": \"file\" } ] } }");
    ck_assert_errors(
        &t,
        arena_printf(
            &t.arena,
            "site.json:2:11: error: /vhosts/0/directories/0/path must begin with a slash and "
            "stay below it, not \"a\"\n"
            "site.json:2:28: error: /vhosts/0/directories/1/path must begin with a slash and "
            "stay below it, not \"/..\"\n"
            "site.json:2:37: error: /vhosts/0/directories/2 needs \"path\": the paths it covers: "
            "\"/a\" stands for /a and all below\n"
            "site.json:2:41: error: /vhosts/0/directories/3 must be an object, { \"path\": ... "
            "}, not a string\n"
            "site.json:3:19: error: the directory \"/b/\" is set twice (first at "
            "site.json:3:1)\n"
            "site.json:4:1: error: the directory \"/\" is set already, by \"documents\": what "
            "it needs belongs in the virtual host itself\n"
            "site.json:5:29: error: /vhosts/0/directories/7/location: \"%s/nowhere\" "
            "does not exist: create it, or mend the path\n"
            "site.json:6:29: error: /vhosts/0/directories/8/location: \"%s/file\" is a file, "
            "not a folder\n",
            t.folder, t.folder)
            .p);
    given_finish(&t);
}
END_TEST

START_TEST(without_virtual_hosts_any_name_has_the_welcome_page)
{
    struct given t;

    given_init(&t);
    const struct generation *g = given_site(&t, "{}");
    ck_assert_errors(&t, "");
    ck_assert_uint_eq(g->vhost_count, 1);
    ck_assert(g->vhosts->welcome);
    ck_assert_ptr_eq(g->fallback, g->vhosts);
    given_finish(&t);
}
END_TEST

START_TEST(a_value_that_cannot_be_had_is_told_once_and_leads_to_nothing_else)
{
    static const char *const sites[] = {
        "{ \"vhosts\": { \"name\":\n\"${no_such}\" } }",
        "{ \"vhosts\": { \"name\": \"a\", \"aliases\":\n\"${no_such}\" } }",
        "{ \"vhosts\": { \"name\": \"a\", \"aliases\": [ \"b\",\n\"${no_such}\" ] } }",
        "{ \"vhosts\": { \"documents\":\n\"${no_such}\" } }",
        "{ \"vhosts\": { \"documents\": \"/\", \"index_file\": [ \"a\",\n\"${no_such}\" ] } }",
        "{ \"vhosts\": { \"documents\": \"/\", \"static\": { \"charset\":\n\"${no_such}\" } } }",
        "{ \"vhosts\": { \"static\": { \"types\": { \"a\":\n\"${no_such}\" } } } }",
        "{ \"vhosts\": { \"documents\": \"/\", \"static\":\n\"${no_such}\" } }",
        "{ \"vhosts\": { \"accesslog\":\n\"${no_such}\" } }",
        "{ \"vhosts\": { \"modules\": [ \"static\",\n\"${no_such}\" ] } }",
        "{ \"vhosts\": { \"directories\": { \"path\":\n\"${no_such}\" } } }",
        "{ \"vhosts\": { \"directories\": { \"path\": \"/a\", \"location\":\n\"${no_such}\" } } }",
        "{ \"vhosts\":\n\"${no_such}\" }",
        "{ \"vhosts\": { \"directories\":\n\"${no_such}\" } }",
        "{ \"defaults\": { \"accesslog\":\n\"${no_such}\" }, \"vhosts\": { \"name\": \"a\" } }",
        "{ \"connection\":\n\"${no_such}\" }",
        "{ \"connection\": { \"port\":\n\"${no_such}\" } }",
        "{ \"connection\": { \"limits\": { \"uri\":\n\"${no_such}\" } } }",
        "{ \"include\":\n\"${no_such}\" }",
    };

    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        struct given t;

        given_init(&t);
        (void)given_site(&t, sites[i]);
        ck_assert_errors(&t, "site.json:2:1: error: ${no_such} is not set: add it to "
                             "\"define\"\n");
        given_finish(&t);
    }
}
END_TEST

static int64_t body_limit(struct given *t, size_t vhost, const char *path)
{
    return directory_find(&t->g.vhosts[vhost], str_of(path))->body_limit;
}

START_TEST(the_limit_of_bodies_is_that_of_the_innermost_level)
{
    struct given t;

    given_init(&t);
    (void)given_site(
        &t, "{ \"defaults\": { \"limits\": { \"body\": \"1k\" } }, \"vhosts\": [\n"
            "{ \"name\": \"a\" },\n"
            "{ \"name\": \"b\", \"limits\": { \"body\": 7 }, \"directories\": [\n"
            "  { \"path\": \"/x\" }, { \"path\": \"/x/y\", \"limits\": { \"body\": 0 } },\n"
            "  { \"path\": \"/x/y/z\", \"limits\": {} },\n"
            "  { \"path\": \"/n\", \"limits\": { \"body\": null } },\n"
            "  { \"path\": \"/m\", \"limits\": null } ] },\n"
            "{ \"name\": \"c\", \"limits\": { \"body\": null } } ] }");
    ck_assert_errors(&t, "");
    ck_assert_int_eq(body_limit(&t, 0, "/"), 1024);
    ck_assert_int_eq(body_limit(&t, 1, "/"), 7);
    ck_assert_int_eq(body_limit(&t, 1, "/x/a"), 7);
    ck_assert_int_eq(body_limit(&t, 1, "/x/y"), 0);
    ck_assert_int_eq(body_limit(&t, 1, "/x/y/z/a"), 0);
    ck_assert_int_eq(body_limit(&t, 1, "/n"), -1); /* the listener's */
    ck_assert_int_eq(body_limit(&t, 1, "/m"), -1);
    ck_assert_int_eq(body_limit(&t, 2, "/"), -1);
    given_finish(&t);
}
END_TEST

static bool satisfies_any(struct given *t, size_t vhost, const char *path)
{
    return directory_find(&t->g.vhosts[vhost], str_of(path))->satisfy_any;
}

START_TEST(the_innermost_level_that_says_satisfy_rules)
{
    struct given t;

    given_init(&t);
    (void)given_site(
        &t, "{ \"defaults\": { \"satisfy\": \"any\" }, \"vhosts\": [ { \"name\": \"a\" },\n"
            "{ \"name\": \"b\", \"satisfy\": \"all\", \"directories\": [\n"
            "  { \"path\": \"/x\", \"satisfy\": \"any\" }, { \"path\": \"/x/y\" },\n"
            "  { \"path\": \"/x/z\", \"satisfy\": null } ] } ] }");
    ck_assert_errors(&t, "");
    ck_assert(satisfies_any(&t, 0, "/"));
    ck_assert(!satisfies_any(&t, 1, "/"));
    ck_assert(satisfies_any(&t, 1, "/x"));
    ck_assert(satisfies_any(&t, 1, "/x/y"));
    ck_assert(!satisfies_any(&t, 1, "/x/z"));
    given_finish(&t);
}
END_TEST

START_TEST(limits_that_cannot_be_are_told)
{
    struct given t;

    given_init(&t);
    (void)given_site(&t, "{ \"defaults\": { \"limits\": { \"bodi\": 7 } }, \"vhosts\": [\n"
                         "{ \"limits\": 7 }, { \"name\": \"b\", \"limits\": { \"body\": -1 },\n"
                         "\"directories\": { \"path\": \"/\", \"limits\": { \"body\": \"x\",\n"
                         "\"headers\": 7 } } } ] }");
    ck_assert_errors(
        &t,
        "site.json:1:29: error: unknown key \"bodi\" at /defaults/limits (did you mean \"body\"?)\n"
        "site.json:2:13: error: /vhosts/0/limits must be an object, { ... }, not a number\n"
        "site.json:2:53: error: /vhosts/1/limits/body must be a size such as 4096, \"64k\" "
        "or \"10M\", not -1\n"
        "site.json:3:51: error: /vhosts/1/directories/0/limits/body must be a size such as 4096, "
        "\"64k\" or \"10M\", not the string \"x\"\n"
        "site.json:4:1: error: unknown key \"headers\" at /vhosts/1/directories/0/limits\n");
    given_finish(&t);
}
END_TEST

Suite *suite_site(void)
{
    static const TTest **const tests[] = {
        &a_name_goes_before_a_wildcard_and_the_longer_wildcard_first,
        &one_without_a_name_answers_to_all_unknown_ones,
        &names_that_cannot_be_are_told_with_the_cure,
        &the_longest_path_rules_and_a_folder_is_that_of_the_enclosing_one,
        &directories_that_cannot_be_are_told,
        &without_virtual_hosts_any_name_has_the_welcome_page,
        &a_value_that_cannot_be_had_is_told_once_and_leads_to_nothing_else,
        &the_limit_of_bodies_is_that_of_the_innermost_level,
        &the_innermost_level_that_says_satisfy_rules,
        &limits_that_cannot_be_are_told,
        NULL,
    };

    return unit_suite("site", tests);
}
