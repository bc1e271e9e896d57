/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "config.h"
#include "given.h"

#include <sys/stat.h>
#include <unistd.h>

/* Reads a whole configuration's "daemon" and "connection". */
static int read_settings(struct given *t, const char *text, struct settings *s)
{
    struct node *root;

    given_file(t, "main.json", text);
    sources_finish(&t->sources); /* the file has changed */
    sources_init(&t->sources);
    root = given_config(t);
    return settings_read(&t->arena, &t->sources, root, &t->problems, s);
}

static const struct log_setting *log_at(const struct settings *s, size_t i)
{
    ck_assert_uint_lt(i, s->log.count);
    return (const struct log_setting *)s->log.items + i;
}

START_TEST(nothing_given_is_all_defaults)
{
    struct given t;
    struct settings s;

    given_init(&t);
    ck_assert_int_eq(read_settings(&t, "{}", &s), 0);
    ck_assert_uint_eq(s.user.n, 0);
    ck_assert_uint_eq(s.pid_file.n, 0);
    ck_assert_uint_eq(s.log.count, 0);
    ck_assert_int_eq(s.log_level, MPX_INFO);
    ck_assert_view_eq(s.server_id, "multiplexd");
    ck_assert_uint_eq(s.module_path.count, 0);
    ck_assert_int_eq(s.workers, 1);
    ck_assert(s.pool.threads == 4 && s.pool.queue == 1024);
    ck_assert_view_eq(s.temp_dir, "/tmp");
    ck_assert_int_eq(s.shutdown_timeout, 30000);
    ck_assert(s.no_new_privs);
    ck_assert(s.user_at.src == NULL && s.group_at.src == NULL);
    ck_assert_uint_eq(s.listener_count, 1);
    ck_assert_view_eq(s.listeners[0].host, geteuid() == 0 ? "0.0.0.0" : "127.0.0.1");
    ck_assert_int_eq(s.listeners[0].port, geteuid() == 0 ? 80 : 8080);
    ck_assert_int_eq(s.listeners[0].timeouts.header, 10000);
    ck_assert_int_eq(s.listeners[0].limits.body, 10 << 20);
    ck_assert_int_eq(s.listeners[0].limits.body_memory, 256 << 10);
    ck_assert_errors(&t, "");
    given_finish(&t);
}
END_TEST

START_TEST(what_is_given_is_taken)
{
    struct given t;
    struct settings s;

    given_init(&t);
    ck_assert_int_eq(
        read_settings(
            &t,
            "{ \"daemon\": { \"user\": \"www\", \"group\": \"a b\", \"pid_file\": \"x.pid\",\n"
            "\"server_id\": false, \"module_path\": \"mods\", \"workers\": 0,\n"
            "\"pool\": { \"threads\": 2 }, \"shutdown_timeout\": \"5s\",\n"
            "\"no_new_privs\": false } }",
            &s),
        0);
    ck_assert_view_eq(s.user, "www");
    ck_assert_view_eq(s.group, "a b");
    ck_assert_uint_eq(s.groups.count, 1);
    ck_assert_view_eq(s.pid_file, arena_printf(&t.arena, "%s/x.pid", t.folder).p);
    ck_assert_ptr_null(s.server_id.p);
    ck_assert_uint_eq(s.module_path.count, 1);
    ck_assert_view_eq(*(const struct mpx_str *)s.module_path.items,
                      arena_printf(&t.arena, "%s/mods", t.folder).p);
    ck_assert_int_eq(s.workers, 0);
    ck_assert(s.pool.threads == 2 && s.pool.queue == 1024);
    ck_assert_int_eq(s.shutdown_timeout, 5000);
    ck_assert(!s.no_new_privs);
    ck_assert_uint_eq(s.user_at.off, 22);
    ck_assert_uint_eq(s.group_at.off, 38);
    given_finish(&t);
}
END_TEST

START_TEST(groups_may_be_a_list)
{
    struct given t;
    struct settings s;

    given_init(&t);
    ck_assert_int_eq(read_settings(&t, "{\"daemon\":{\"group\":[\"a\",\"b c\",\"d\"]}}", &s), 0);
    ck_assert_view_eq(s.group, "a b c d");
    ck_assert_str_eq(s.group.p, "a b c d");
    ck_assert_int_eq(read_settings(&t, "{\"daemon\":{\"group\":[]}}", &s), 0);
    ck_assert_uint_eq(s.group.n, 0);
    ck_assert_errors(&t, "");
    given_finish(&t);
}
END_TEST

