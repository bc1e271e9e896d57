/* SPDX-License-Identifier: MIT
   What variables stand for in a request. */
#include "variable.h"

#include "loopback.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* Answers on a wire with "[VALUE]" for each name of the query, joined by "&"; "-" for none. */
static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    struct mpx_str names = mpx_req_query(r), value;

    (void)conf;
    (void)mpx_res_header(r, "Content-Type", MPX_STR("text/tell"));
    while (names.n > 0) {
        struct mpx_str name = str_head(names, str_find(names, '&'));
        struct mpx_var v;

        ck_assert_msg(variable_name_of_core(name, &v), "%.*s", STR_ARGS(name));
        bool there = variable_get(r, &v, &value);
        ck_assert(there == (there && value.n > 0));
        (void)mpx_res_write(r, MPX_STR("["));
        (void)mpx_res_write(r, there ? value : MPX_STR("-"));
        (void)mpx_res_write(r, MPX_STR("]"));
        names = str_from(names, name.n + 1);
    }
    return mpx_res_end(r);
}

static const struct mpx_module teller = { MPX_HEADER(teller, "1"),
                                          .on = { [MPX_PH_CONTENT] = content } };
static struct loopback *lb;
static struct wire *wire;

static void set_up(const char *more, const char *peer)
{
    static const struct mpx_module *const built_in[] = { &teller, NULL };
    char config[512];

    (void)snprintf(config, sizeof(config),
                   "{\"connection\":{\"host\":\"127.0.0.1\",\"port\":80%s},"
                   "\"vhosts\":{\"modules\":[\"teller\"]}}",
                   more);
    lb = loopback_create_with(config, built_in);
    ck_assert_ptr_nonnull(lb);
    wire = wire_open_from(lb, peer);
}

static void take_down(void)
{
    wire_free(wire);
    loopback_destroy(lb);
}

/* What the names stand for in a GET of that path. */
static const char *tell(const char *path, const char *names, const char *fields)
{
    static char text[4096];
    char head[2048];

    (void)snprintf(head, sizeof(head), "GET %s?%s HTTP/1.1\r\nHost: Example.ORG:80\r\n%s\r\n", path,
                   names, fields);
    wire->out.n = 0;
    wire_write(wire, str_of(head));
    (void)buffer_add_char(&wire->out, '\0');
    const char *body = strstr(wire->out.p, "\r\n\r\n");
    ck_assert_ptr_nonnull(body);
    (void)snprintf(text, sizeof(text), "%s", body + 4);
    return text;
}

START_TEST(the_request_is_told_as_it_was_sent)
{
    set_up("", "192.0.2.9");
    ck_assert_str_eq(tell("/a/./b%20c", "line", ""), "[GET /a/./b%20c?line HTTP/1.1]");
    ck_assert_str_eq(tell("/a/./b%20c", "method&path&query&target&protocol", ""),
                     "[GET][/a/b c][method&path&query&target&protocol]"
                     "[/a/./b%20c?method&path&query&target&protocol][HTTP/1.1]");
    ck_assert_str_eq(tell("/", "host&vhost&scheme&user&status", ""),
                     "[example.org][default][http][-][200]");
    take_down();
}
END_TEST

START_TEST(fields_are_found_whatever_their_case)
{
    set_up("", "192.0.2.9");
    ck_assert_str_eq(tell("/", "header.x-a&header.X-A&header.none&header.empty&header.b",
                          "X-a: 1\r\nX-A: 2\r\nEmpty:\r\nB: \xff\t\"\r\n"),
                     "[1, 2][1, 2][-][-][\xff\t\"]");
    ck_assert_str_eq(tell("/", "response.content-type&response.etag", ""), "[text/tell][-]");
    take_down();
}
END_TEST

START_TEST(clients_and_peers_are_told_apart)
{
    set_up(",\"trust\":[\"192.0.2.9\"]", "192.0.2.9");
    ck_assert_str_eq(tell("/", "remote_addr&remote_port&peer_addr&scheme",
                          "X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: https\r\n"),
                     "[2001:db8::1][-][192.0.2.9][https]");
    ck_assert_str_eq(tell("/", "remote_addr&peer_addr", ""), "[192.0.2.9][192.0.2.9]");
    take_down();
    set_up("", NULL);
    ck_assert_str_eq(tell("/", "remote_addr&remote_port&peer_addr&server_addr&server_port", ""),
                     "[unix][-][unix][-][-]");
    take_down();
}
END_TEST

