/* SPDX-License-Identifier: MIT */
#include "str.h"
#include "unit.h"
#include "uri.h"

#include <stdio.h>
#include <stdlib.h>

START_TEST(reads_the_parts_of_each_form)
{
    static const struct {
        const char *text;
        enum uri_form form;
        const char *authority, *path, *query;
    } targets[] = {
        { "/", URI_ORIGIN, "", "/", "" },
        { "//", URI_ORIGIN, "", "//", "" },
        { "/a/b%20c", URI_ORIGIN, "", "/a/b%20c", "" },
        { "/a?", URI_ORIGIN, "", "/a", "" },
        { "/a?b=c", URI_ORIGIN, "", "/a", "b=c" },
        { "/a?b?c", URI_ORIGIN, "", "/a", "b?c" },
        { "/?/../x", URI_ORIGIN, "", "/", "/../x" },
        { "/a?\\%zz", URI_ORIGIN, "", "/a", "\\%zz" },
        { "/%zz", URI_ORIGIN, "", "/%zz", "" },
        { "//host/x", URI_ORIGIN, "", "//host/x", "" },
        { "/http://a/", URI_ORIGIN, "", "/http://a/", "" },
        { "/a@b:c;d=e&f,g!$'()*+", URI_ORIGIN, "", "/a@b:c;d=e&f,g!$'()*+", "" },
        { "/|^`{}", URI_ORIGIN, "", "/|^`{}", "" },
        { "*", URI_ASTERISK, "", "*", "" },
        { "http://a", URI_ABSOLUTE, "a", "/", "" },
        { "http://a/", URI_ABSOLUTE, "a", "/", "" },
        { "HTTP://A:80/x?y", URI_ABSOLUTE, "A:80", "/x", "y" },
        { "http://a?y", URI_ABSOLUTE, "a", "/", "y" },
        { "http://a?", URI_ABSOLUTE, "a", "/", "" },
        { "http://[::1]:8080//x", URI_ABSOLUTE, "[::1]:8080", "//x", "" },
        { "http://a/http://b@c/", URI_ABSOLUTE, "a", "/http://b@c/", "" },
        { "http://a/?b@c", URI_ABSOLUTE, "a", "/", "b@c" },
    };

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct uri_target t;

        ck_assert_msg(uri_parse_target(str_of(targets[i].text), &t) == 0, "%s", targets[i].text);
        ck_assert_msg(t.form == targets[i].form, "%s", targets[i].text);
        ck_assert_view_eq(t.authority, targets[i].authority);
        ck_assert_view_eq(t.path, targets[i].path);
        ck_assert_view_eq(t.query, targets[i].query);
    }
}
END_TEST

START_TEST(refuses_targets_that_are_none)
{
    struct mpx_str wrong = MPX_STR(
        "a a/b ?x .. \\a ** */ *?x example.org:80 http: http:/ http:/a http:a http:// http:///x "
        "http://?x http://#x http//a/ https://a/ ftp://a/ file:///etc/passwd javascript://a/ "
        "http://u@a/ http://u:p@a/ http://@a/ http://u@p@a/ http://a@/ /a#b /a?b#c /# http://a#b "
        "http://a/#b http://a\\b/ /a\\b /\\");
    struct uri_target t;

    ck_assert_int_eq(uri_parse_target(MPX_STR(""), &t), 400);
    while (wrong.n > 0) {
        struct mpx_str one = str_head(wrong, str_find(wrong, ' '));

        ck_assert_msg(uri_parse_target(one, &t) == 400, "%.*s", STR_ARGS(one));
        wrong = str_from(wrong, one.n + 1);
    }
}
END_TEST