START_TEST(the_folder_for_bodies_must_be_one_that_can_be_written)
{
    struct given t;
    struct settings s;

    given_init(&t);
    given_file(&t, "file", "");
    ck_assert_int_eq(mkdir("bodies", 0755), 0);
    ck_assert_int_eq(read_settings(&t, "{\"daemon\":{\"temp_dir\":\"bodies\"}}", &s), 0);
    ck_assert_view_eq(s.temp_dir, arena_printf(&t.arena, "%s/bodies", t.folder).p);
    ck_assert_int_eq(read_settings(&t, "{\"daemon\":{\"temp_dir\":\"file\"}}", &s), -1);
    ck_assert_errors(&t, arena_printf(&t.arena,
                                      "main.json:1:23: error: /daemon/temp_dir: \"%s/file\" is a "
                                      "file, not a folder\n",
                                      t.folder)
                             .p);
    ck_assert_int_eq(read_settings(&t, "{\"daemon\":{\"temp_dir\":\"bodes\"}}", &s), -1);
    ck_assert_errors(&t, arena_printf(&t.arena,
                                      "main.json:1:23: error: /daemon/temp_dir: \"%s/bodes\" does "
                                      "not exist (did you mean \"%s/bodies\"?)\n",
                                      t.folder, t.folder)
                             .p);
    if (geteuid() != 0) {
        ck_assert_int_eq(chmod("bodies", 0555), 0);
        ck_assert_int_eq(read_settings(&t, "{\"daemon\":{\"temp_dir\":\"bodies\"}}", &s), -1);
        ck_assert_ptr_nonnull(strstr(given_errors(&t), "cannot be written: change its owner"));
    }
    given_finish(&t);
}
END_TEST

START_TEST(a_log_is_a_target_or_an_object_or_a_list)
{
    struct given t;
    struct settings s;

    given_init(&t);
    ck_assert_int_eq(
        read_settings(&t, "{\"daemon\":{\"log\":\"stderr\",\"log_level\":\"debug\"}}", &s), 0);
    ck_assert_view_eq(log_at(&s, 0)->to, "stderr");
    ck_assert_int_eq(log_at(&s, 0)->level, MPX_DEBUG);
    ck_assert_int_eq(
        read_settings(&t,
                      "{\"daemon\":{\"log_level\":\"warning\", \"log\":[\"syslog:user\","
                      "{\"to\":\"x.log\",\"level\":\"error\",\"format\":\"json\"},"
                      "{\"to\":\"y.log\",\"level\":null}]}}",
                      &s),
        0);
    ck_assert_uint_eq(s.log.count, 3);
    ck_assert_view_eq(log_at(&s, 0)->to, "syslog:user");
    ck_assert_int_eq(log_at(&s, 0)->level, MPX_WARN);
    ck_assert_view_eq(log_at(&s, 1)->to, arena_printf(&t.arena, "%s/x.log", t.folder).p);
    ck_assert_int_eq(log_at(&s, 1)->level, MPX_ERROR);
    ck_assert_int_eq(log_at(&s, 1)->format, 1);
    ck_assert_int_eq(log_at(&s, 2)->level, MPX_WARN);
    given_finish(&t);
}
END_TEST

START_TEST(a_listener_is_an_object_or_a_string)
{
    static const struct {
        const char *text, *host;
        int64_t port;
    } cases[] = {
        { "{ \"port\": 8080 }", "0.0.0.0", 8080 },
        { "{ \"host\": \"::1\" }", "::1", 80 },
        { "\"localhost:81\"", "localhost", 81 },
        { "\"127.0.0.1:0\"", "127.0.0.1", 0 },
        { "\"*:80\"", "*", 80 },
        { "\"[::]:8081\"", "::", 8081 },
        { "{ \"port\": \"${port}\" }", "0.0.0.0", 8082 },
        { "\"a.example:${port}\"", "a.example", 8082 },
    };
    struct given t;
    struct settings s;

    given_init(&t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text =
            arena_printf(&t.arena, "{ \"define\": { \"port\": 8082 }, \"connection\": [ {}, %s ] }",
                         cases[i].text)
                .p;

        ck_assert_int_eq(read_settings(&t, text, &s), 0);
        ck_assert_errors(&t, "");
        ck_assert_uint_eq(s.listener_count, 2);
        ck_assert_view_eq(s.listeners[1].host, cases[i].host);
        ck_assert_int_eq(s.listeners[1].port, cases[i].port);
        ck_assert_int_eq(s.listeners[1].limits.headers, 100); /* the rest has its defaults */
    }
    given_finish(&t);
}
END_TEST