START_TEST(requests_and_connections_have_numbers_of_their_own)
{
    char first[64];

    set_up("", "192.0.2.9");
    (void)snprintf(first, sizeof(first), "%s", tell("/", "connection_id", ""));
    ck_assert_uint_eq(strspn(first + 1, "0123456789abcdef"), 16);
    ck_assert_str_eq(tell("/", "connection_id", ""), first);
    ck_assert_str_ne(tell("/", "request_id", ""), first);
    ck_assert_str_eq(tell("/", "connection_requests", ""), "[4]");
    struct wire *other = wire_open_from(lb, "192.0.2.9"), *before = wire;
    wire = other;
    ck_assert_str_ne(tell("/", "connection_id", ""), first);
    ck_assert_str_eq(tell("/", "connection_requests", ""), "[2]");
    wire = before;
    wire_free(other);
    take_down();
}
END_TEST

static size_t taken(void)
{
    const char *text = tell("/", "bytes_in", "X: 0123456789\r\n");

    return strtoul(text + 1, NULL, 10);
}

START_TEST(bytes_are_counted)
{
    set_up("", "192.0.2.9");
    ck_assert_uint_eq(taken(), strlen("GET /?bytes_in HTTP/1.1\r\nHost: Example.ORG:80\r\n"
                                      "X: 0123456789\r\n\r\n"));
    ck_assert_str_eq(tell("/", "bytes_sent&bytes_out", ""), "[0][0]"); /* not yet */
    take_down();
}
END_TEST

START_TEST(times_have_their_forms)
{
    long long seconds;
    unsigned fraction;
    int n = 0;

    (void)setenv("TZ", "XXX-05:30", 1);
    tzset();
    set_up("", "192.0.2.9");
    const char *text = tell("/", "time_iso8601", "");
    ck_assert_uint_eq(strlen(text), 26);
    ck_assert_str_eq(text + 24, "Z]");
    text = tell("/", "time_local", "");
    ck_assert_uint_eq(strlen(text), 28);
    ck_assert_str_eq(text + 21, " +0530]");
    ck_assert_int_eq(sscanf(tell("/", "time_epoch", ""), "[%lld.%3u]%n", &seconds, &fraction, &n),
                     2);
    ck_assert_int_eq(n, 16);
    ck_assert_int_le(llabs(seconds - (long long)time(NULL)), 2);
    ck_assert_int_eq(sscanf(tell("/", "request_time", ""), "[%lld.%6u]%n", &seconds, &fraction, &n),
                     2);
    ck_assert_int_ge(n, 10);
    take_down();
}
END_TEST

START_TEST(texts_are_put_together)
{
    struct loopback_req q = { .lb = NULL };
    struct mpx_str out;

    set_up("", "192.0.2.9");
    loopback_send(lb, &q, "GET /p?host HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", NULL);
    ck_assert_int_eq(
        variable_expand(q.r, MPX_STR("<$path|$query|$header.x|$nothing|$$|$user>"), &out), 0);
    ck_assert_view_eq(out, "</p|host|1||$|>");
    struct mpx_list pieces = variable_name_pieces(q.r->g, MPX_STR("<$path|$user|$header.x|$$>"),
                                                  (struct place){ .src = NULL }, "");
    ck_assert_int_eq(variable_join(q.r, pieces, &out), 0);
    ck_assert_view_eq(out, "</p||1|$>");
    loopback_end(&q);
    take_down();
}
END_TEST

Suite *suite_variable(void)
{
    static const TTest **const tests[] = {
        &the_request_is_told_as_it_was_sent,
        &fields_are_found_whatever_their_case,
        &clients_and_peers_are_told_apart,
        &requests_and_connections_have_numbers_of_their_own,
        &bytes_are_counted,
        &times_have_their_forms,
        &texts_are_put_together,
        NULL,
    };

    return unit_suite("variable", tests);
}