/* Which bytes may not stand raw, part by part. */
START_TEST(refuses_bytes_that_no_target_may_hold)
{
    static const struct {
        const char *before;
        const char *refused;
    } parts[] = {
        { "/a", "\"<>\\#" },
        { "/a?b", "\"<>#" },
        { "http://a/b", "\"<>\\#" },
        { "http://a", "\"<>\\#@" },
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (int c = 0; c < 256; c++) {
            char text[32] = { 0 };
            size_t n = strlen(parts[i].before);
            bool bad =
                c <= 0x20 || c >= 0x7f || memchr(parts[i].refused, c, strlen(parts[i].refused));
            struct uri_target t;

            memcpy(text, parts[i].before, n);
            text[n] = (char)c;
            text[n + 1] = 'x';
            ck_assert_msg(uri_parse_target((struct mpx_str){ text, n + 2 }, &t) == (bad ? 400 : 0),
                          "0x%02x behind \"%s\"", (unsigned)c, parts[i].before);
        }
}
END_TEST

/* The host as it is read; "!" for a bad one. */
static const char *host(struct mpx_str text)
{
    static char out[URI_HOST_MAX + 2];
    int n;

    memset(out, '#', sizeof(out));
    n = uri_parse_host(text, out);
    ck_assert_int_ge(n, -1);
    ck_assert_int_le(n, URI_HOST_MAX);
    ck_assert_int_eq(out[URI_HOST_MAX], '#');
    out[n < 0 ? 0 : n] = '\0';
    return n < 0 ? "!" : out;
}

START_TEST(a_host_is_lower_case_without_port_or_trailing_dot)
{
    static const char *const hosts[][2] = {
        { "", "" },
        { "a", "a" },
        { "Example.ORG", "example.org" },
        { "example.org.", "example.org" },
        { "example.org:80", "example.org" },
        { "example.org:", "example.org" },
        { "example.org:0", "example.org" },
        { "example.org:00080", "example.org" },
        { "example.org:65535", "example.org" },
        { "Example.org.:8080", "example.org" },
        { "a_b-c~d.e", "a_b-c~d.e" },
        { "-", "-" },
        { "192.0.2.1", "192.0.2.1" },
        { "192.0.2.1:80", "192.0.2.1" },
        { "[::1]", "[::1]" },
        { "[::1]:80", "[::1]" },
        { "[::1]:", "[::1]" },
        { "[2001:DB8::A]:443", "[2001:db8::a]" },
        { "[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]" },
        { "[ABCD:ABCD:ABCD:ABCD:ABCD:ABCD:192.168.158.190]",
          "[abcd:abcd:abcd:abcd:abcd:abcd:192.168.158.190]" },
    };

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        ck_assert_msg(strcmp(host(str_of(hosts[i][0])), hosts[i][1]) == 0, "%s is %s", hosts[i][0],
                      host(str_of(hosts[i][0])));
}
END_TEST

static const char *const nothing[] = {
    /* clang-format off */
    ":", ":80", ".", "..", "a..", "a...", ".a", "..a", "a..b", ".a.", ".:80", " a", "a ",
    "a b", "a\tb", "a,b", "a, a", "a/b", "a/", "a?b", "a#b", "a\\b", "u@a", "u:p@a",
    "a%41", "a*", "*.a", "a'b", "\xc3\xa4.org", "a\x7f", "a:80:80", "a::80", "a:x", "a:-1",
    "a:+1", "a: 80", "a:80 ", "a:8o", "a:65536", "a:99999", "a:100000", "a:000080", "::1",
    "[::1", "::1]", "[]", "[]:80", "[:]", "[::1]]", "[::1]a", "[::1].", "[::1]80",
    "[::1]:x", "[::1]:65536", "[[::1]]", "[::1%lo]", "[::1%25lo]", "[127.0.0.1]", "[v1.a]",
    "[::g]", "[::1::]", "[12345::]", "[ ::1]", "[::1 ]", "[1:2:3:4:5:6:7:8:9]",
    "[00000000000000000000000000000000000000000000000::1]", "a[::1]", "[a", "[",
    /* clang-format on */
};

START_TEST(refuses_hosts_that_name_nothing)
{
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
        ck_assert_msg(strcmp(host(str_of(nothing[i])), "!") == 0, "%s is %s", nothing[i],
                      host(str_of(nothing[i])));
    ck_assert_str_eq(host(MPX_STR("a\0")), "!");
    ck_assert_str_eq(host(MPX_STR("a\0b")), "!");
    ck_assert_str_eq(host(MPX_STR("[::1\0x]")), "!");
    ck_assert_str_eq(host(MPX_STR("a:\0")), "!");
}
END_TEST

START_TEST(a_host_may_have_255_bytes)
{
    char text[URI_HOST_MAX + 8];

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 60 == 59 ? '.' : 'a';
    ck_assert_uint_eq(strlen(host((struct mpx_str){ text, URI_HOST_MAX })), URI_HOST_MAX);
    ck_assert_str_eq(host((struct mpx_str){ text, URI_HOST_MAX + 1 }), "!");
    memcpy(text + URI_HOST_MAX, ".:65535", 7);
    ck_assert_uint_eq(strlen(host((struct mpx_str){ text, URI_HOST_MAX + 7 })), URI_HOST_MAX);
}
END_TEST

/* The normal form, or the status it is refused with as text; the output may be the input. */
static const char *normal(struct mpx_str in, int (*normalize)(struct mpx_str, char *, size_t *))
{
    static char out[256];
    char same[256];
    size_t n = 0, again = 0;
    char *exact = malloc(in.n + 1); /* so that a byte too many is seen */

    ck_assert_uint_lt(in.n, sizeof(same));
    memcpy(same, in.p, in.n);
    exact[in.n] = '#';
    int status = normalize(in, exact, &n);
    ck_assert_int_eq(exact[in.n], '#');
    ck_assert_int_eq(normalize((struct mpx_str){ same, in.n }, same, &again), status);
    if (status == 0) {
        ck_assert_uint_le(n, in.n);
        ck_assert_uint_eq(again, n);
        ck_assert_mem_eq(same, exact, n);
        memcpy(out, exact, n);
        out[n] = '\0';
    } else {
        (void)snprintf(out, sizeof(out), "%d", status);
    }
    free(exact);
    return out;
}

static const char *path(const char *text)
{
    return normal(str_of(text), uri_normal_path);
}

static void check_paths(const char *const (*paths)[2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(strcmp(path(paths[i][0]), paths[i][1]) == 0, "%s is %s", paths[i][0],
                      path(paths[i][0]));
}

START_TEST(removes_dot_segments_and_repeated_slashes)
{
    static const char *const paths[][2] = {
        { "/", "/" },
        { "//", "/" },
        { "///", "/" },
        { "/a", "/a" },
        { "/a/", "/a/" },
        { "/a//", "/a/" },
        { "//a///b//", "/a/b/" },
        { "/.", "/" },
        { "/./", "/" },
        { "/./.", "/" },
        { "/a/.", "/a/" },
        { "/a/./b", "/a/b" },
        { "/a/./", "/a/" },
        { "/./a", "/a" },
        { "/a/..", "/" },
        { "/a/../", "/" },
        { "/a/../b", "/b" },
        { "/a/b/..", "/a/" },
        { "/a/b/../", "/a/" },
        { "/a/b/../..", "/" },
        { "/a/b/../../c", "/c" },
        { "/a/b/c/../../d/", "/a/d/" },
        { "/a//../b", "/b" },
        { "/a/.//../b", "/b" },
        { "/a/b/./../c", "/a/c" },
        { "/...", "/..." },
        { "/..a", "/..a" },
        { "/a..", "/a.." },
        { "/.a/b.", "/.a/b." },
        { "/a./.b", "/a./.b" },
    };

    check_paths(paths, sizeof(paths) / sizeof(paths[0]));
}
END_TEST

START_TEST(refuses_paths_above_the_root)
{
    static const char *const paths[][2] = {
        { "/..", "400" },       { "/../", "400" },       { "/../a", "400" },
        { "/a/../..", "400" },  { "/a/../../a", "400" }, { "/./..", "400" },
        { "//..", "400" },      { "//a/..//..", "400" }, { "/%2e%2e", "400" },
        { "/.%2E/etc", "400" }, { "/a/%2e./..", "400" }, { "", "400" },
        { "a", "400" },         { "..", "400" },         { "%2fa", "404" },
        { "*", "400" },
    };

    check_paths(paths, sizeof(paths) / sizeof(paths[0]));
}
END_TEST

START_TEST(decodes_once_and_before_dot_segments_are_removed)
{
    static const char *const paths[][2] = {
        { "/%41%62c", "/Abc" },     { "/a%20b", "/a b" }, { "/%7Euser", "/~user" },
        { "/%c3%A4", "/\xc3\xa4" }, { "/%ff", "/\xff" },  { "/%0a%0D%7f", "/\n\r\x7f" },
        { "/%25", "/%" },           { "/%2541", "/%41" }, { "/%252e%252e/a", "/%2e%2e/a" },
        { "/%252f", "/%2f" },       { "/%2500", "/%00" }, { "/a/%2e%2E/b", "/b" },
        { "/a/%2e/b", "/a/b" },     { "/%3f%23", "/?#" }, { "/+", "/+" },
    };

    check_paths(paths, sizeof(paths) / sizeof(paths[0]));
}
END_TEST

START_TEST(an_encoded_slash_or_backslash_is_404)
{
    static const char *const paths[][2] = {
        { "/%2f", "404" }, { "/%2F", "404" },      { "/a%2fb", "404" },     { "/a%5cb", "404" },
        { "/%5C", "404" }, { "/..%2fetc", "404" }, { "/%2e%2e%5c", "404" }, { "/a%2f..", "404" },
    };

    check_paths(paths, sizeof(paths) / sizeof(paths[0]));
}
END_TEST

START_TEST(refuses_nul_raw_and_encoded)
{
    ck_assert_str_eq(path("/%00"), "400");
    ck_assert_str_eq(path("/a%00.txt"), "400");
    ck_assert_str_eq(normal(MPX_STR("/a\0b"), uri_normal_path), "400");
    ck_assert_str_eq(normal(MPX_STR("/\0"), uri_normal_decoded), "400");
    ck_assert_str_eq(normal(MPX_STR("/a/\0/.."), uri_normal_decoded), "400");
}
END_TEST

START_TEST(refuses_escapes_that_are_none)
{
    static const char *const paths[][2] = {
        { "/%", "400" },      { "/%4", "400" },  { "/a%", "400" },  { "/a%4", "400" },
        { "/%zz", "400" },    { "/%4z", "400" }, { "/%z4", "400" }, { "/%%41", "400" },
        { "/%4%31", "400" },  { "/%+1", "400" }, { "/% 1", "400" }, { "/%0x", "400" },
        { "/%u0041", "400" }, { "/%2", "400" },
    };

    check_paths(paths, sizeof(paths) / sizeof(paths[0]));
    /* the digits must lie in the view */
    ck_assert_str_eq(normal((struct mpx_str){ "/%41", 3 }, uri_normal_path), "400");
    ck_assert_str_eq(normal((struct mpx_str){ "/%41", 2 }, uri_normal_path), "400");
}
END_TEST

START_TEST(a_decoded_path_is_not_decoded_again)
{
    ck_assert_str_eq(normal(MPX_STR("/%41/%2e%2e/%2f/%"), uri_normal_decoded), "/%41/%2e%2e/%2f/%");
    ck_assert_str_eq(normal(MPX_STR("//a/./b/../\\"), uri_normal_decoded), "/a/\\");
    ck_assert_str_eq(normal(MPX_STR("/a/../.."), uri_normal_decoded), "400");
    ck_assert_str_eq(normal(MPX_STR("a/b"), uri_normal_decoded), "400");
    ck_assert_str_eq(normal(MPX_STR(""), uri_normal_decoded), "400");
}
END_TEST

/* Every path of up to nine bytes of this alphabet: normal is normal, nothing leaves the root. */
START_TEST(a_normal_path_is_its_own_normal_form)
{
    static const char alphabet[] = "/.a";
    char text[9], out[9], again[9];

    for (uint32_t code = 0; code < 3 * 3 * 3 * 3 * 3 * 3 * 3 * 3; code++)
        for (size_t length = 1; length <= 9; length++) {
            uint32_t rest = code;
            size_t n, m;

            text[0] = '/';
            for (size_t i = 1; i < length; i++, rest /= 3)
                text[i] = alphabet[rest % 3];
            if (uri_normal_decoded((struct mpx_str){ text, length }, out, &n) != 0)
                continue;
            struct mpx_str s = { out, n };
            bool bad = n == 0 || out[0] != '/' || memmem(out, n, "//", 2) ||
                       memmem(out, n, "/./", 3) || memmem(out, n, "/../", 4) ||
                       (n > 1 && memcmp(out + n - 2, "/.", 2) == 0) ||
                       (n > 2 && memcmp(out + n - 3, "/..", 3) == 0);
            if (bad || uri_normal_decoded(s, again, &m) != 0 ||
                !str_eq(s, (struct mpx_str){ again, m }))
                ck_abort_msg("%.*s is %.*s", (int)length, text, STR_ARGS(s));
        }
}
END_TEST

START_TEST(encodes_all_but_unreserved_and_slashes)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

    for (int c = 0; c < 256; c++) {
        char in[1] = { (char)c }, out[4] = { 0 }, wanted[8];

        (void)snprintf(wanted, sizeof(wanted), "%%%02X", (unsigned)c);
        if (memchr(plain, c, sizeof(plain) - 1) != NULL)
            memcpy(wanted, in, 1), wanted[1] = '\0';
        ck_assert_uint_eq(uri_encode_path((struct mpx_str){ in, 1 }, out), strlen(wanted));
        ck_assert_str_eq(out, wanted);
    }
    ck_assert_uint_eq(uri_encode_path(MPX_STR(""), NULL), 0);
}
END_TEST

START_TEST(what_was_encoded_decodes_to_itself)
{
    char all[256], encoded[3 * sizeof(all)], back[sizeof(encoded)];
    size_t n = 0, m;

    all[n++] = '/';
    for (int c = 1; c < 256; c++)
        if (c != '/' && c != '\\')
            all[n++] = (char)c;
    struct mpx_str s = { encoded, uri_encode_path((struct mpx_str){ all, n }, encoded) };
    ck_assert_int_eq(uri_normal_path(s, back, &m), 0);
    ck_assert_uint_eq(m, n);
    ck_assert_mem_eq(back, all, n);
}
END_TEST

Suite *suite_uri(void)
{
    static const TTest **const tests[] = {
        &reads_the_parts_of_each_form,
        &refuses_targets_that_are_none,
        &refuses_bytes_that_no_target_may_hold,
        &a_host_is_lower_case_without_port_or_trailing_dot,
        &refuses_hosts_that_name_nothing,
        &a_host_may_have_255_bytes,
        &removes_dot_segments_and_repeated_slashes,
        &refuses_paths_above_the_root,
        &decodes_once_and_before_dot_segments_are_removed,
        &an_encoded_slash_or_backslash_is_404,
        &refuses_nul_raw_and_encoded,
        &refuses_escapes_that_are_none,
        &a_decoded_path_is_not_decoded_again,
        &a_normal_path_is_its_own_normal_form,
        &encodes_all_but_unreserved_and_slashes,
        &what_was_encoded_decodes_to_itself,
        NULL,
    };

    return unit_suite("uri", tests);
}