START_TEST(a_listeners_limits_and_timeouts_are_read)
{
    struct given t;
    struct settings s;

    given_init(&t);
    ck_assert_int_eq(read_settings(&t,
                                   "{ \"connection\": { \"listen\": 5, \"sndbuf\": \"64k\",\n"
                                   "\"timeouts\": { \"header\": \"1s\", \"send\": \"2s\" },\n"
                                   "\"limits\": { \"connections\": 3, \"uri\": \"4k\" } } }",
                                   &s),
                     0);
    const struct listener_settings *l = s.listeners;
    ck_assert_uint_eq(s.listener_count, 1);
    ck_assert(l->backlog == 5 && l->sndbuf == 65536);
    ck_assert(l->timeouts.header == 1000 && l->timeouts.send == 2000);
    ck_assert(l->timeouts.body == 30000 && l->timeouts.keepalive == 30000);
    ck_assert(l->limits.connections == 3 && l->limits.uri == 4096 && l->limits.requests == 0);
    ck_assert_uint_eq(l->at.off, 16);
    given_finish(&t);
}
END_TEST

START_TEST(an_empty_list_of_listeners_is_the_default)
{
    struct given t;
    struct settings s;

    given_init(&t);
    ck_assert_int_eq(read_settings(&t, "{ \"connection\": [] }", &s), 0);
    ck_assert_uint_eq(s.listener_count, 1);
    ck_assert_int_eq(s.listeners[0].backlog, 4096);
    given_finish(&t);
}
END_TEST

START_TEST(the_command_line_is_laid_over_the_one_listener_and_the_log)
{
    struct given t;
    struct settings s;

    given_init(&t);
    given_file(&t, "main.json",
               "{ \"daemon\": { \"log\": { \"to\": \"stderr\", \"level\": \"error\" } },\n"
               "\"connection\": { \"host\": \"::1\", \"port\": 1, \"limits\": { \"uri\": 99 } } }");
    (void)source_add(&t.sources, "(command line)",
                     MPX_STR("{ \"command_line\": { \"verbose\": true, "
                             "\"listener\": { \"port\": 7 } } }"));
    const struct node *root =
        config_read(&t.arena, &t.sources, "main.json", "(command line)", false, &t.problems);
    ck_assert_int_eq(settings_read(&t.arena, &t.sources, root, &t.problems, &s), 0);
    ck_assert_view_eq(s.listeners->host, "::1");
    ck_assert_int_eq(s.listeners->port, 7);
    ck_assert_int_eq(s.listeners->limits.uri, 99);
    ck_assert_int_eq(s.listeners->timeouts.header, 10000);
    ck_assert(s.log_level == MPX_DEBUG && log_at(&s, 0)->level == MPX_DEBUG);
    ck_assert_errors(&t, "");
    given_file(&t, "unix.json", "{ \"connection\": \"unix:x.sock\" }");
    root = config_read(&t.arena, &t.sources, "unix.json", "(command line)", false, &t.problems);
    ck_assert_int_eq(settings_read(&t.arena, &t.sources, root, &t.problems, &s), 0);
    ck_assert_uint_eq(s.listeners->socket.n, 0);
    ck_assert_view_eq(s.listeners->host, "127.0.0.1");
    ck_assert_int_eq(s.listeners->port, 7);
    ck_assert_int_eq(read_settings(&t, "{ \"command_line\": { \"verbose\": true } }", &s), 0);
    ck_assert_int_eq(s.log_level, MPX_INFO); /* no file says this */
    ck_assert_errors(&t, "main.json:1:3: error: unknown key \"command_line\" at the top level, "
                         "which holds daemon, connection, vhosts, defaults, process, include and "
                         "define\n");
    given_finish(&t);
}
END_TEST

