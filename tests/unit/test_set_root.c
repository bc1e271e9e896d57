/* SPDX-License-Identifier: MIT
   mpx_req_set_root: a request whose files lie elsewhere. The module "mover" moves the root and then
   tells what hooks see of it, or opens a file. */
#include "loopback.h"
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

/* What the module is to do. */
static struct wish {
    const char *phase; /* in which hook, "" for none */
    struct mpx_str prefix, folder;
    uid_t owner;
    const char *rel; /* what to open then; NULL: tells what it sees */
} wish;

static struct mpx_str text(const char *s)
{
    return (struct mpx_str){ s, strlen(s) };
}

static enum mpx_rc opened(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_file *f;
    int rc = mpx_open_result(r, &f);

    (void)conf;
    (void)state;
    if (rc < 0)
        mpx_res_write(r, mpx_printf(mpx_req_arena(r), "error %d", -rc));
    else
        mpx_res_file(r, f);
    return mpx_res_end(r);
}

static int move(struct mpx_req *r, const char *phase)
{
    if (strcmp(wish.phase, phase) != 0)
        return 0;
    return mpx_req_set_root(r, wish.prefix, wish.folder, wish.owner);
}

static enum mpx_rc route(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return move(r, "route") < 0 ? mpx_res_error(r, 409) : MPX_NEXT;
}

static enum mpx_rc grant(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return move(r, "access") < 0 ? mpx_res_error(r, 409) : MPX_NEXT;
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    struct mpx_str path = mpx_req_path(r);

    (void)conf;
    if (mpx_str_eq(path, MPX_STR("/again"))) {
        (void)mpx_req_set_root(r, MPX_STR("/again"), MPX_STR("/usr"), (uid_t)-1);
        (void)mpx_req_rewrite(r, MPX_STR("/in/sub/x"), MPX_STR(""));
        return MPX_RESTART;
    }
    if (mpx_str_eq(path, MPX_STR("/page")))
        return mpx_open(r, MPX_STR("page"), 0, opened, NULL);
    if (move(r, "content") < 0 || mpx_str_eq(path, MPX_STR("/refused")))
        return mpx_res_error(r, 409);
    if (wish.rel != NULL)
        return mpx_open(r, text(wish.rel), 0, opened, NULL);
    const struct mpx_str prefix = mpx_req_prefix(r), rest = mpx_req_rest(r),
                         location = mpx_req_location(r), root = mpx_req_root_prefix(r);
    mpx_res_write(r, mpx_printf(mpx_req_arena(r), "[%.*s][%.*s][%.*s][%.*s]", (int)prefix.n,
                                prefix.p, (int)rest.n, rest.p, (int)location.n, location.p,
                                (int)root.n, root.p));
    return mpx_res_end(r);
}

static const struct mpx_module mover = {
    MPX_HEADER(mover, "1.0"),
    .on = { [MPX_PH_ROUTE] = route, [MPX_PH_ACCESS] = grant, [MPX_PH_CONTENT] = content },
};

static const struct mpx_module *const built_in[] = { &mover, NULL };
static char documents[64], other[64];
static struct loopback *lb;

static void begin(void)
{
    char config[512], link[128];

    unit_folder(documents);
    unit_folder(other);
    unit_write(documents, "here", "of the documents");
    unit_write(documents, "page", "a page");
    unit_write(other, "there", "of the other");
    (void)snprintf(link, sizeof(link), "%s/link", other);
    ck_assert_int_eq(symlink("../", link), 0);
    (void)snprintf(config, sizeof(config),
                   "{\"vhosts\":{\"documents\":\"%s\",\"modules\":[\"mover\"],"
                   "\"error_pages\":{\"409\":\"/page\"},\"directories\":["
                   "{\"path\":\"/in/\"},{\"path\":\"/in/own/\",\"location\":\"%s\"},"
                   "{\"path\":\"/in/own/sub/\"}]}}",
                   documents, other);
    lb = loopback_create_with(config, built_in);
    ck_assert_ptr_nonnull(lb);
}

