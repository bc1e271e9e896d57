/* SPDX-License-Identifier: MIT
   Request targets and paths: what uri.c makes of them is normal, stays as it is, and is what the
   naive reader makes of them. */
#include "uri.h"

#include "fuzz.h"
#include "naive.h"
#include "str.h"

#include <stdlib.h>

static bool has_segment(struct mpx_str path, const char *segment)
{
    struct mpx_str rest = path;

    while (rest.n > 0) {
        rest = str_from(rest, 1);
        struct mpx_str one = str_head(rest, str_find(rest, '/'));

        if (str_is(one, segment))
            return true;
        rest = str_from(rest, one.n);
    }
    return false;
}

static void check_normal(struct mpx_str path)
{
    FUZZ_MUST(path.n > 0 && path.p[0] == '/', "a normal path does not begin with a slash");
    FUZZ_MUST(!has_segment(path, ".") && !has_segment(path, ".."), "a dot segment is left");
    FUZZ_MUST(str_find(path, '\0') == path.n, "a NUL is left");
    for (size_t i = 1; i < path.n; i++)
        FUZZ_MUST(path.p[i] != '/' || path.p[i - 1] != '/', "two slashes are left");
}

/* Normal again, in its own place, and back from its encoded form: always the same. */
static void check_stable(struct mpx_str path)
{
    char *again = malloc(path.n + 1), *encoded = malloc(3 * path.n + 1);
    size_t n;

    FUZZ_MUST(again != NULL && encoded != NULL, "no memory");
    memcpy(again, path.p, path.n);
    FUZZ_MUST(uri_normal_decoded((struct mpx_str){ again, path.n }, again, &n) == 0 &&
                  str_eq((struct mpx_str){ again, n }, path),
              "a normal path has another normal form");
    n = uri_encode_path(path, encoded);
    if (str_find(path, '\\') == path.n) { /* which a path may not hold encoded */
        FUZZ_MUST(uri_normal_path((struct mpx_str){ encoded, n }, encoded, &n) == 0 &&
                      str_eq((struct mpx_str){ encoded, n }, path),
                  "an encoded path does not come back");
    }
    free(again);
    free(encoded);
}

static void check_path(struct mpx_str in, const struct naive_message *m)
{
    char *out = malloc(in.n + 1);
    size_t n = 0;

    FUZZ_MUST(out != NULL, "no memory");
    int status = uri_normal_path(in, out, &n);
    FUZZ_MUST(status == 0 || status == 400 || status == 404, "status %d", status);
    FUZZ_MUST(status == 0 ? m->rules == 0 : naive_may_answer(m, status),
              "status %d, to the naive reader rules %#llx", status, (unsigned long long)m->rules);
    if (status == 0) {
        struct mpx_str path = { out, n };

        FUZZ_MUST(n <= in.n, "the path has grown");
        FUZZ_MUST(str_eq(path, m->path), "the path is \"%.*s\", to the naive reader \"%.*s\"",
                  STR_ARGS(path), STR_ARGS(m->path));
        check_normal(path);
        check_stable(path);
    }
    free(out);
}

void fuzz_uri(const uint8_t *data, size_t n)
{
    static struct naive v;
    struct mpx_str text = { (const char *)data, n };
    struct naive_message *m = &v.messages[0];
    struct uri_target target;

    if (n == 0 || n > 512) /* the naive reader has no room for more segments */
        return;
    memset(m, 0, sizeof(*m));
    v.used = 0;
    m->method = MPX_STR("OPTIONS");
    m->target = text;
    naive_target(&v, m);
    int status = uri_parse_target(text, &target);
    FUZZ_MUST(status == 0 || (status == 400 && m->rules != 0), "status %d, rules %#llx", status,
              (unsigned long long)m->rules);
    if (status != 0 || target.form == URI_ASTERISK)
        return;
    if (target.form == URI_ABSOLUTE && (m->rules >> NAIVE_TARGET_SHAPE & 1) != 0)
        return; /* its authority, which is looked at elsewhere */
    FUZZ_MUST(str_eq(target.query, m->query), "the query is another");
    check_path(target.path, m);
}