START_TEST(descriptors_are_wanted_for_what_is_given)
{
    struct given t;
    struct settings s;

    given_init(&t);
    ck_assert_int_eq(read_settings(&t, "{ \"connection\": [ {}, {} ] }", &s), 0);
    ck_assert_uint_eq(settings_descriptors(&s), 64);
    ck_assert_int_eq(read_settings(&t,
                                   "{ \"connection\": [ {}, { \"limits\": "
                                   "{ \"connections\": 900 } } ] }",
                                   &s),
                     0);
    ck_assert_uint_eq(settings_descriptors(&s), 964);
    given_finish(&t);
}
END_TEST

/* A configuration and all that is said of it. */
static const struct {
    const char *text, *errors;
} wrong[] = {
    { "{ \"daemon\": { \"usr\": \"x\", \"workers\": 65 } }",
      "main.json:1:15: error: unknown key \"usr\" at /daemon (did you mean \"user\"?)\n"
      "main.json:1:38: error: /daemon/workers must be a number from 0 to 64, not 65\n" },
    { "{ \"daemon\": { \"port\": 80, \"documents\": \"/\" }, \"connection\": { \"user\": \"x\" } }",
      "main.json:1:15: error: \"port\" cannot stand here: it belongs in \"connection\"\n"
      "main.json:1:27: error: \"documents\" cannot stand here: it belongs in a virtual host\n"
      "main.json:1:63: error: \"user\" cannot stand here: it belongs in \"daemon\"\n" },
    { "{ \"daemon\": { \"group\": {}, \"module_path\": 5 } }",
      "main.json:1:24: error: /daemon/group must be a string or a list of strings, not an "
      "object\n"
      "main.json:1:43: error: /daemon/module_path must be a string or a list of strings, not "
      "5\n" },
    { "{ \"daemon\": { \"log\": [ { \"level\": \"warn\" }, 5,\n\"syslog:x\" ] } }",
      "main.json:1:24: error: /daemon/log/0 needs \"to\": a file, \"stderr\", "
      "\"journald\" or \"syslog:FACILITY\"\n"
      "main.json:1:35: error: /daemon/log/0/level must be one of \"error\", \"warning\", \"info\", "
      "\"debug\", not the string \"warn\"\n"
      "main.json:1:45: error: /daemon/log/1 must be a string, not 5\n"
      "main.json:2:1: error: /daemon/log/2 must name a facility: \"syslog:daemon\", "
      "\"syslog:user\", \"syslog:auth\" or \"syslog:local0\" to \"syslog:local7\", not the string "
      "\"syslog:x\"\n" },
    { "{ \"daemon\": { \"log\": [ { \"to\": \"journald\", \"format\": \"json\" },\n\"journald:x\", "
      "\"journald:/x\" ] } }",
      "main.json:1:44: error: \"format\" cannot stand here: journald takes fields and has formats "
      "of its own (journalctl -o): leave it out\n"
      "main.json:2:1: error: /daemon/log/1 must be \"journald\", or \"journald:\" and the absolute "
      "path of its socket, not the string \"journald:x\"\n" },
    { "{ \"daemon\": { \"log\": {} } }",
      "main.json:1:15: error: /daemon/log needs \"to\": a file, \"stderr\", "
      "\"journald\" or \"syslog:FACILITY\"\n" },
    { "{ \"daemon\": { \"log\": [ \"stderr\", \"stderr\", \"stderr\", \"stderr\", \"stderr\",\n"
      "\"stderr\", \"stderr\", \"stderr\", \"stderr\", \"stderr\" ] } }",
      "main.json:2:31: error: /daemon/log/8: errors can be logged to 8 places, this is one too "
      "many\n" },
    { "{ \"daemon\": { \"detach\": true, \"log\": [ \"/x\", \"stderr\" ] } }",
      "main.json:1:37: error: nobody reads the standard error of a daemon that detaches: name a "
      "file, or \"syslog:daemon\"\n" },
    { "{ \"daemon\": { \"server_id\": true } }",
      "main.json:1:28: error: /daemon/server_id must be a string or false, not true\n" },
    { "{ \"daemon\": { \"server_id\": \"a\\nb\" } }",
      "main.json:1:28: error: /daemon/server_id must not hold control bytes, not the string "
      "\"a?b\"\n" },
    { "{ \"daemon\": { \"pool\": { \"threads\": 0 }, \"shutdown_timeout\": 30 } }",
      "main.json:1:36: error: /daemon/pool/threads must be a number from 1 to 64, not 0\n"
      "main.json:1:61: error: /daemon/shutdown_timeout needs a unit: \"30s\" or \"30ms\", not "
      "30\n" },
    { "{ \"connection\": [ {}, \"localhost\", \":80\", \"::1:80\", 80 ] }",
      "main.json:1:23: error: /connection/1 must be \"host:port\" (an IPv6 address in brackets), "
      "\"unix:path\" or an object, not the string \"localhost\"\n"
      "main.json:1:36: error: /connection/2 must be \"host:port\" (an IPv6 address in brackets), "
      "\"unix:path\" or an object, not the string \":80\"\n"
      "main.json:1:43: error: /connection/3 must be \"host:port\" (an IPv6 address in brackets), "
      "\"unix:path\" or an object, not the string \"::1:80\"\n"
      "main.json:1:53: error: /connection/4 must be \"host:port\", such as \"*:80\", or an object, "
      "{ \"port\": 80 }, not 80\n" },
    { "{ \"connection\": [ \"[]:80\", \"[::1]\" ] }",
      "main.json:1:19: error: /connection/0 must be \"host:port\" (an IPv6 address in brackets), "
      "\"unix:path\" or an object, not the string \"[]:80\"\n"
      "main.json:1:28: error: /connection/1 must be \"host:port\" (an IPv6 address in brackets), "
      "\"unix:path\" or an object, not the string \"[::1]\"\n" },
    { "{ \"connection\": \"localhost:http\" }",
      "main.json:1:17: error: /connection/0/port must be a number from 0 to 65535, not the string "
      "\"http\"\n" },
    { "{ \"connection\": [ {}, {}, \"[::1]:65536\", {} ] }",
      "main.json:1:27: error: /connection/2/port must be a number from 0 to 65535, not the string "
      "\"65536\"\n" },
    { "{ \"connection\": { \"timeouts\": { \"header\": 0 }, \"limits\": { \"headers\": 0 } } }",
      "main.json:1:43: error: /connection/0/timeouts/header must be a time from \"1ms\" to \"1d\", "
      "not 0\n"
      "main.json:1:71: error: /connection/0/limits/headers must be a number from 1 to 10000, not "
      "0\n" },
};