/* What comes for a path while that is wished. */
static const char *ask(const char *path, const char *phase, const char *prefix, const char *folder,
                       long owner, const char *rel)
{
    static char answer[256];
    char head[256];
    struct loopback_req q = { .lb = lb };

    wish.phase = phase;
    wish.prefix = text(prefix);
    wish.folder = text(folder);
    wish.rel = rel;
    wish.owner = (uid_t)owner;
    (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    loopback_forget_log(lb);
    loopback_send(lb, &q, head, NULL);
    ck_assert(loopback_wait(&q));
    struct mpx_str said = buffer_str(&q.answer);
    (void)snprintf(answer, sizeof(answer), "%d %.*s", q.status, (int)said.n, said.p);
    loopback_end(&q);
    return answer;
}

static const char *seen(const char *prefix, const char *rest, const char *location,
                        const char *root)
{
    static char all[256];

    (void)snprintf(all, sizeof(all), "200 [%s][%s][%s][%s]", prefix, rest, location, root);
    return all;
}

START_TEST(hooks_see_the_new_root_as_if_it_were_a_directory_s)
{
    begin();
    ck_assert_str_eq(ask("/in/a/b", "content", "/in/a", other, -1, NULL),
                     seen("/in/a", "b", other, "/in/a"));
    ck_assert_str_eq(ask("/in/a/b", "access", "/in", other, -1, NULL),
                     seen("/in", "a/b", other, "/in"));
    ck_assert_str_eq(ask("/in/a/b/", "access", "", other, -1, NULL),
                     seen("", "in/a/b/", other, ""));
    ck_assert_str_eq(ask("/~x", "content", "/~x", "/usr", -1, NULL),
                     seen("/~x", "", "/usr", "/~x"));
    ck_assert_str_eq(ask("/~x/", "content", "/~x", "/usr", -1, NULL),
                     seen("/~x", "", "/usr", "/~x"));
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_root_s_prefix_is_that_of_the_folder_that_was_named)
{
    char below[128];

    begin();
    ck_assert_str_eq(ask("/a", "", "", "", -1, NULL), seen("", "a", documents, ""));
    (void)snprintf(below, sizeof(below), "%s/in", documents);
    ck_assert_str_eq(ask("/in/a", "", "", "", -1, NULL), seen("/in", "a", below, ""));
    ck_assert_str_eq(ask("/in/own/a", "", "", "", -1, NULL),
                     seen("/in/own", "a", other, "/in/own"));
    (void)snprintf(below, sizeof(below), "%s/sub", other);
    ck_assert_str_eq(ask("/in/own/sub/a", "", "", "", -1, NULL),
                     seen("/in/own/sub", "a", below, "/in/own"));
    loopback_destroy(lb);
}
END_TEST

START_TEST(files_are_opened_beneath_it_and_nowhere_else)
{
    begin();
    ck_assert_str_eq(ask("/x", "", "", "", -1, "here"), "200 of the documents");
    ck_assert_str_eq(ask("/x", "content", "/x", other, -1, "there"), "200 of the other");
    ck_assert_str_eq(ask("/x", "access", "/x", other, -1, "there"), "200 of the other");
    ck_assert_str_eq(ask("/x", "content", "/x", other, -1, "here"), "200 error 2");
    ck_assert_str_eq(ask("/x", "content", "/x", other, -1, "link"), "200 error 18");
    ck_assert_str_eq(ask("/x", "content", "/x", other, -1, "../a"), "200 error 18");
    ck_assert_str_eq(ask("/x", "content", "/x", "/nonexistent", -1, "there"), "200 error 2");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_folder_of_another_owner_is_not_there)
{
    const long me = (long)getuid();

    begin();
    for (int i = 0; i < 2; i++) { /* at first a thread may look, then it is known */
        ck_assert_str_eq(ask("/x", "content", "/x", other, me, "there"), "200 of the other");
        ck_assert_str_eq(ask("/x", "content", "/x", other, me + 1, "there"), "200 error 2");
    }
    loopback_destroy(lb);
    begin();
    ck_assert_str_eq(ask("/x", "content", "/x", other, me + 1, "there"), "200 error 2");
    ck_assert_str_eq(ask("/x", "content", "/x", other, me, "there"), "200 of the other");
    loopback_destroy(lb);
}
END_TEST

START_TEST(what_cannot_be_is_refused_and_logged)
{
    static const char *const wrong[][4] = {
        { "route", "", "/usr", "before the response has begun" },
        { "content", "/y", "/usr", "the request's path does not lie there" },
        { "content", "/x/", "/usr", "the request's path does not lie there" },
        { "content", "/x/y/z", "/usr", "the request's path does not lie there" },
        { "content", "/x/yy", "/usr", "the request's path does not lie there" },
        { "content", "/", "/usr", "the request's path does not lie there" },
        { "content", "/x", "usr", "the folder is no absolute path" },
        { "content", "/x", "", "the folder is no absolute path" },
    };

    begin();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_str_eq(ask("/x/y", wrong[i][0], wrong[i][1], wrong[i][2], -1, NULL),
                         "409 a page");
        ck_assert_msg(strstr(loopback_log(lb), wrong[i][3]) != NULL, "%zu: %s", i,
                      loopback_log(lb));
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_rewrite_ends_it)
{
    char below[128];

    begin();
    (void)snprintf(below, sizeof(below), "%s/in", documents);
    ck_assert_str_eq(ask("/again", "", "", "", -1, NULL), seen("/in", "sub/x", below, ""));
    loopback_destroy(lb);
}
END_TEST

START_TEST(an_error_page_is_looked_for_where_its_own_path_lies)
{
    begin();
    ck_assert_str_eq(ask("/refused", "content", "/refused", other, -1, NULL), "409 a page");
    loopback_destroy(lb);
}
END_TEST

Suite *suite_set_root(void)
{
    static const TTest **const tests[] = {
        &hooks_see_the_new_root_as_if_it_were_a_directory_s,
        &the_root_s_prefix_is_that_of_the_folder_that_was_named,
        &files_are_opened_beneath_it_and_nowhere_else,
        &a_folder_of_another_owner_is_not_there,
        &what_cannot_be_is_refused_and_logged,
        &a_rewrite_ends_it,
        &an_error_page_is_looked_for_where_its_own_path_lies,
        NULL,
    };

    return unit_suite("set_root", tests);
}