START_TEST(mistakes_are_told_with_place_and_cure)
{
    struct given t;
    struct settings s;

    given_init(&t);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(read_settings(&t, wrong[i].text, &s) == -1, "%s", wrong[i].text);
        ck_assert_errors(&t, wrong[i].errors);
    }
    given_finish(&t);
}
END_TEST

START_TEST(keys_whose_time_has_not_come_are_told_one_by_one)
{
    static const char *const daemon[] = { "module_policy", "control", "state_dir" };
    struct given t;
    struct settings s;

    given_init(&t);
    for (size_t i = 0; i < sizeof(daemon) / sizeof(daemon[0]); i++) {
        const char *key = daemon[i];
        const char *text = arena_printf(&t.arena, "{\"daemon\":{\"%s\":1}}", key).p;

        ck_assert_int_eq(read_settings(&t, text, &s), -1);
        ck_assert_errors(&t, arena_printf(&t.arena,
                                          "main.json:1:12: error: \"%s\" is not supported by this "
                                          "version of multiplexd: remove it\n",
                                          key)
                                 .p);
    }
    given_finish(&t);
}
END_TEST

Suite *suite_settings(void)
{
    static const TTest **const tests[] = {
        &nothing_given_is_all_defaults,
        &what_is_given_is_taken,
        &groups_may_be_a_list,
        &the_folder_for_bodies_must_be_one_that_can_be_written,
        &a_log_is_a_target_or_an_object_or_a_list,
        &a_listener_is_an_object_or_a_string,
        &a_listeners_limits_and_timeouts_are_read,
        &an_empty_list_of_listeners_is_the_default,
        &the_command_line_is_laid_over_the_one_listener_and_the_log,
        &descriptors_are_wanted_for_what_is_given,
        &mistakes_are_told_with_place_and_cure,
        &keys_whose_time_has_not_come_are_told_one_by_one,
        NULL,
    };

    return unit_suite("settings", tests);
}
